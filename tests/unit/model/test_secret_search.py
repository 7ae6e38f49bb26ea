"""Secrets in what others say: in every form, in parts, and never in ordinary text."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatepost.model.secret_search import PART, SecretSearch
from tests.examples import examples
from tests.processor_time import run_within
from tests.secret_forms import FORMS, b32, b64

MARK = "[redacted]"
SECRET = "kw-Zq7+xK/9w=T"
_WORDS = str.maketrans("", "", " .,-_'")


def is_telling(text: str) -> bool:
    return len(set(text)) > 4 and not text.translate(_WORDS).isalpha()


CHARACTERS = st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("äßéÿ€ж漢😀")
SECRETS = st.text(CHARACTERS, min_size=8, max_size=40).filter(is_telling)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=examples(15), deadline=None)
@given(SECRETS)
def test_a_secret_is_found_in_any_form(form: str, secret: str) -> None:
    assume(form != "all but one character" or is_telling(secret[:-1]))
    written = FORMS[form](secret)
    assume(written not in MARK)
    said = f"535 5.7.8 no ({written}) is wrong"
    shown = SecretSearch([secret]).replace(said, MARK)
    assert MARK in shown
    assert written not in shown


@given(SECRETS.filter(lambda secret: set(secret).isdisjoint("\\%&=")), st.randoms())
def test_each_character_may_be_written_in_another_way(secret: str, random: object) -> None:
    kinds = [FORMS[name] for name in ("clear", r"\u", r"\x", "&#", "&#x", "%", "octal")]
    written = "".join(random.choice(kinds)(each) for each in secret)  # type: ignore[attr-defined]
    assert SecretSearch([secret]).replace(f"no: {written} .", MARK) == f"no: {MARK} ."


@given(SECRETS, st.integers(PART, 40))
def test_a_part_that_was_cut_off(secret: str, length: int) -> None:
    search = SecretSearch([secret])
    for part in (secret[:length], secret[-length:]):
        shown = search.replace(f"got '{part}...'", MARK)
        assert part not in shown or (len(part) < 12 and not is_telling(part))
    for part in (b64(secret.encode())[: length * 4 // 3 + 2], b32(secret.encode())[: length * 2]):
        is_certain = secret.isascii() and is_telling(secret[:PART])
        assert search.is_in(f"got {part}...") or not is_certain


@pytest.mark.parametrize(
    ("secret", "said", "shown"),
    [
        ("Password123!", "535 Password incorrect", None),
        ("Password123!", "535 Password12 is wrong", f"535 {MARK} is wrong"),
        ("correct horse battery", "535 that is not correct here", None),
        ("correct horse battery", "535 correct horse b", f"535 {MARK}"),
        ("abcd1234", "535 abcd12", f"535 {MARK}"),
        ("abcd1234", "535 abcd", None),
        ("hunter2", "535 hunter", None),
        ("Mail", "no mail for you, Mail", f"no mail for you, {MARK}"),
        ("a1", "535 a1 is wrong, 5.7.1 a12 a1", f"535 {MARK} is wrong, 5.7.1 a12 {MARK}"),
        ("ab", "about 6162 YWI= label", None),
        (SECRET, "2.0.0 Ok: queued as 4XyZ12345abcQ", None),
        (SECRET, "AUTH PLAIN LOGIN CRAM-MD5 authentication", None),
        (SECRET, "id=4A5B6C7D8E9F00112233 100% =3D &amp; \\u0041", None),
        (SECRET, f"{SECRET}{SECRET}, {SECRET.upper()}", f"{MARK}, {MARK}"),
    ],
)
def test_ordinary_text_stays(secret: str, said: str, shown: str | None) -> None:
    assert SecretSearch([secret]).replace(said, MARK) == (said if shown is None else shown)


@pytest.mark.parametrize(
    "said",
    [
        r'{"got": "ab\\\u00e9123"}',
        r"'ab\\\xe9123'",
        "ab%5C%C3%A9123",
        b64("ab\\é123".encode("utf-16-le")),
        "mfrfzq5jgezdg",  # base32
    ],
)
def test_a_backslash_before_what_is_escaped_itself(said: str) -> None:
    assert MARK in SecretSearch(["ab\\é123"]).replace(said, MARK)


def test_base32_of_many_letters_is_no_word() -> None:
    said = "no: " + FORMS["%25"]("hunter2").lower()
    assert SecretSearch(["hunter2"]).is_in(b32(said.encode()).rstrip("=").lower())


def test_of_a_whole_text_no_part_is_removed() -> None:
    search = SecretSearch([SECRET], [f"\0ann@example.com\0{SECRET}"])
    assert search.replace("ann@example.com is locked", MARK) == "ann@example.com is locked"
    assert search.replace(b64(f"\0ann@example.com\0{SECRET}".encode()), MARK) == MARK


# fmt: off
UNITS = [
    "a", "%", "%4", "%41", "\\", "\\u", "\\u0041", "&#", "&amp;", "=", "=\t", "41", "41 ", "A",
    "A2", "é", "\0", "Ã©", SECRET, SECRET[:9], "QUJD", "UVVKRFFVSkQ=", "aB3dE5gH7 ", "0x",
]
# fmt: on


@pytest.mark.thorough
@pytest.mark.parametrize("unit", UNITS)
def test_64_kilobytes_take_no_time(unit: str) -> None:
    search = SecretSearch([SECRET, "Pässwörd€12345"], [f"\0me\0{SECRET}"])
    text = unit * (65_536 // len(unit))
    run_within(2, lambda: search.replace(text, MARK))
