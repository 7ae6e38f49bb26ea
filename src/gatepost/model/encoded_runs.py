"""Finds runs of base64, base32 and hex in a text, and decodes them at every alignment."""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

FEWEST: Final = 4
"""Minimum octets of a run that is decoded; shorter ones are in every text."""
_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{6,}+={0,6}")
_WORD: Final = re.compile(r"[A-Za-z]?[a-z]{,23}+|[A-Z]{,9}")
"""Longer words are rare, and base32 has nothing else."""
_BASE32: Final = re.compile(r"[A-Z2-7]{7,}+|[a-z2-7]{7,}+")
_HEX: Final = re.compile(r"(?:0x)?(?:[0-9A-Fa-f]{2}[ :,-]{0,2}(?:0x)?){4,}+[0-9A-Fa-f]?")
_NOT_HEX: Final = re.compile(r"0x|[ :,-]")
_STANDARD: Final = str.maketrans("-_", "+/")
_DIGITS: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567",
    "0123456789abcdefghijklmnop0123456789abcdefghijklmnopqrstuv",
)
"""From the digits of base32 (RFC 4648 6) to Python's."""


Run = tuple[int, int, Iterable[str]]
"""Where a run is, and what it may mean: octets in Latin-1, at each alignment."""


def encoded_runs(text: str, fewest: int, words: Collection[str] = ()) -> Iterator[Run]:
    """Yield the runs of at least ``fewest`` octets.

    Words are not decoded, except for those that contain one of ``words``.
    """
    for match in _RUN.finditer(text):
        run = match[0].rstrip("=")
        if _is_word(run, words):
            continue
        if len(run) * 6 >= fewest * 8:
            yield *match.span(), [_from_base64([run[start:]]) for start in range(4)]
        for part in _BASE32.findall(run):
            if len(part) * 5 >= fewest * 8:
                yield *match.span(), _from_base32(part)
    for match in _HEX.finditer(text):
        digits = _NOT_HEX.sub("", match[0])
        if len(digits) >= fewest * 2:
            yield *match.span(), _from_hex(digits)


def decode_runs(texts: Collection[str], fewest: int, words: Collection[str] = ()) -> str:
    """Return everything that these runs may mean in one text, quickly."""
    meanings: list[str] = []
    unique = dict.fromkeys([run for text in texts for run in _RUN.findall(text)])
    runs = [run.rstrip("=") for run in unique if len(run) * 6 >= fewest * 8]
    if runs := [run for run in runs if not _is_word(run, words)]:
        meanings.append(_from_base64([run[start:] for run in runs for start in range(4)]))
        for part in _BASE32.findall(" ".join(runs)):
            if len(part) * 5 >= fewest * 8:
                meanings += _from_base32(part)
    for run in dict.fromkeys([run for text in texts for run in _HEX.findall(text)]):
        digits = _NOT_HEX.sub("", run)
        if len(digits) >= fewest * 2:
            meanings += _from_hex(digits)
    return "\n".join(meanings)


def _is_word(run: str, words: Collection[str]) -> bool:
    if not _WORD.fullmatch(run):
        return False
    low = run.lower()
    return not any(each in low for each in words)


def words_in_encodings(octets: bytes) -> frozenset[str]:
    """Return the base64 and base32 of ``octets`` within other octets that consist of letters only,
    in lower case; usually there are none."""
    fragments = [_fragment(octets, shift, _base64, 6) for shift in range(3)]
    fragments += [_fragment(octets, shift, _base32, 5).lower() for shift in range(5)]
    return frozenset([each.lower() for each in fragments if each and _WORD.fullmatch(each)])


def _fragment(octets: bytes, shift: int, encode: Callable[[bytes], str], bits: int) -> str:
    """Return the characters that do not depend on the octets before and behind."""
    encoded = encode(bytes(shift) + octets)
    return encoded[-(-shift * 8 // bits) : (shift + len(octets)) * 8 // bits]


def _base64(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).decode()


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode()


def _from_base64(runs: Iterable[str]) -> str:
    """Return what the runs mean together. Some octets may follow each that mean nothing, and then
    line feeds, so that none is read together with the next one."""
    padded = "".join([f"{run}{'AAA'[: -len(run) % 4]}CgoK" for run in runs])
    return binascii.a2b_base64(padded.translate(_STANDARD)).decode("latin-1")


def _from_base32(run: str) -> Iterator[str]:
    bits = 5 * len(run)
    value = int(run.translate(_DIGITS), 32)
    for _ in range(min(8, len(run))):
        octets = bits // 8
        yield (value >> bits % 8).to_bytes(octets, "big").decode("latin-1")
        bits -= 5
        value &= (1 << bits) - 1


def _from_hex(digits: str) -> Iterator[str]:
    for start in (0, 1):
        part = digits[start:] if (len(digits) - start) % 2 == 0 else digits[start:-1]
        yield bytes.fromhex(part).decode("latin-1")
