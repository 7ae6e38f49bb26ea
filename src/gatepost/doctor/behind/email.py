"""The e-mail API, with a body that cannot be accepted: authentication and role, and nothing sent.

What it answers tells how far the request came: 401 for a token without a role, 404 DomainNotLinked
and 400 InvalidSenderUserName for a sender that would be refused over SMTP, too, any other 400 for a
token and a role that are good. The order of the checks is not documented.
"""

from typing import Any, Final

from gatepost.doctor.behind.asking import Questions, as_json, bearer
from gatepost.doctor.behind.cloud import RESOURCE
from gatepost.model.entra import Answer
from gatepost.model.secret import Secret
from gatepost.net.http import HttpRequest

API_VERSION: Final = "2023-03-31"
"""The first that is generally available."""
NO_ADDRESS: Final = "gatepost-doctor-sends-nothing"
"""Stands for a recipient: without ``@`` it is none, and the request is refused for it."""


def ask_to_send(
    questions: Questions, endpoint: str, resource: str, token: Secret, sender: str
) -> Answer:
    """Ask the resource to send nothing to nobody; ``sender`` may be empty."""
    url = f"{endpoint.replace(RESOURCE, resource)}/emails:send?api-version={API_VERSION}"
    body = as_json(_document(sender))
    headers = bearer(token.reveal(), {})
    answer, _ = questions.ask(HttpRequest("POST", url, headers, body))
    return answer


def _document(sender: str) -> dict[str, Any]:
    if not sender:
        return {}
    return {
        "senderAddress": sender,
        "content": {"subject": "gatepost doctor", "plainText": "not to be sent"},
        "recipients": {"to": [{"address": NO_ADDRESS}]},
    }
