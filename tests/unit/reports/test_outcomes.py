"""The outcome of captured mail: rules before reserved addresses before Delivered."""

import pytest

from gatepost.reports.outcomes import DELIVERED, ReportedOutcome, Rule, decide, make_rule

RESERVED = [
    # recipient                                     status          hard    asked a server
    ("ann@example.net", "Delivered", False, True),
    ("delivered@outcome.gatepost.test", "Delivered", False, True),
    ("expanded@outcome.gatepost.test", "Expanded", False, False),
    ("bounced@outcome.gatepost.test", "Bounced", True, True),
    ("Bounced@Outcome.Gatepost.TEST", "Bounced", True, True),
    ("bounced+7@outcome.gatepost.test", "Bounced", True, True),
    ("suppressed@outcome.gatepost.test", "Suppressed", False, False),
    ("quarantined@outcome.gatepost.test", "Quarantined", False, False),
    ("filteredspam@outcome.gatepost.test", "FilteredSpam", False, False),
    ("failed@outcome.gatepost.test", "Failed", False, True),
    ("smtp-550-5.1.1@outcome.gatepost.test", "Bounced", True, True),
    ("smtp-550-5.1.1+x@outcome.gatepost.test", "Bounced", True, True),
    ("smtp-552-5.2.2@outcome.gatepost.test", "Failed", False, True),
    ("smtp-452-4.2.2@outcome.gatepost.test", "Failed", False, True),
    ("smtp-550@outcome.gatepost.test", "Failed", False, True),
    ("smtp-250-2.1.5@outcome.gatepost.test", "Delivered", False, True),
    ("smtp-550-4.1.1@outcome.gatepost.test", "Delivered", False, True),
    ("anybody@outcome.gatepost.test", "Delivered", False, True),
    ("bounced@example.net", "Delivered", False, True),
    ("bounced@sub.outcome.gatepost.test", "Delivered", False, True),
]


@pytest.mark.parametrize(("recipient", "status", "hard", "host"), RESERVED)
def test_a_recipient_says_what_becomes_of_its_mail(
    recipient: str, status: str, hard: bool, host: bool
) -> None:
    outcome = decide(recipient, {})
    assert (outcome.status, outcome.hard, outcome.host) == (status, hard, host)


def rules(*made: Rule) -> dict[str, Rule]:
    return {each.target: each for each in made}


def test_the_nearest_rule_decides() -> None:
    known = rules(
        make_rule("Ann@Example.net", "quarantined"),
        make_rule("@EXAMPLE.net", code="550 5.1.1 User unknown", delay=2),
        make_rule("bounced@outcome.gatepost.test", "Delivered"),
    )
    assert decide("ann@EXAMPLE.NET", known).status == "Quarantined"
    assert decide("bob@example.net", known) == ReportedOutcome(
        "Bounced", "550 5.1.1 User unknown", host=True, hard=True, delay=2
    )
    assert decide("bounced@outcome.gatepost.test", known).status == "Delivered"
    assert decide("bob@example.org", known) is DELIVERED


SCRIPTED = [
    # status        code                        comes to
    ("Bounced", "", ReportedOutcome("Bounced", "550 5.1.1 User unknown", host=True, hard=True)),
    ("bounced", "552 5.2.2 full", ReportedOutcome("Bounced", "552 5.2.2 full", host=True)),
    ("", "552 5.2.2 full", ReportedOutcome("Failed", "552 5.2.2 full", host=True)),
    ("", "250 2.0.0 fine", ReportedOutcome("Delivered", "250 2.0.0 fine", host=True)),
    ("FILTEREDSPAM", "", decide("filteredspam@outcome.gatepost.test", {})),
]


@pytest.mark.parametrize(("status", "code", "outcome"), SCRIPTED)
def test_a_rule_comes_to(status: str, code: str, outcome: ReportedOutcome) -> None:
    assert make_rule("a@example.net", status, code).outcome == outcome


@pytest.mark.parametrize(
    ("target", "status", "code", "delay", "said"),
    [
        ("a@example.net", "", "", 0, "status or a code"),
        ("a@example.net", "Lost", "", 0, "unknown status"),
        ("a@example.net", "", "hello", 0, "not an SMTP reply"),
        ("a@example.net", "Failed", "", -1, "delay"),
        ("a@example.net", "Failed", "", float("nan"), "delay"),
        ("a", "Failed", "", 0, "neither an address nor @domain: 'a'"),
        ("@", "Failed", "", 0, "neither an address nor @domain: '@'"),
        ("", "Failed", "", 0, "neither an address nor @domain"),
    ],
)
def test_invalid_outcome_rules_are_refused(
    target: str, status: str, code: str, delay: float, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        make_rule(target, status, code, delay)
