"""Without a proven cause, the doctor names the probe that would decide."""

from dataclasses import replace

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.model.evidence import Connect, Evidence, Fact
from tests.unit.diagnosis.cases import (
    HEALTHY,
    attempt,
    but,
    client,
    hello,
    judged,
    login,
    mail,
    reply,
    tls,
    tried,
)
from tests.unit.diagnosis.test_rules import CASES, HUNG_UP, PROFILES

REFUSED_HELLO = replace(hello(), reply=reply("502 5.5.1 what?"))
UNVERIFIED = tls(verified=False, verify_code=99)

UNDECIDED: list[tuple[Evidence, str]] = [
    (Evidence("probe", HEALTHY.target), "from another network"),
    (but(failure="the connection was lost", in_clear=Fact(), over_tls=Fact()), "another network"),
    (but(failure="the connection was lost"), "with --save"),
    (but(over_tls=REFUSED_HELLO), "gatepost talk"),
    (but(in_clear=HUNG_UP, other_name=HUNG_UP, over_tls=Fact(), tls=Fact()), "server's log"),
    (but(login=login(), tls=UNVERIFIED), "--ca-file"),
    (but(login=login(), tls=Fact(), over_tls=Fact(), in_clear=hello("SIZE 5")), "implicit"),
    (but(login=login()), "credentials of the kind"),
    (but(auth=tried(attempt("LOGIN", "550 5.7.1 not today"))), "--try-all"),
    (but(login=login(), auth=tried(judged("LOGIN", "550 5.7.1 not today"))), "elsewhere"),
    (but(mail=mail("550 no")), "--from the account's own address"),
    (but(mail=mail("451 4.2.0 no")), "in five minutes"),
    (but(mail=mail("250 ok"), rcpt=(mail("550 5.2.0 no"),)), "--to an address"),
    (but(mail=mail("250 ok"), rcpt=(mail("250 ok"),), content=reply("554 5.6.0 no")), "--send"),
]


@pytest.mark.parametrize(("seen", "probe"), UNDECIDED)
def test_the_probe_that_would_decide(seen: Evidence, probe: str) -> None:
    diagnosis = diagnose(but(seen, client=client(signs_in=False)))
    if diagnosis.findings:  # a rule has a word for it by now
        pytest.fail(f"not undecided: {[each.id for each in diagnosis.findings]}")
    assert diagnosis.verdict == "unknown"
    assert probe in diagnosis.next_probe


def test_a_closed_port_has_a_next_probe() -> None:
    refused: Fact[tuple[Connect, ...]] = Fact("seen", (Connect("192.0.2.1", "refused"),))
    diagnosis = diagnose(Evidence("probe", HEALTHY.target, connects=refused))
    assert (diagnosis.verdict, diagnosis.findings) == ("unreachable", ())
    assert "listens on this port" in diagnosis.next_probe


@pytest.mark.parametrize("seen", [seen for seen, _ in CASES])
def test_no_unknown_verdict_is_without_one(seen: Evidence) -> None:
    diagnosis = diagnose(seen, PROFILES)
    assert diagnosis.next_probe or diagnosis.verdict != "unknown"
    assert diagnosis.next_probe == "" or diagnosis.verdict != "healthy"
