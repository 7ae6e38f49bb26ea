"""People sign in to the emulated Microsoft 365, by msal, azure-identity and nodemailer.

A test stands in for the person at the browser.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPErrorProcessor, HTTPSHandler, Request, build_opener

import msal  # type: ignore[import-untyped]
import pytest
from azure.identity import DeviceCodeCredential

from gatepost.testing import Emulator
from tests.clients.node import nodemailer
from tests.clients.node.packages import needs_node
from tests.shell.exchange_client import HTTPS, INSIDE, ExchangeClient

SEND = "https://outlook.office.com/SMTP.Send"
SIGNED_IN = "235 2.7.0 Authentication successful"
ACCEPTED = "250 2.0.0 OK queued as "
BACK = {"redirect_uri": "http://localhost:9", "response_mode": "form_post"}


class Stay(HTTPErrorProcessor):
    """Does not follow redirections, and raises nothing."""

    def http_response(self, request: Any, response: Any) -> Any:
        del request
        return response

    https_response = http_response


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeClient]:
    with Emulator("microsoft365", options=HTTPS) as emulator:
        yield ExchangeClient(emulator)


@pytest.fixture
def application(exchange: ExchangeClient) -> msal.PublicClientApplication:
    ready = exchange.ready
    return msal.PublicClientApplication(
        ready["client_id"],
        authority=f"{ready['authority']}/{ready['tenant_id']}",
        instance_discovery=False,
        verify=ready["ca_file"],
    )


def browse(exchange: ExchangeClient, url: str, **fields: str) -> tuple[str, dict[str, str]]:
    """Return the page after a person has filled in a form, or where the browser was sent."""
    opener = build_opener(HTTPSHandler(context=exchange.trust), Stay)
    with opener.open(Request(url, urlencode(fields).encode() if fields else None)) as answer:
        location, page = answer.headers.get("location", ""), answer.read().decode()
    posted = re.findall('type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return page, dict(parse_qsl(urlsplit(location).query) or posted)


def by_browser(
    exchange: ExchangeClient, application: msal.PublicClientApplication, **fields: str
) -> dict[str, Any]:
    flow = application.initiate_auth_code_flow([SEND], **BACK)
    _, back = browse(exchange, flow["auth_uri"], **{"as": exchange.mailbox, **fields})
    return dict(application.acquire_token_by_auth_code_flow(flow, back))


def test_a_browser_with_pkce(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    answer = by_browser(exchange, application)
    assert exchange.by_token(answer["access_token"]) == SIGNED_IN
    assert exchange.send(token=answer["access_token"]).startswith(ACCEPTED)
    assert answer["refresh_token"]
    assert answer["id_token_claims"]["preferred_username"] == exchange.mailbox


def test_the_refresh_token_is_replaced_and_the_old_one_stays_valid(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    first = by_browser(exchange, application)["refresh_token"]
    form = {
        "grant_type": "refresh_token", "client_id": exchange.ready["client_id"],
        "scope": f"{SEND} offline_access",
    }  # fmt: skip
    tokens = {first}
    for _ in range(2):
        answer = exchange.post("token", refresh_token=first, **form)
        assert exchange.by_token(answer["access_token"]) == SIGNED_IN
        tokens.add(answer["refresh_token"])
    assert len(tokens) == 3
    del form["scope"]
    assert exchange.post("token", refresh_token=first, **form)["error_codes"] == [900144]
    other = exchange.post("token", refresh_token="x.y.z", scope=SEND, **form)
    assert (other["error"], other["error_codes"]) == ("invalid_grant", [70000])


def test_a_delegate_sends_as_a_shared_mailbox_but_does_not_sign_in_as_it(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    token = by_browser(exchange, application)["access_token"]
    assert exchange.send(exchange.shared, token=token).startswith(ACCEPTED)
    refused = "535 5.7.3 Authentication unsuccessful"
    assert exchange.by_token(token, exchange.shared) == refused


def approve(exchange: ExchangeClient, where: str, code: str, **fields: str) -> str:
    page, _ = browse(exchange, where)
    assert "user_code" in page
    return browse(exchange, where, user_code=code, **{"as": exchange.mailbox, **fields})[0]


def test_a_device_code_with_msal(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    flow = application.initiate_device_flow([SEND])
    assert (flow["expires_in"], flow["interval"]) == (900, 5)
    assert flow["user_code"] in flow["message"]
    approve(exchange, flow["verification_uri"], flow["user_code"])
    answer = application.acquire_token_by_device_flow(flow)
    assert exchange.by_token(answer["access_token"]) == SIGNED_IN


def test_a_device_code_with_azure_identity(exchange: ExchangeClient) -> None:
    ready = exchange.ready

    def person(where: str, code: str, _expires: Any) -> None:
        approve(exchange, where, code)

    credential = DeviceCodeCredential(
        ready["client_id"],
        tenant_id=ready["tenant_id"],
        authority=ready["authority"],
        disable_instance_discovery=True,
        connection_verify=ready["ca_file"],
        prompt_callback=person,
    )
    assert exchange.by_token(credential.get_token(SEND).token) == SIGNED_IN


def poll(exchange: ExchangeClient, code: str) -> str:
    answer = exchange.post(
        "token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=code,
        client_id=exchange.ready["client_id"],
    )  # fmt: skip
    return str(answer.get("error", "token"))


def ask_for_code(exchange: ExchangeClient) -> dict[str, Any]:
    return exchange.post("devicecode", client_id=exchange.ready["client_id"], scope=SEND)


def test_what_a_device_is_told_while_it_polls(exchange: ExchangeClient) -> None:
    flow = ask_for_code(exchange)
    assert poll(exchange, flow["device_code"]) == "authorization_pending"
    assert "slow_down" in (poll(exchange, flow["device_code"]) for _ in range(100))
    assert poll(exchange, "unknown") == "bad_verification_code"
    approve(exchange, flow["verification_uri"], flow["user_code"].lower())
    assert poll(exchange, flow["device_code"]) == "token"
    assert poll(exchange, flow["device_code"]) == "bad_verification_code"
    declined = ask_for_code(exchange)
    approve(exchange, declined["verification_uri"], declined["user_code"], consent="decline")
    assert poll(exchange, declined["device_code"]) == "authorization_declined"


def test_a_public_client_must_be_allowed(exchange: ExchangeClient) -> None:
    exchange.operate("break", step="public-client")
    try:
        assert ask_for_code(exchange)["error_codes"] == [7000218]
    finally:
        exchange.operate("mend", step="public-client")


def test_a_person_consents(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    token = by_browser(exchange, application)["refresh_token"]
    exchange.operate("break", step="user-consent")
    try:
        form = {"grant_type": "refresh_token", "client_id": exchange.ready["client_id"]}
        refused = exchange.post("token", refresh_token=token, scope=SEND, **form)
        assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [65001])
        assert re.search("AADSTS65001: .* has not consented", refused["error_description"])
        flow = application.initiate_auth_code_flow([SEND], **BACK)
        page, _ = browse(exchange, flow["auth_uri"], **{"as": exchange.mailbox})
        assert "SMTP.Send" in page
        answer = by_browser(exchange, application, consent="decline")
        assert answer["error"] == "access_denied"
        assert "AADSTS65004" in answer["error_description"]
        answer = by_browser(exchange, application, consent="accept")
        assert exchange.by_token(answer["access_token"]) == SIGNED_IN
        assert exchange.by_token(by_browser(exchange, application)["access_token"]) == SIGNED_IN
    finally:
        exchange.operate("mend", step="user-consent")


def test_an_administrator_must_consent(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    exchange.operate("break", step="delegated-consent")
    try:
        answer = by_browser(exchange, application, consent="accept")
        assert "AADSTS90094" in answer["error_description"]
    finally:
        exchange.operate("mend", step="delegated-consent")


def test_scopes_of_several_resources_or_of_none(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    for scope, number in (
        (f"{SEND} https://graph.microsoft.com/User.Read", "AADSTS28000"),
        ("https://outlook.office.com/SMTP.Sned", "AADSTS650053"),
    ):
        flow = application.initiate_auth_code_flow(scope.split(), **BACK)
        _, back = browse(exchange, flow["auth_uri"], **{"as": exchange.mailbox})
        assert number in back["error_description"]


def test_a_wrong_tenant(exchange: ExchangeClient) -> None:
    url = f"{exchange.ready['authority']}/{exchange.ready['client_id']}/oauth2/v2.0/devicecode"
    form = urlencode({"client_id": exchange.ready["client_id"], "scope": SEND}).encode()
    opener = build_opener(HTTPSHandler(context=exchange.trust))
    with pytest.raises(HTTPError) as raised:
        opener.open(Request(url, form))
    assert json.load(raised.value)["error_codes"] == [90002]


@needs_node
def test_nodemailer_sends_with_a_persons_token(
    exchange: ExchangeClient, application: msal.PublicClientApplication
) -> None:
    answer = by_browser(exchange, application)
    transport = {
        "host": "localhost", "port": exchange.emulator.smtp.port, "requireTLS": True,
        "tls": {"ca": Path(exchange.emulator.ca_file).read_text()},
        "auth": {
            "type": "OAuth2", "user": exchange.mailbox, "accessToken": answer["access_token"]
        },
    }  # fmt: skip
    sent = nodemailer.send(transport, exchange.mailbox, INSIDE, b"Subject: From Node\r\n\r\nHello")
    assert sent == {"accepted": [INSIDE]}
