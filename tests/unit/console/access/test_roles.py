"""Who may call what: each role may do what those before it may."""

from typing import Any

import pytest

from gatepost.model.console_access import API_PREFIX, ROLES
from tests.unit.console.access.guarded import Guarded, basic

GUARDED = Guarded()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("needed", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_contains_those_before_it(role: str, needed: str, method: str) -> None:
    answer = GUARDED.ask(
        f"{API_PREFIX}/{needed}", method, authorization=basic(f"a-{role}", f"password of {role}")
    )
    if ROLES.index(role) >= ROLES.index(needed):
        assert answer.body == f"a-{role} {role} 127.0.0.1".encode()
    else:
        assert (answer.status, answer.code) == (403, "Forbidden")
        assert needed in answer.message


def test_a_change_is_an_event_with_its_user() -> None:
    guarded = Guarded()
    for role, needed in (("admin", "operator"), ("viewer", "operator")):
        headers: dict[str, Any] = {"authorization": basic(f"a-{role}", f"password of {role}")}
        guarded.ask(f"{API_PREFIX}/{needed}", **headers)
        guarded.ask(f"{API_PREFIX}/{needed}", "POST", **headers)
    route = f"POST {API_PREFIX}/operator"
    changed = {"user": "a-admin", "route": route, "peer": "127.0.0.1"}
    assert guarded.reported == [("console_changed", changed)]


def test_a_path_without_this_method_says_so() -> None:
    answer = GUARDED.ask(f"{API_PREFIX}/viewer", "PUT", authorization="Bearer the-token")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
