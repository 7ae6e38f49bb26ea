"""The words that signs match."""

import pytest

from gatepost.diagnosis.ranking.model import load_model
from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.sign import has_words
from gatepost.doctor.conclude import observe_log
from gatepost.doctor.logs.read_log import read_log


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("line too long", "too long", True),
        ("auth login was a syntax error", "auth login *syntax error", True),
        ("syntax error in auth login", "auth login *syntax error", False),
        ("limited to 998 octets", "998", True),
        ("998", "998", True),
        ("resource.1a998-998b.tenant", "998", False),
        ("a998 and 998", "998", True),
        ("535 5.7.8 no", "535*5.7.8", True),
        ("a535f 5.7.8", "535*5.7.8", False),
    ],
)
def test_words_stand_in_order_and_numbers_for_themselves(
    text: str, words: str, found: bool
) -> None:
    assert has_words(text, words) is found


@pytest.mark.parametrize(
    ("log", "is_odd"),
    [
        ("{ [Error: getaddrinfo ENOTFOUND smtp.example.org]\n  code: 'ENOTFOUND' }", False),
        ("Error: getaddrinfo ENOTFOUND [smtp.example.org]:25", True),
        ("Error: getaddrinfo EAI_AGAIN smtp.example.org:587", False),  # so Node writes it
        ("Error: getaddrinfo ENOTFOUND smtp.example.org:587", True),
        ("Connection: opening to ssl://smtp.example.org:465\ngetaddrinfo failed", False),
        ("unable to connect to ssl://smtp.example.org:465 (php_network_getaddresses: no)", False),
        ("php_network_getaddresses: getaddrinfo for ssl://smtp.example.org failed", True),
    ],
)
def test_a_name_in_a_message_s_form_is_not_odd(log: str, is_odd: bool) -> None:
    seen = observe_log(log, "", "", load_model().lexicon)
    assert ("sign host_setting_malformed 1" in seen) is is_odd


def test_a_command_is_refused_because_an_earlier_one_was() -> None:
    """Only the first refusal tells anything."""
    seen = read_log(
        "C: MAIL FROM:<>\nS: 550 5.1.1 <>: Sender address rejected\n"
        "C: RCPT TO:<ann@example.com>\nS: 503 Error: need MAIL command\n"
        "C: DATA\nS: 503 5.5.1 Error: need RCPT command"
    )
    assert [each.reply.code for each in Reading(seen).refusals if each.reply] == [550]
    alone = read_log("C: DATA\nS: 503 Error: need RCPT command")
    assert [each.reply.code for each in Reading(alone).refusals if each.reply] == [503]


def test_sendmail_writes_user_unknown_below_any_refusal() -> None:
    listed = ">>> RCPT To:<ann@example.com>\n<<< 553 on a block list\n"
    seen = read_log(f"{listed}550 5.1.1 <ann@example.com>... User unknown")
    assert [each.reply.code for each in Reading(seen).refusals if each.reply] == [553]


@pytest.mark.parametrize(
    ("host", "greeting", "features"),
    [
        ("smtp.gmail.com", "srv7.hoster.example", {"greeted by another", "greeted by a stranger"}),
        ("smtp.gmail.com", "smtp.gmail.com", set()),
        ("mail.example.com", "srv7.hoster.example", set()),
    ],
)
def test_who_greets(host: str, greeting: str, features: set[str]) -> None:
    log = f"S: 220 {greeting} ESMTP ready\nC: EHLO me\nS: 535 no"
    seen = observe_log(log, f"{host}:587", "", load_model().lexicon)
    assert {name for name in seen if name.startswith("greeted ")} == features
