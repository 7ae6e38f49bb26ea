"""The emulator's APIs in this process, and a refused login to examine through them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from gatepost.directory.azure.entries import Entry, RoleAssignment
from gatepost.directory.azure.resource_ids import subscription_path
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.credential_shapes import describe
from gatepost.doctor.identity.look_behind_login import look_behind
from gatepost.doctor.probe_settings import Checks, IdentityOptions, Settings, Visit
from gatepost.errors import ResolveError
from gatepost.model.credentials import Credentials
from gatepost.model.evidence import Evidence, Target
from gatepost.model.finding import Diagnosis
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.net.http_client import HttpRequest, HttpResponse
from gatepost.profiles import load_profile
from tests.conformance.acs_world import World
from tests.unit.diagnosis.cases import DAY, GOOD, but, hello, judged, tls, tried
from tests.unit.directory.azure.world import KEY, NOW, entries
from tests.unit.rest.arm.asking import ADMIN, ADMIN_PRINCIPAL, OWNER
from tests.unit.rest.email.calling import ADDED, DataPlane

AUTHORITY = "https://localhost:2443"
ENVIRONMENT = {"AZURE_AUTHORITY_HOST": AUTHORITY}
SMTP = Server("smtp.azurecomm.net", 587)
POD = "ic3-transport-smtp-acs-deployment-67d47c5c4c-kdkxc Hello [192.0.2.1]"
REFUSED = "535 5.7.3 Authentication unsuccessful"


@dataclass
class Backdoor:
    """All APIs of one directory, as the doctor calls them, and the requests they got."""

    plane: DataPlane
    asked: list[HttpRequest] = field(default_factory=list)
    around: Callable[[HttpRequest], HttpResponse | None] = lambda _request: None
    """Answers instead of the emulator."""

    @classmethod
    def build(cls, make: Callable[[World], Any], *, strict: bool = False) -> "tuple[Backdoor, Any]":
        """Return the APIs of a directory, and the result of ``make`` for it."""
        plane = DataPlane(load_profile("acs", strict=strict))
        world = World(KEY, NOW)
        made = make(world)
        owns = RoleAssignment(
            "aaaaaaaa-1111-0000-0000-000000000003",
            subscription_path("aaaaaaaa-0000-0000-0000-000000000001"),
            OWNER,
            ADMIN_PRINCIPAL.id,
            NOW,
        )
        there: list[Entry] = [*world.entries, ADMIN, ADMIN_PRINCIPAL, owns]
        asyncio.run(plane.directory.save(there, [*entries().values(), *ADDED]))
        return cls(plane), made

    def ask(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        instead = self.around(request)
        if instead is not None:
            return instead
        parts = urlsplit(request.url)
        length = {"content-length": str(len(request.body))} if request.body else {}
        headers = {"host": parts.netloc, **length, **request.headers}
        answered = asyncio.run(
            self.plane._call(request.method, parts.path, parts.query, headers, [request.body])
        )
        return HttpResponse(answered.status, answered.headers, answered.body)

    def admin_token(self) -> Secret:
        """Return a token for Resource Manager of a principal that may read everything."""
        audience = "https://management.azure.com/"
        return self.plane.tokens.issue(ADMIN_PRINCIPAL, audience, AUTHORITY).token

    def examine(self, credentials: Credentials, *, sender: str = "", **options: Any) -> Diagnosis:
        """Return the diagnosis of a refused login."""
        settings = Settings(identity=IdentityOptions(**options))
        visit = Visit(SMTP, settings, credentials, Checks(sender))
        seen = look_behind(visit, refused(credentials), ENVIRONMENT, self.ask)
        return diagnose_evidence(seen)


def refused(credentials: Credentials) -> Evidence:
    """Return evidence of a login that Azure Communication Services refused with 535."""
    mechanism = "LOGIN" if credentials.token is None else "XOAUTH2"
    greeted = hello("AUTH LOGIN")
    capabilities = replace(greeted.capabilities, greeting=POD)
    return but(
        target=Target(SMTP.host, SMTP.port),
        seen_at=NOW,
        over_tls=replace(greeted, capabilities=capabilities),
        login=describe(credentials),
        auth=tried(judged(mechanism, REFUSED)),
        tls=tls(replace(GOOD, not_after=NOW + 60 * DAY)),
    )


def by_password(username: str, password: str) -> Credentials:
    return Credentials(username, Secret(password))


def not_resolved(request: HttpRequest) -> HttpResponse | None:
    """Fail as in the cloud, where the name of an unknown resource does not resolve."""
    if "communication" in urlsplit(request.url).netloc:
        raise ResolveError("nowhere: Name or service not known").at("resolve")
    return None
