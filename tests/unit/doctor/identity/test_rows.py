"""Every row of the decision table behind a 535, against the emulator's own faces.

The logins are those of the conformance matrix, each of which the emulator refuses for its own
reason; the doctor is told nothing but the 535 and what it asks.
"""

from functools import cache

import pytest

from gatepost.doctor.terminal_report import render
from gatepost.model.finding import Diagnosis
from tests.conformance.acs_cases import CASES, GOOD, ORDER, PAIRS, USERNAMES, build
from tests.conformance.acs_world import Login
from tests.unit.doctor.identity.answering import Backdoor, by_password

SMTP_NAMES = {"the sender's address", "resource name alone"}
"""Forms that an SMTP user name may have, too."""

# fmt: off
FIRST = {
    # the operator's reason            the first finding, with Resource Manager and without
    "username_format":                 ("username_format",           "username_format"),
    "resource_unknown":                ("resource_unknown",          "resource_unknown"),
    "tenant_unknown":                  ("tenant_unknown",            "tenant_unknown"),
    "application_unknown":             ("application_unknown",       "application_unknown"),
    "secret_wrong":                    ("oauth_client_auth_failed",  "oauth_client_auth_failed"),
    "secret_missing":                  ("oauth_client_auth_failed",  "oauth_client_auth_failed"),
    "secret_not_yet_valid":            ("oauth_client_auth_failed",  "oauth_client_auth_failed"),
    "secret_expired":                  ("expired_secret",            "expired_secret"),
    "secret_id_pasted":                ("wrong_credential_kind",     "wrong_credential_kind"),
    "access_key_pasted":               ("wrong_credential_kind",     "wrong_credential_kind"),
    "service_principal_missing":       ("service_principal_missing", "service_principal_missing"),
    "role_missing":                    ("role_missing",              "role_missing"),
    "propagating":                     ("access_not_propagated",     "role_missing"),
    "smtp_username_domain_not_linked": ("sender_domain_not_linked",  "smtp_username_missing"),
}
SPECIAL = {
    "the value and a line end":        ("credential_mangled_by_config",) * 2,
    "nothing":                         ("empty_password_sent",) * 2,
    "application and tenant swapped":  ("username_format",) * 2,
    "on another resource":             ("role_wrong_scope",          "role_missing"),
    "on the domain":                   ("role_wrong_scope",          "role_missing"),
    **dict.fromkeys(SMTP_NAMES, ("smtp_username_missing",) * 2),
}
# fmt: on
REFUSED = [name for name, (told, _) in CASES.items() if told != GOOD]
ALONE = [name for name in REFUSED if " and " not in name or name in SPECIAL]
TOGETHER = [f"{first} and {second}" for first, second in PAIRS]


@cache
def backdoor() -> tuple[Backdoor, dict[str, Login]]:
    return Backdoor.build(build, strict=True)


def diagnose(name: str, *, managed: bool = False) -> Diagnosis:
    door, logins = backdoor()
    login = logins[name]
    token = door.admin_token() if managed else None
    return door.examine(by_password(login.username, login.password), arm_token=token)


@pytest.mark.parametrize("managed", [True, False], ids=["managed", "alone"])
@pytest.mark.parametrize("name", ALONE)
def test_the_cause_comes_first_with_proof_and_fix(name: str, managed: bool) -> None:
    diagnosis = diagnose(name, managed=managed)
    with_manager, without = SPECIAL.get(name) or FIRST[CASES[name][0]]
    first = diagnosis.findings[0]
    assert first.id == (with_manager if managed else without)
    assert any("535" in line for line in first.proof) or len(first.proof) >= 2
    assert len(first.fix) > 20
    assert diagnosis.evidence.behind.state == "seen"
    assert max(map(len, render(diagnosis).splitlines())) <= 80


@pytest.mark.parametrize("name", TOGETHER)
def test_one_of_two_causes_comes_first(name: str) -> None:
    """Whatever is mended first, the other is found at the next visit."""
    names = [each for each in name.split(" and ") if each in ORDER]
    if names == ["resource_unknown", "smtp_username_domain_not_linked"]:
        assert diagnose(name, managed=True).findings[0].id == "smtp_username_missing"
        return
    wanted = {FIRST[each][0] for each in names} | {FIRST[each][1] for each in names}
    assert diagnose(name, managed=True).findings[0].id in wanted
    assert diagnose(name).findings[0].id in wanted


@pytest.mark.parametrize("name", [name for name, told, _ in USERNAMES if told == GOOD])
def test_a_name_in_any_good_form_is_none_to_object_to(name: str) -> None:
    """The 535 came for something else then: the emulator would let these in."""
    diagnosis = diagnose(name, managed=True)
    assert [each.id for each in diagnosis.findings] == ["smtp_username_missing"]
    assert diagnosis.findings[0].confidence == "likely"
