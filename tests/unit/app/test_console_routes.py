"""The routes of the console's listener: each needs a role, but for those of signing in."""

from types import SimpleNamespace
from typing import Any, cast

from starlette.routing import Route

from gatepost.app.console_faces import console_routes
from gatepost.app.console_pages import PAGES
from gatepost.console.access.routes import RoleRoute
from gatepost.console.mail_pages import MailPages
from gatepost.console.static_files import static_prefix
from tests.unit.console.access.guarded import Guarded

PUBLIC = {("/sign-in", "GET"), ("/sign-in", "POST"), ("/sign-out", "POST")}
NOTHING = cast("Any", None)


def test_every_other_route_needs_a_role() -> None:
    groups = [MailPages(NOTHING, NOTHING, NOTHING)]
    faces = [*groups, *[make(NOTHING, NOTHING) for make in PAGES.values()]]
    pages = SimpleNamespace(face=lambda: [each for one in faces for each in one.face()])
    parts = SimpleNamespace(relay=SimpleNamespace(report=print), command="")
    routes = console_routes(Guarded().gate, cast("Any", parts), NOTHING, cast("Any", pages))
    public = [each for each in routes if not isinstance(each, RoleRoute)]
    named = {
        (each.path, method)
        for each in public
        if isinstance(each, Route)
        for method in each.methods or ()
        if method != "HEAD"
    }
    assert named - {(f"{static_prefix()}/{{name}}", "GET")} == PUBLIC
    assert len(routes) > 60


def test_changes_need_more_than_support() -> None:
    """What a page changes of the relay, its mail or its users is for operators."""
    for endpoint, _ in MailPages(NOTHING, NOTHING, NOTHING).face():
        if endpoint.method == "POST":
            assert endpoint.role in ("operator", "admin") or endpoint.path == "/m/{id}/images"
