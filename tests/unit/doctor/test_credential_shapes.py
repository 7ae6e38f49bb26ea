"""The shape of a secret is reported, never its value."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.doctor.credential_shapes import describe
from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret

GUID = "1b505391-c72a-4b76-be3f-e648447f9364"
KEY = base64.b64encode(bytes(64)).decode()
SECRETS = [
    ("hCo4av8.mIvfYxe3G9fqpBFuQ0oLvUns1CF-MYw0", ""),
    (GUID, "guid"),
    (KEY, "access_key"),
    ("endpoint=https://res.communication.azure.com/;accesskey=x", "connection_string"),
    ("SG.abc.def", "sendgrid_key"),
    ("abcd efgh ijkl mnop", "google_app_password"),
    ("", "empty"),
    ("eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2lnbmF0dXJl", "access_token"),
    ("$SMTP_PASSWORD", "placeholder"),
    ("${SMTP_PASSWORD}", "placeholder"),
    ("<password>", "placeholder"),
    ("$ecret", ""),
    ("AZURE_CLIENT_SECRET=hCo4av8", "assignment"),
    (base64.b64encode(b"hCo4av8.mIvfYxe3G9fqpBFuQ0oLvUns1CF-MYw0").decode(), "encoded_secret"),
    ("abc8Q%7Ehijklmnopqrstuvwxyzabcdefghijklmn", "percent_encoded"),
]
NAMES = [
    ("me@example.com", "address"),
    (f"res.{GUID}.{GUID}", "entra"),
    (f"my-res|{GUID}|{GUID}", "entra"),
    (GUID, "guid"),
    ("DOMAIN\\me", "domain_user"),
    ("apikey", "name"),
    ("", "empty"),
]


@pytest.mark.parametrize(("secret", "kind"), SECRETS)
def test_kinds_of_secrets(secret: str, kind: str) -> None:
    assert describe(Credentials("me", Secret(secret))).secret.kind == kind


@pytest.mark.parametrize(("name", "form"), NAMES)
def test_forms_of_names(name: str, form: str) -> None:
    assert describe(Credentials(name, Secret("x"))).username_form == form


@pytest.mark.parametrize(
    ("secret", "blank", "ascii_only"),
    [("abc", False, True), ("abc\n", True, True), (" abc", True, True), ("naïve", False, False)],
)
def test_shapes_of_secrets(secret: str, blank: bool, ascii_only: bool) -> None:
    shape = describe(Credentials("me", Secret(secret))).secret
    assert (shape.length, shape.edge_blank, shape.ascii) == (len(secret), blank, ascii_only)


def test_a_token_is_a_token() -> None:
    assert describe(Credentials("me", token=Secret("ey.x.y"))).secret.kind == "token"


@given(st.text(alphabet="XYZxyz0123456789+/=!?", min_size=8))
def test_the_secret_is_not_in_its_shape(secret: str) -> None:
    assert secret not in repr(describe(Credentials("me", Secret(secret))))
