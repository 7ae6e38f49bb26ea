"""An application created through Microsoft Graph, over HTTPS, with tokens of azure-identity."""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient

from gatepost.testing import Emulator

SENDER_ROLE = "Email Sender"


@dataclass(frozen=True)
class Graph:
    """Calls the API as one application."""

    relay: Emulator
    token: str

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status, and the document if there is one."""
        request = urllib.request.Request(
            f"{self.relay.ready['authority']}/v1.0/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        context = ssl.create_default_context(cafile=self.relay.ca_file)
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def relay(https_relay: Emulator) -> Emulator:
    return https_relay


def credential(relay: Emulator, client_id: str, secret: str) -> ClientSecretCredential:
    return ClientSecretCredential(
        relay.ready["tenant_id"],
        client_id,
        secret,
        authority=relay.ready["authority"],
        disable_instance_discovery=True,
    )


def graph_as(relay: Emulator, client_id: str, secret: str) -> Graph:
    with closing(credential(relay, client_id, secret)) as signed_in:
        return Graph(relay, signed_in.get_token("https://graph.microsoft.com/.default").token)


def assign(relay: Emulator, principal_id: str) -> None:
    """Assign the role that may send, on the resource."""
    admin = relay.ready["admin"]
    base, scope = relay.ready["arm_url"], relay.ready["resource_id"]
    with (
        closing(credential(relay, admin["client_id"], admin["client_secret"])) as signed_in,
        AuthorizationManagementClient(
            signed_in,
            relay.ready["subscription_id"],
            base_url=base,
            credential_scopes=[f"{base}/.default"],
        ) as client,
    ):
        [role] = client.role_definitions.list(scope, filter=f"roleName eq '{SENDER_ROLE}'")
        client.role_assignments.create(
            scope,
            str(uuid.uuid4()),
            {
                "properties": {
                    "roleDefinitionId": role.id,
                    "principalId": principal_id,
                    "principalType": "ServicePrincipal",
                }
            },
        )


def test_the_four_calls_and_mail(relay: Emulator) -> None:
    admin = relay.ready["admin"]
    graph = graph_as(relay, admin["client_id"], admin["client_secret"])
    wish = {"displayName": "newsletter", "signInAudience": "AzureADMyOrg"}
    status, app = graph.ask("POST", "applications", wish)
    assert status == 201
    status, secret = graph.ask(
        "POST",
        f"applications/{app['id']}/addPassword",
        {"passwordCredential": {"displayName": "smtp", "endDateTime": "2099-01-01T00:00:00Z"}},
    )
    assert status == 200
    with pytest.raises(ClientAuthenticationError):  # it has no service principal yet
        graph_as(relay, app["appId"], secret["secretText"])
    status, principal = graph.ask("POST", "servicePrincipals", {"appId": app["appId"]})
    assert status == 201
    query = f"$filter=appId%20eq%20'{app['appId']}'"
    status, listed = graph.ask("GET", f"servicePrincipals?{query}")
    assert (status, [each["id"] for each in listed["value"]]) == (200, [principal["id"]])
    assign(relay, principal["id"])

    username = f"{relay.ready['resource']}.{app['appId']}.{relay.ready['tenant_id']}"
    with smtplib.SMTP(relay.smtp.host, relay.smtp.port, timeout=60) as client:
        client.starttls(context=ssl.create_default_context(cafile=relay.ca_file))
        client.login(username, secret["secretText"], initial_response_ok=False)
        assert client.mail(relay.sender)[0] == 250
        client.rset()
        removed = {"keyId": secret["keyId"]}
        assert graph.ask("POST", f"applications/{app['id']}/removePassword", removed)[0] == 204
        assert client.mail(relay.sender)[0] == 530
    assert graph.ask("DELETE", f"applications/{app['id']}")[0] == 204
    assert graph.ask("GET", f"applications/{app['id']}")[0] == 404


def test_a_sender_role_cannot_create_applications(relay: Emulator) -> None:
    graph = graph_as(relay, relay.ready["client_id"], relay.ready["client_secret"])
    status, refused = graph.ask("POST", "applications", {"displayName": "mine"})
    assert (status, refused["error"]["code"]) == (403, "Authorization_RequestDenied")
