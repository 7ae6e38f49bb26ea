"""The e-mail API, with a body that cannot be accepted: checks authentication and role, and sends
nothing.

The answer shows how far the request came: 401 for a token without a role, 404 DomainNotLinked and
400 InvalidSenderUserName for a sender that would be refused over SMTP, too, any other 400 for a
token and a role that work. The order of the checks is not documented.
"""

from http import HTTPStatus
from typing import Any, Final

from gatepost.doctor.identity.service_addresses import OWN_HOSTS, PUBLIC_EMAIL, RESOURCE
from gatepost.doctor.identity.service_request import Questions, as_json, bearer
from gatepost.model.entra import EntraResponse
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest

API_VERSION: Final = "2023-03-31"
"""The first version that is generally available."""
GEOGRAPHIES: Final = (
    "unitedstates", "europe", "asiapacific", "australia", "brazil", "canada", "france", "germany",
    "india", "japan", "korea", "norway", "switzerland", "uae", "uk", "africa",
)  # fmt: skip
"""Labels of hosts, from endpoints in public samples (2023 to 2026) and the data locations of the
service; only tried if the plain host does not resolve."""
NO_ADDRESS: Final = "gatepost-doctor-sends-nothing"
"""Used as a recipient: without ``@`` it is invalid, so that the request is refused."""


def endpoints_of(template: str, resource: str, host: str) -> tuple[str, ...]:
    """Return the possible endpoints of the resource: the host from Resource Manager, or the usual
    ones.

    In the public cloud, a host may have the label of the data's geography.
    """
    if host:
        return (f"https://{host}",)
    if RESOURCE not in template:
        return (template,) if template else ()
    if not resource:
        return ()
    first = template.replace(RESOURCE, resource)
    if template != PUBLIC_EMAIL:
        return (first,)
    return (first, *(template.replace(RESOURCE, f"{resource}.{each}") for each in GEOGRAPHIES))


def find_host(questions: Questions, endpoint: str) -> EntraResponse | None:
    """Return what shows that our own server has no such resource. In the cloud its name does not
    resolve, but a local server is reached by any name."""
    if OWN_HOSTS not in endpoint:
        return None
    answer, _ = questions.ask(HttpRequest("GET", f"{endpoint}/health", {}))
    if answer.status != HTTPStatus.NOT_FOUND:
        return None
    return EntraResponse(answer.host, failure=f"{answer.host}: no such resource", phase="resolve")


def ask_to_send(questions: Questions, endpoint: str, token: Secret, sender: str) -> EntraResponse:
    """Send a request that cannot be accepted to the resource; ``sender`` may be empty."""
    url = f"{endpoint}/emails:send?api-version={API_VERSION}"
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
