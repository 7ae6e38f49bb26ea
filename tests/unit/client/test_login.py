"""The credentials of a client, from the options of its user."""

from pathlib import Path

import pytest

from gatepost.client.connection import make_login
from gatepost.client.settings import Options, Tls, Token
from gatepost.errors import ConfigError, TlsError
from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret
from tests.client_certificates import make_certificate

PASSWORD = Credentials("ann", Secret("s3cret"))


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    path = tmp_path / "own.pem"
    path.write_bytes(make_certificate().pem)
    return str(path)


@pytest.mark.parametrize(
    ("username", "password", "mechanism", "expected"),
    [
        (None, None, "", None),  # it is shown, and nobody signs in
        (None, None, "external", Credentials(certificate=True)),
        ("ann", None, "", Credentials(certificate=True, authzid="ann")),
        ("ann", "s3cret", "", PASSWORD),
        ("ann", Token("t0ken"), "", Credentials("ann", token=Secret("t0ken"))),
    ],
)
def test_a_client_certificate_signs_in_where_no_password_does(
    certificate: str,
    username: str | None,
    password: str | Token | None,
    mechanism: str,
    expected: Credentials | None,
) -> None:
    options = Options(mechanism=mechanism)
    login = make_login("localhost", username, password, Tls(certificate=certificate), options)
    assert login.credentials == expected


@pytest.mark.parametrize(
    ("username", "password", "mechanism"),
    [("ann", None, ""), (None, "s3cret", ""), (None, None, "PLAIN"), (None, None, "EXTERNAL")],
)
def test_half_of_it_is_a_mistake(
    username: str | None, password: str | None, mechanism: str
) -> None:
    """Nothing is sent without a sign-in that was asked for."""
    with pytest.raises(ConfigError):
        make_login("localhost", username, password, Tls(), Options(mechanism=mechanism))


def test_a_mechanism_that_is_none_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"unknown mechanism logn .*LOGIN"):
        make_login("localhost", "ann", "s3cret", Tls(), Options(mechanism="logn"))


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="No such file"):
        make_login("localhost", None, None, Tls(certificate=str(tmp_path / "none")), Options())
