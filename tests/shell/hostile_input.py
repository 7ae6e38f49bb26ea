"""What a client may send to occupy a server: tables of inputs, each of permitted size."""

import base64
from collections.abc import Mapping

HEADER = 60_000
"""Octets; MAX_HEADER of `mime.header_summary` is somewhat more."""
RESPONSE = 9_000
"""Octets, whose Base64 just fits into a line of AUTH."""


def filled(unit: str | bytes, octets: int = HEADER) -> bytes:
    """Return a unit as often as it fits."""
    unit = unit.encode() if isinstance(unit, str) else unit
    return unit * (octets // len(unit))


_UNITS: Mapping[str, str | bytes] = {
    "at signs": "@", "quotes": '"', "escaped quotes": '\\"', "comments": "()", "open comments": "(",
    "angles": "<", "closed angles": "<>", "commas": ",", "groups": "a:;", "backslashes": "\\",
    "blanks": " ", "words": "a b ", "dots": "a.", "mailboxes": "a@b, ", "in angles": "<a@b>, ",
    "in comments": "(a@b.example)", "in quotes": '"a@b.example" ', "apart": "a @ b ",
    "folded": "\r\n a@b.example", "literals": "a@[", "encoded": "=?utf-8?q?a=40b?= ",
    "beginnings of encoded words": "=?", "encoded in Base64": "=?utf-8?b?YUBiLmV4YW1wbGU=?= ",
    "encoded quotes": '=?utf-8?q?"?= ', "unseen": "a\u200db@c.de ", "full width": "\uff20",
    "foreign domains": "a@\u00fc.example, ", "octets": b"\x80",
}  # fmt: skip
"""Of a From field."""
_LINES: Mapping[str, str | bytes] = {
    "names": "F\r\n", "no names": "abc\r\n", "blank lines": " \r\n", "octets": b"\x80\r\n",
    "empty From": "From:\r\n", "From": "From: a@b\r\n", "Sender": "Sender: a@b\r\n",
    "envelope lines": "From a@b x\r\n", "From apart": "F rom: a@b\r\n",
    "Received": "Received: x\r\n", "Subject": "Subject:\r\n", "breaks": "X: \u2028From: a@b\r\n",
    "bare CR": "\r", "bare LF": "\n", "wide": "\uff26rom: a@b\r\n",
}  # fmt: skip

HEADERS: Mapping[str, bytes] = {
    **{f"From, {name}": b"From: %s\r\n" % filled(unit) for name, unit in _UNITS.items()},
    **{
        f"From, {name}, then the sender": b"From: %s <{sender}>\r\n" % filled(unit)
        for name, unit in _UNITS.items()
    },
    **{
        f"many From, {name}": filled(b"From: %s <{sender}>\r\n" % filled(unit, 400))
        for name, unit in _UNITS.items()
    },
    **{f"lines, {name}": b"From: {sender}\r\n%s" % filled(unit) for name, unit in _LINES.items()},
    "an open angle behind at signs": b"From: %s<\r\n" % filled("@", 65_400),
    "a long subject": b"From: {sender}\r\nSubject: %s\r\n" % filled("=?utf-8?q?a?= "),
    "a long Message-ID": b"From: {sender}\r\nMessage-ID: %s\r\n" % filled("<a@"),
}
"""`{sender}` stands for the sender of the envelope."""

CONTENTS: Mapping[str, bytes] = {
    name: filled(unit, 2_000_000)
    for name, unit in {
        "bare LF": b"\n", "bare CR": b"\r", "CR before CRLF": b"\r\r\n", "dots": b"\r\n..",
        "almost the end": b"\r\n.\r", "one line": b"a", "empty lines": b"\r\n", "octets": b"\x80",
        "boundaries": b"--a\r\n\r\n",
    }.items()
}  # fmt: skip

USERNAMES: Mapping[str, bytes] = {
    name: filled(unit, RESPONSE)
    for name, unit in {
        "quotes": '"', "at signs": "@", "dots": ".", "bars": "|", "blanks": " ", "dollars": "${",
        "ids": ".11111111-1111-4111-8111-111111111111", "names of hosts": ".communication.",
        "keys": "accesskey=", "hexadecimal": ".0123456789abcdef0123456789abcdef", "angles": "<",
    }.items()
}  # fmt: skip

COMMANDS: Mapping[str, bytes] = {
    "NOOP": filled("NOOP\r\n", 200_000),
    "EHLO": filled("EHLO a\r\n", 200_000),
    "transactions": filled("MAIL FROM:<{sender}>\r\nRSET\r\n", 200_000),
    "parameters": filled(f"MAIL FROM:<a@b> {'A=1 ' * 250}\r\n", 200_000),
    "source routes": filled(f"MAIL FROM:<{'@a,' * 160}\r\n", 200_000),
    "long labels": filled(f"MAIL FROM:<a@{'a-' * 230}\r\n", 200_000),
    "quoted local parts": filled('MAIL FROM:<"\\\\a%s\r\n' % ("a" * 460), 200_000),
    "foreign domains": b"MAIL FROM:<{sender}> SMTPUTF8\r\n%s"
    % filled("RCPT TO:<a@" + "\u0627" * 60 + "." + "\u00fc" * 60 + ".example>\r\n", 200_000),
    "one long line": filled("x", 1_000_000),
    "a long AUTH": b"AUTH LOGIN %s\r\n" % filled("A", 1_000_000),
}


def response(octets: bytes) -> bytes:
    """Return a line of AUTH."""
    return base64.b64encode(octets) + b"\r\n"
