"""How probabilities become findings: their order, their confidence, and which are left out."""

from collections.abc import Mapping

from gatepost.diagnosis.causes import CAUSES, conclude
from gatepost.diagnosis.ranking.known_texts import Text
from gatepost.diagnosis.ranking.model import Model
from gatepost.diagnosis.ranking.rank_causes import judge
from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.terminal_report import render
from gatepost.model.finding import Diagnosis, Finding

LIMITS = {"certain": 0.5, "likely": 0.4}
NOTHING = {"phrases": [], "frames": [], "concepts": {"nothing": ["nothing"]}}
PROOF = Text("the account is locked for good", "A server", {"provider_account_inactive": 8}, True)
LOG = "smtp error: the account is locked for good, the host is on a list"


def findings(
    *texts: Text, by_rules: tuple[Finding, ...] = (), log: str = LOG
) -> tuple[Finding, ...]:
    """What a model that knows only these texts finds in a log."""
    document = NOTHING | {"bias": dict.fromkeys(CAUSES, 0.0), "limits": LIMITS, "digest": ""}
    model = Model.read(document, [], sorted(each.pack() for each in texts))
    return judge(Reading(read_log(log)), by_rules, model)


def text(words: str, weights: Mapping[str, float]) -> Text:
    return Text(words, "A server", weights)


def summaries(found: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(each.id, each.confidence) for each in found]


def test_what_proves_a_cause_makes_it_certain() -> None:
    assert summaries(findings(PROOF))[:1] == [("provider_account_inactive", "certain")]


def test_a_text_that_proves_nothing_is_at_most_likely() -> None:
    found = findings(text("the account is locked for good", {"provider_account_inactive": 20}))
    assert summaries(found) == [("provider_account_inactive", "likely")]


def test_of_two_that_fit_equally_none_is_certain() -> None:
    rival = text("the host is on a list", {"address_blocklisted": 7.9})
    assert summaries(findings(PROOF, rival)) == [
        ("provider_account_inactive", "likely"), ("address_blocklisted", "likely"),
    ]  # fmt: skip


def test_the_report_says_that_two_fit_equally() -> None:
    rival = text("the host is on a list", {"address_blocklisted": 7.9})
    seen = read_log(LOG)
    report = render(Diagnosis("finding", findings(PROOF, rival), (), seen, ""))
    assert "Just as well: address_blocklisted" in report
    rival = text("the host is on a list", {"address_blocklisted": 7})
    report = render(Diagnosis("finding", findings(PROOF, rival), (), seen, ""))
    assert "Also: address_blocklisted" in report


def test_a_text_is_found_by_its_first_characters_if_no_word_of_it_is_always_whole() -> None:
    for words in ("list", "host*list", "th*list", "a*list"):
        found = findings(text(words, {"address_blocklisted": 7}))
        assert found[0].id == "address_blocklisted", words


def test_the_most_probable_comes_first_and_what_is_far_behind_is_left_out() -> None:
    weights = {"rate_limited": 8, "greylisted": 9, "mailbox_full": 7, "dns_failure": 4}
    found = findings(text("the host is on a list", weights))
    assert [each.id for each in found] == ["greylisted", "rate_limited", "mailbox_full"]
    assert sum(each.fit for each in found) < 1


def test_after_a_certain_cause_fewer_are_named() -> None:
    other = text("the host is on a list", {"address_blocklisted": 5.2})
    assert len(findings(PROOF, other)) == 1
    assert len(findings(PROOF._replace(proves=False), other)) == 2


def test_a_rule_that_is_certain_is_always_named() -> None:
    rule = conclude("dns_failure", "certain", "the name has no address")
    found = findings(PROOF, by_rules=(rule,))
    assert "dns_failure" in [each.id for each in found]
    assert found[-1].proof[0] == "the name has no address"


def test_a_log_without_any_failure_has_no_cause() -> None:
    assert findings(PROOF, log="250 2.0.0 ok: queued as 123") == ()
