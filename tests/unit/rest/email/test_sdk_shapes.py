"""Requests as Microsoft's other SDKs and its documentation for curl write them, byte for byte.

The bodies follow Azure.Communication.Email 1.0 (.NET) and azure-communication-email 1.0 (Java): for
what is not given, one writes empty lists, the other nothing.
"""

from typing import Any
from uuid import uuid4

import pytest

from tests.unit.rest.email.calling import SENDER, DataPlane

DOTNET = (
    '{"headers":{},"senderAddress":"%s","content":{"subject":"Grüße","plainText":"a",'
    '"html":"<p>a</p>"},"recipients":{"to":[{"address":"ann@example.net","displayName":""}],'
    '"cc":[],"bcc":[]},"attachments":[{"name":"a.txt","contentType":"text/plain",'
    '"contentInBase64":"aGVsbG8="}],"replyTo":[],"userEngagementTrackingDisabled":false}'
)
JAVA = (
    '{"senderAddress":"%s","content":{"subject":"Grüße","plainText":"a"},'
    '"recipients":{"to":[{"address":"ann@example.net"}]},"attachments":null,"replyTo":null}'
)
CURL = """
{
  "headers": {
    "ClientCorrelationId": "123",
    "ClientCustomHeaderName": "ClientCustomHeaderValue"
  },
  "senderAddress": "%s",
  "content": {
    "subject": "An exciting offer especially for you!",
    "plainText": "This exciting offer was created especially for you, our most loyal customer.",
    "html": "<html><head><title>Exciting offer!</title></head><body><h1>Offer</h1></body></html>"
  },
  "recipients": {
    "to": [{"address": "tom.jones@contoso.com", "displayName": "Tom Jones"}],
    "cc": [{"address": "danny.jones@contoso.com", "displayName": "Danny Jones"}],
    "bcc": [{"address": "mary.jones@contoso.com", "displayName": "Mary Jones"}]
  },
  "attachments": [
    {"name": "Attachment.txt", "contentType": "text/plain", "contentInBase64": "YQ=="}
  ],
  "replyTo": [{"address": "info@contoso.com", "displayName": "Contoso Info"}],
  "userEngagementTrackingDisabled": false
}
"""


@pytest.mark.parametrize(
    ("body", "version", "fields"),
    [
        (
            DOTNET,
            "2023-03-31",
            {
                "x-ms-client-request-id": "1b3e",
                "x-ms-return-client-request-id": "true",
                "user-agent": "azsdk-net-Communication.Email/1.0.1 (.NET 8.0.11; Linux)",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                "accept": "application/json",
            },
        ),
        (
            JAVA,
            "2023-03-31",
            {
                "content-type": "application/json; charset=utf-8",
                "x-ms-hmac-string-to-sign-base64": "UE9TVAov",
                "user-agent": "azsdk-java-azure-communication-email/1.0.0 (21; Linux; 6.1)",
            },
        ),
        (CURL, "2024-07-01-preview", {"accept": "*/*", "user-agent": "curl/8.14.1"}),
    ],
    ids=[".NET", "Java", "curl"],
)
def test_a_request_is_accepted(body: str, version: str, fields: dict[str, Any]) -> None:
    api, id_ = DataPlane(), str(uuid4())
    answer = api.send(
        (body % SENDER).encode(),
        headers={"operation-id": id_.upper(), **fields},
        query=f"api-version={version}",
    )
    assert answer.status == 202, answer.body
    assert answer.json == {"id": id_, "status": "Running", "error": None}
    assert answer.headers["operation-location"].endswith(
        f"/emails/operations/{id_}?api-version={version}"
    )
    assert answer.headers.get("x-ms-client-request-id") == fields.get("x-ms-client-request-id")
    assert api.message()["subject"] in body
