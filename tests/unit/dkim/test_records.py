"""Records of keys: what is published, and what is wrong with it."""

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from gatepost.dkim.records import find_fault, record_text, zone_line
from gatepost.dkim.signing_keys import (
    SigningKey,
    as_pem,
    is_weak,
    make_private_key,
    parse_private_key,
)
from tests.rsa_keys import rsa_key

KEY = SigningKey("contoso.example", "one", make_private_key("ed25519"))
LONG = SigningKey("contoso.example", "two", rsa_key("dkim"))


@pytest.mark.parametrize("key", [KEY, LONG])
def test_the_record_publishes_the_key(key: SigningKey) -> None:
    assert find_fault([record_text(key)], key) == ""


def test_a_line_of_a_zone_has_short_strings_that_join_to_the_record() -> None:
    strings = re.findall(r'"([^"]*)"', zone_line(LONG))
    assert len(strings) == 2
    assert max(map(len, strings)) <= 255
    assert "".join(strings) == record_text(LONG)
    assert zone_line(LONG).startswith("two._domainkey.contoso.example. IN TXT ( ")


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ([], "no TXT records"),
        (["v=DKIM1; p=x", "v=spf1 -all"], "2 TXT records"),
        (["hello"], "not a list of tags"),
        (["v=DKIM2; k=ed25519; p=x"], "v=DKIM2"),
        (["k=ed25519; v=DKIM1; p=x"], "not the first"),
        (["v=DKIM1; k=ed25519; p="], "revoked"),
        (["v=DKIM1; k=ed25519"], "no tag p"),
        ([record_text(KEY).replace("p=", "s=tlsrpt; p=")], "not for e-mail"),
        ([record_text(KEY).replace("p=", "h=sha1; p=")], "sha256"),
        ([record_text(LONG)], "another kind"),
        (["v=DKIM1; k=ed25519; p=AAAA"], "another key"),
        (["v=DKIM1; k=ed25519; p=A A!"], "another key"),
    ],
)
def test_what_is_wrong_with_a_record(texts: list[str], fault: str) -> None:
    assert fault in find_fault(texts, KEY)


def test_spaces_in_a_record_do_not_matter() -> None:
    assert (
        find_fault([record_text(KEY).replace(";", " ;").replace("=", " = ", 2) + " ;"], KEY) == ""
    )


def test_a_key_is_the_same_after_it_was_stored() -> None:
    again = SigningKey("contoso.example", "one", parse_private_key(as_pem(KEY.private)))
    assert again == KEY


def test_short_keys_are_weak_or_refused() -> None:
    assert is_weak(parse_private_key(as_pem(generate_private_key(65_537, 1024))))
    assert not is_weak(LONG.private)
    with pytest.raises(ValueError, match="no private key"):
        parse_private_key(b"hello")
