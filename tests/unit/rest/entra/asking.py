"""Calls the token endpoint in this process, without sockets."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives import hashes
from starlette.applications import Starlette

from gatepost.directory.azure.client_certificates import read_certificate
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import ClientCertificate, Entry
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.model.profile import Profile
from gatepost.rest import entra
from gatepost.rest.errors import ApiError, answer_error
from gatepost.rest.request_bodies import Intake
from gatepost.rest.site import AccessKeys, Site
from tests.client_certificates import OwnCertificate, make_certificate
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import (
    APPLICATION,
    KEY,
    NOW,
    PASSWORD,
    TENANT,
    entries,
    sender,
)
from tests.unit.directory.memory import MemoryRecords
from tests.unit.rest.in_process import Answered, Question, ask

ORIGIN = "https://localhost:2443"
SCOPE = "https://communication.azure.com/.default"
PATH = f"/{TENANT}/oauth2/v2.0/token"
SENDER = sender()


@cache
def own_certificate() -> OwnCertificate:
    """Return the sender's certificate."""
    return make_certificate("sender", start=NOW.replace(hour=0), end=NOW.replace(year=2027))


@cache
def kept_certificate() -> ClientCertificate:
    return read_certificate(SENDER, own_certificate().der)


class Asking:
    """A site with the small directory of ``world``, and its reports."""

    def __init__(
        self,
        there: Iterable[Entry] = (),
        without: Collection[str] = (),
        *,
        for_people: bool = False,
        **site: Any,
    ) -> None:
        """``site`` has further options of the relay."""
        self.reported: list[tuple[str, Mapping[str, Any]]] = []
        self.tokens = AccessTokens(rsa_key(), lambda: NOW)
        directory = AzureDirectory(MemoryRecords(), digest_key=KEY, clock=lambda: NOW)
        kept = [entry for name, entry in entries().items() if name not in without]
        asyncio.run(directory.save([*kept, *there]))
        self.site = Site(
            Profile("test"),
            directory,
            cast("Any", None),
            cast("AccessKeys", None),
            lambda event, **facts: self.reported.append((event, facts)),
            now=lambda: NOW,
            tokens=self.tokens,
            clients_time=lambda: NOW,
            **{"intake": Intake(), **site},
        )
        self.application = Starlette(
            routes=entra.routes(self.site, for_people=for_people),
            exception_handlers={ApiError: answer_error},
        )

    @property
    def reason(self) -> str:
        """The last reported reason."""
        return str(self.reported[-1][1].get("reason", ""))

    def get(self, path: str, **headers: str) -> Answered:
        return self.ask("GET", path, b"", headers)

    def post(self, fields: Mapping[str, str], path: str = PATH, **headers: str) -> Answered:
        body = urlencode(fields).encode()
        return self.ask("POST", path, body, {"content_type": entra_form(), **headers})

    def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        path, _, query = target.partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("host", "localhost:2443")
        pieces = [body[at : at + 7_000] for at in range(0, len(body), 7_000)] or [b""]
        return asyncio.run(ask(self.application, Question(method, path, query, named, pieces)))


def entra_form() -> str:
    return "application/x-www-form-urlencoded"


def with_secret(secret: str = PASSWORD, **fields: str) -> dict[str, str]:
    """Return the form that gets a token; an empty field is left out."""
    form = {
        "client_id": APPLICATION,
        "grant_type": "client_credentials",
        "client_secret": secret,
        "scope": SCOPE,
        **fields,
    }
    return {name: value for name, value in form.items() if value}


def assertion(
    own: OwnCertificate | None = None,
    *,
    algorithm: str = "PS256",
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Return a client assertion as msal makes it; a claim that is None is left out."""
    own = own or own_certificate()
    now = int(NOW.timestamp())
    whole = {
        "aud": ORIGIN + PATH,
        "iss": APPLICATION,
        "sub": APPLICATION,
        "exp": now + 600,
        "nbf": now,
        "iat": now,
        "jti": "6a1d5e3c-0000-0000-0000-000000000001",
        **claims,
    }
    if header is None:
        print_ = own.thumbprint(hashes.SHA256())
        header = {"x5t#S256": jwt.utils.base64url_encode(print_).decode()}
    present = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(present, own.key, algorithm, dict(header))


def with_assertion(value: str, **fields: str) -> dict[str, str]:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_assertion_type": kind, "client_assertion": value, **fields}
    return with_secret("", **form)
