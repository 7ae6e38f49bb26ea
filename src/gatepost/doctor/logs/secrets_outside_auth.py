"""Finds secrets in logs outside of AUTH: settings, code, URLs, tokens by their form."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

_KEY: Final = (
    r"(?:password|passwd|pass[ -]?phrase|passwort|pwd|secret|token|api[_-]?key|access[_-]?key"
    r"|account[_-]?key|credential|sasl_pass\w{0,20}|[_.-]pass|smtp_?pass)s?"
)

_ABROAD: Final = (
    "mot de passe", "contrase", "senha", "wachtwoord", "lösenord", "hasło", "парол", "密码", "密碼",
    "パスワード", "비밀번호",
)  # fmt: skip
"""Words for passwords in other languages; the beginnings of the words."""
_MIXED: Final = (
    r"(?-i:(?=[^\s\"'`|,;<>]{0,200}\d)(?=\S{0,200}[a-z])(?=[^\s\"'`|,;<>]{0,200}[A-Z!#$%^&*+~=?]))"
    r"(?!https?:)"
)
_LOOKS: Final = rf"{_MIXED}(?P<s>[^\s\"'`|,;<>]{{8,}})"
"""A word that does not occur in sentences."""

# Always a secret, whatever stands around it: what its issuer made it look like.
_SHAPES: Final = re.compile(
    r"(?<![\w.-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"  # a JWT (RFC 7519)
    r"|\bya29\.[\w-]+|\b1//[\w-]{20,}"  # Google's tokens
    r"|\bSG\.[\w-]{6,}(?:\.[\w-]{6,})?"  # SendGrid
    r"|\bx(?:smtp|key)sib-[\w-]+"  # Brevo
    r"|\bkey-[0-9a-f]{32}\b|\bre_\w{16,}"  # Mailgun, Resend
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,40}"  # an Entra client secret
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)

_KEYS: Final = ("pass", "pwd", "secret", "token", "key", "credential")
# fmt: off
_PLACES: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("authorization",),
     r"\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic)\s+(?P<s>[^\s\"',]+)"),
    (("bearer",), r"\bbearer\s+(?P<s>[\w.~+/=-]{8,})"),
    (("basic",), r"\bbasic\s+(?P<s>[a-z0-9+/]{8,}=+)"),
    (("key=",), r"\baccess_?key=(?P<s>[^;\s\"'&]+)"),
    (("://",), r"://[^\s:/@\"'<>]{0,254}:(?P<s>[^\s\"'<>]{1,500})@"),
    (_KEYS, rf"{_KEY}[\"']?\s*(?:=>|:=|[=:])\s*(?P<q>[\"'`])(?P<s>.*?)(?<!\\)(?P=q)"),
    (("pass",), r"\bpass[\"']?\s*(?:=>|:=|[=:])\s*(?P<q>[\"'`])(?P<s>.*?)(?<!\\)(?P=q)"),
    (_KEYS, rf"(?:{_KEY}|\bpass)\s*=\s*(?P<s>[^\s\"'`,;}}&>][^\s,;}}&]*)"),
    (_KEYS, rf"^[\s>-]{{0,20}}[\w.-]{{0,40}}?(?:{_KEY}|pass)\s*:\s*(?P<s>[^\s\"'`]\S*)\s*$"),
    (_KEYS,
     rf"[{{,]\s*\w{{0,40}}?(?:{_KEY}|pass)\s*:\s*(?P<s>[^\s\"'`,}}]{{1,500}}+)\s*(?=[,}}])"),
    (("-pass", "--auth-password", "--password", "-ap", "-xp"),
     r"(?:--auth-password|--password|--pass|-pass|-ap|-xp)[ =][\"']?(?P<s>[^\s\"']+)"),
    (("-u",), r"(?:\s-u|--user)[ =][\"']?[^\s:\"']{1,254}:(?P<s>[^\s\"']+)"),
    (("invalid port",), r"\binvalid port \"?:?(?P<s>[^\"\s]+)\"? after host"),
    (("cast to",), r"\bcast to integer value as (?P<q>[\"'])(?P<s>.*?)(?P=q)"),
    (("non-existent",), r"\bnon-existent parameter \"(?P<s>[^\"]+)\""),
    (("static:",), r"\bstatic:[^\s:]+:(?P<s>\S+)"),  # Postfix: smtp_sasl_password_maps
    ((":",), r"^\s*\[?[\w.-]{3,253}\]?(?::\d+)?\s+[^\s:]+:(?P<s>\S+)\s*$"),  # its table
    (("password",), r"^\s*password\s+(?P<s>\S+)\s*$"),  # msmtprc
    (("login",), r"\blogin\s+\S+\s+password\s+(?P<s>\S+)"),  # netrc
    (("client_send",), r"^(?>.*?\bclient_send\s*=)(?>.*[\^:])\s*(?P<s>\S+)\s*$"),  # Exim
    (_KEYS, rf"<\w{{0,40}}?{_KEY}>(?P<s>[^<]+)<"),
    (("login",), rf"\blogin\s+[^\s@]{{1,64}}@\S+\s+{_LOOKS}"),
    (("://",), rf"://{_MIXED}(?P<s>[^\s\"'`|,;<>]{{8,500}})@"),
    (("sharedkey",), r"\bsharedkey(?:lite)?\s+(?P<s>\S+)"),
    (("sig",), r"\bsig(?:nature)?=(?P<s>[^&\s\"',;]{8,})"),
    ((*_KEYS, "phrase"),
     rf"{_KEY}(?:\s*(?:\([^)]{{0,40}}\)\s*[:=]|->|=>|\||\bis\b)|\s)\s*[\"'`]?{_LOOKS}"),
    (_ABROAD,
     rf"(?:{'|'.join(_ABROAD)})\w{{0,20}}\s*(?:[:=：]|->|=>|是|は|\best\b|\bes\b|é\b)\s*[\"'`]?(?P<s>[^\s\"'`,;]+)"),
    (("base64",),
     r"\b(?:echo|printf)\s++(?>(?:-\w{1,20}\s{1,9}){0,5})(?P<q>[\"']?)(?P<s>[^\"'|]{4,500}?)(?P=q)\s{0,4}\|\s*(?:openssl\s+)?(?:base64|enc)\b"),
    (("base64", "b64encode", "btoa"),
     r"(?:encode_?base64|base64(?:_?encode)?|b64encode|btoa)\s*\(\s*b?(?P<q>[\"'])(?P<s>.*?)(?P=q)"),
    (("auth=bearer",), r"\bauth=Bearer (?P<s>[^\x01\s\"']+)"),
)
# fmt: on
"""Words of which one is in the line, and the expression whose group ``s`` is the secret."""
_SIGNS_IN: Final = (
    r"(?:\blogin|PlainAuth|LoginAuth|CRAMMD5Auth|NetworkCredential|\bauthenticate|"
    r"Credentials::new|\bcredentials?\s*[=:]|PasswordAuthentication|ConvertTo-SecureString|set_?password|\bauth)\s*"
)
_CALL: Final = rf"{_SIGNS_IN}\(?(?P<rest>[^\n]*)"
_CALLS: Final = ("login", "auth", "cred", "pass", "secure")
_LITERAL: Final = re.compile(
    r"(?:(?P<escaped>\\)|(?<!\\))(?P<q>[\"'`])"
    r"(?P<s>(?(escaped)[^\\]*+|(?:(?!(?P=q))[^\\]|\\.)*+))(?(escaped)\\)(?P=q)"
)
"""A word in quotes, which are escaped if the line itself was in quotes."""
_NO_SECRET: Final = re.compile(
    r"(?i)[245]\d\d(?:[- ][245]\.\d.*)?|AADSTS\d{5,7}:?|"
    r"invalid_(?:grant|client|request|scope|token)|unauthorized_client|null|none|nil|undefined|true|false|\*+|x+|\.+|<[^<>]*>|\[redacted\]|"
    r"\$\{?[A-Z_]+\}?|failed|required|missing|expired|incorrect|wrong|empty"
)
"""What occurs in a secret's place but is not one: replies, errors, names of variables."""
_HOST: Final = re.compile(
    r"(?i)(?:e?mail|smtps?|mx|relay|localhost|email-smtp)[\w-]*(?:\.[\w-]+)+|localhost"
)
_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[A-Za-z]+")


def spans(line: str) -> Iterator[tuple[int, int]]:
    """Yield the places of secrets in ``line``, by their form or by what precedes them."""
    for match in _SHAPES.finditer(line):
        yield match.span()
    low = line.lower()
    for hints, place in _PLACES:
        if any(hint in low for hint in hints):
            for match in _expression(place).finditer(line):
                if match["s"] and not _NO_SECRET.fullmatch(match["s"]):
                    yield match.span("s")
    if any(hint in low for hint in _CALLS):
        for call in _expression(_CALL).finditer(line):
            yield from _in_call(line, call)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Compile an expression when it is first needed: a log needs few of them."""
    return re.compile(pattern, re.IGNORECASE)


_ACROSS: Final = (
    (
        rf"{_KEY}[\"']?\s*[:=][ \t]*+[>|]?[+-]?[ \t]*+\n"
        r"[ \t]+(?P<q>[\"']?)(?P<s>[^\s\"']+)(?P=q)[ \t]*$"
    ),
    rf"{_KEY}[\"']?\s*[:=][ \t]*[\"']?\S{{0,500}}\\\n[ \t]*(?P<s>\S+)",
    rf"<\w{{0,40}}?{_KEY}>[ \t]*\n\s*(?P<s>[^<\s]+)\s*</",
)
"""A value that begins, or continues, on the line after its name."""
_OPEN_CALL: Final = rf"{_SIGNS_IN}\([ \t]*\n(?P<rest>[^)]{{0,400}})"


def spans_across(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of secrets that are not on the line of their name."""
    low = text.lower()
    if any(hint in low for hint in _KEYS):
        for place in _ACROSS:
            for match in re.finditer(place, text, re.IGNORECASE | re.MULTILINE):
                if not _NO_SECRET.fullmatch(match["s"]):
                    yield match.span("s")
    for call in re.finditer(_OPEN_CALL, text, re.IGNORECASE):
        yield from _in_call(text, call)


def _in_call(line: str, call: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the quoted words in a call that signs in, except for a host and a leading name."""
    words = [
        literal
        for literal in _LITERAL.finditer(line, call.start("rest"), call.end("rest"))
        if _CALL_ARGUMENT.fullmatch(literal["s"])
        and not _NO_SECRET.fullmatch(literal["s"])
        and not _HOST.fullmatch(literal["s"])
        and not line.endswith("File ", 0, literal.start())  # of a traceback's next frame
    ]
    if len(words) > 1 and _ADDRESS.fullmatch(words[0]["s"]):
        del words[0]
    for literal in words:
        yield literal.span("s")


_CALL_ARGUMENT: Final = re.compile(r"[^\s,()]{3,}|[a-z]{4}(?: [a-z]{4}){3}")
"""One word, or Google's four; a sentence in quotes is a message."""
