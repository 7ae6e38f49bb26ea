"""Token services on loopback: Azure's metadata, Entra, Google, and a generic one.

Each gives the token of the upstream whose name is in the request: in the resource, the scope or the
path.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority
from tests.client_certificates import make_certificate
from tests.matrix.upstreams import Upstream
from tests.shell.http_server import Asked, HttpServer, Told

TENANT = "11111111-0000-4000-8000-000000000001"
CLIENT = "22222222-0000-4000-8000-000000000002"
_NAME = re.compile(r"https://([\w-]+)\.matrix\.test|/for/([\w-]+)")


@dataclass(frozen=True)
class TokenServices:
    """The addresses of the services."""

    plain: HttpServer
    secure: HttpServer
    """The same with TLS, which azure-identity requires for Entra."""
    home: Path

    def credential(self, kind: str, upstream: Upstream) -> str:
        """Return the lines of ``[credentials.NAME]`` for a kind of credential."""
        name = upstream.name
        who = f"username = {json.dumps(upstream.username)}\n"
        application = f'client_id = "{CLIENT}"\n'
        entra = f'{who}{application}tenant = "{TENANT}"\nauthority = "{self.plain.url}"\n'
        scope = f'scope = "https://{name}.matrix.test/.default"\n'
        endpoint = f'token_endpoint = "{self.plain.url}/for/{name}"\n'
        lines = {
            "password": who + self._file("password", f"password-{name}"),
            "entra-secret": entra + scope + self._file("secret", "secret"),
            "entra-certificate": entra + scope + self._file("certificate", "certificate"),
            "managed-identity": who + scope,
            "workload-identity": who + scope,
            "google-service-account": who + self._file("key", f"google-{name}"),
            "refresh-token": who + application + endpoint + self._file("refresh_token", "refresh"),
            "client-certificate": f'certificate = "{upstream.certificate}"\n',
        }
        return f'kind = "{"entra" if kind.startswith("entra") else kind}"\n{lines[kind]}'

    def prepare(self, upstreams: list[Upstream]) -> None:
        """Write the files that credentials name."""
        own = make_certificate()
        key = {
            "client_email": "relay@project.iam.gserviceaccount.com",
            "private_key": own.key_pem.decode(),
        }
        files = {"secret": "a client secret", "refresh": "an old token"}
        for each in upstreams:
            place = {"token_uri": f"{self.plain.url}/for/{each.name}"}
            files[f"google-{each.name}"] = json.dumps(key | place)
            files[f"password-{each.name}"] = each.password
        for name, value in (files | {"certificate": own.pem.decode()}).items():
            (self.home / name).write_text(value)

    def _file(self, key: str, name: str) -> str:
        return f'{key} = {{ file = "{self.home / name}" }}\n'

    def environment(self, trusted: Path) -> dict[str, str]:
        """Return the environment variables that Azure sets for a program."""
        (self.home / "federated").write_text("the.pods.token")
        return {
            "SSL_CERT_FILE": str(trusted),
            "REQUESTS_CA_BUNDLE": str(trusted),
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.plain.url,
            "AZURE_AUTHORITY_HOST": self.secure.url,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_FEDERATED_TOKEN_FILE": str(self.home / "federated"),
        }


@contextmanager
def token_services(
    home: Path, authority: Authority, upstreams: list[Upstream]
) -> Iterator[TokenServices]:
    """Run all of them for these upstreams."""
    tokens = {each.name: each.token for each in upstreams}

    def answer(asked: Asked) -> Told:
        named = _NAME.search(" ".join([asked.target, *asked.query.values(), *asked.form.values()]))
        name = next(filter(None, named.groups()), "") if named else ""
        said = {"access_token": tokens.get(name) or "no-token-of-anybody", "token_type": "Bearer"}
        document = {**said, "expires_in": "3600", "resource": "r"}
        return Told(200, json.dumps(document).encode(), {"content-type": "application/json"})

    pair = authority.issue("localhost", "127.0.0.1")
    with HttpServer(answer) as plain, HttpServer(answer, pair) as secure:
        services = TokenServices(plain, secure, home)
        services.prepare(upstreams)
        yield services
