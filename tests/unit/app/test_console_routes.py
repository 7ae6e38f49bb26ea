"""Every route of the console's listener, and who may call it."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.routing import Route

from gatepost.app.console_faces import console_routes
from gatepost.app.console_pages import PAGES
from gatepost.console.access.application import PROBES
from gatepost.console.access.paths import is_mailbox_path
from gatepost.console.access.routes import RoleRoute
from gatepost.console.mail_pages import MailPages
from gatepost.console.static_files import static_prefix
from gatepost.model.console_access import API_PREFIX, ROLES
from tests.unit.console.access.guarded import Guarded, basic

NOTHING = cast("Any", None)
PUBLIC = {
    ("/sign-in", "GET"), ("/sign-in", "POST"), ("/sign-out", "POST"),
    ("/sign-in/entra", "GET"), ("/sign-in/entra/callback", "GET"),
}  # fmt: skip
PUBLIC_FILES = (f"{static_prefix()}/{{name}}", "GET")


class Silent:
    """Nothing that happens is published."""

    bus = NOTHING


def all_routes(guarded: Guarded) -> list[Route]:
    """Return the routes of all faces, whose handlers have nothing to work on."""
    groups = [
        MailPages(NOTHING, NOTHING, NOTHING),
        *[make(NOTHING, NOTHING) for make in PAGES.values()],
    ]
    pages = SimpleNamespace(face=lambda: [each for one in groups for each in one.face()])
    api = SimpleNamespace(operate=NOTHING, events=Silent())
    relay = SimpleNamespace(report=lambda *_, **__: None)
    parts = SimpleNamespace(relay=relay, command="", api=api)
    mailbox = SimpleNamespace(
        site=SimpleNamespace(mailbox=None, intake=None), inboxes=SimpleNamespace()
    )
    routes = console_routes(
        guarded.gate, cast("Any", parts), cast("Any", mailbox), cast("Any", pages)
    )
    return [each for each in routes if isinstance(each, Route)]


@pytest.fixture(scope="module")
def guarded() -> Guarded:
    guarded = Guarded()
    guarded.application.serve(all_routes(guarded))
    return guarded


def test_every_other_route_needs_a_role(guarded: Guarded) -> None:
    routes = all_routes(guarded)
    public = [each for each in routes if not isinstance(each, RoleRoute)]
    named = {
        (each.path, method) for each in public for method in (each.methods or set()) - {"HEAD"}
    }
    assert named - {PUBLIC_FILES} == PUBLIC
    assert len(routes) > 120


@pytest.mark.parametrize("role", ROLES)
def test_each_route_may_be_called_by_its_role_and_those_above(guarded: Guarded, role: str) -> None:
    credentials = basic(f"a-{role}", f"password of {role}")
    for route in all_routes(guarded):
        if not isinstance(route, RoleRoute):
            continue
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        [method] = (route.methods or set()) - {"HEAD"}
        body = b"{}" if method in ("POST", "PUT", "DELETE") else b""
        status = guarded.ask(path, method, body=body, authorization=credentials).status
        may = ROLES.index(role) >= ROLES.index(route.role)
        # Behind the check, the handlers fail: they have nothing to work on.
        assert (status == 403) is not may, (method, path, status)
        assert status != 401, (method, path)


def test_without_credentials_no_route_answers(guarded: Guarded) -> None:
    for route in all_routes(guarded):
        if isinstance(route, RoleRoute) and not route.path.endswith(PROBES):
            [method] = (route.methods or set()) - {"HEAD"}
            path = re.sub(r"\{[^}]+\}", "x", route.path)
            assert guarded.ask(path, method).status in (401, 303), (method, path)


def test_mail_is_changed_by_operators() -> None:
    for endpoint, _ in MailPages(NOTHING, NOTHING, NOTHING).face():
        if endpoint.method == "POST" and endpoint.path != "/m/{id}/images":
            assert endpoint.role == "operator"


def test_no_form_acts_without_the_token_of_its_login(guarded: Guarded) -> None:
    """Every change by a page, as another site's page could send it with the visitor's cookie."""
    forms = [
        each
        for each in all_routes(guarded)
        if "POST" in (each.methods or ())
        and not is_mailbox_path(each.path)
        and not each.path.startswith((API_PREFIX, "/sign-in"))
    ]
    assert len(forms) >= 20
    for route in forms:
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        for fields in ({}, {"form_token": "x"}):
            cookie = guarded.sign_in()
            assert guarded.post(path, fields, cookie=cookie).status == 403, path
