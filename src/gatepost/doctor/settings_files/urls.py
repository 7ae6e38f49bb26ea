"""URLs with a whole configuration, such as ``smtp://user:pass@host:587?verify_peer=0``."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_URL: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]{0,40})://(.*)", re.DOTALL)
_GROUP: Final = re.compile(r"\s*(?:failover|roundrobin)\((.*)\)(?:\?.*)?\s*", re.DOTALL)
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]*)(?::(?P<port>[^/?#@]*))?"
    r"(?P<path>/[^?#@]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.DOTALL,
)
_SAYS_QUERY: Final = re.compile(r"[A-Za-z0-9_.\-]+(?::\d+)?/?\?[\w.\-\[\]]+=", re.DOTALL)
_UNSAFE: Final = (
    ("raw_at", re.compile("@")), ("raw_slash", re.compile("/")), ("raw_query", re.compile(r"\?")),
    ("raw_hash", re.compile("#")), ("raw_percent", re.compile(r"%(?![0-9A-Fa-f]{2})")),
    ("raw_other", re.compile(r"[\s\"<>\\^`{|}\[\]]|[^\x00-\x7f]")), ("raw_plus", re.compile(r"\+")),
)  # fmt: skip
MAIL: Final = re.compile(
    r"(?i)(?:e?smtps?|submissions?|starttls|mail|gmail|ses|sendgrid|mailgun|postmark|mailjet|brevo|"
    r"sendinblue|resend|mailersend|outlook|microsoft\w*|azure|infobip|mandrill|mailtrap|zoho)"
    r"(?:\+[\w.]+)?"
)
"""Schemes for mail."""
NOT_SMTP: Final = re.compile(r"(?i).*\+(?:api|https?)|null|native|sendmail|console|log|file|memory")
"""Schemes without SMTP."""


@dataclass(frozen=True, slots=True)
class MailUrl:
    """A URL in parts. ``sure``: the host cannot be part of the password."""

    scheme: str
    host: str = ""
    port: str = ""
    username: str | None = None
    password: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    marks: frozenset[str] = frozenset()
    sure: bool = True
    held: tuple[str, ...] = ()
    """Everything in it that may be secret, as it is spelled."""


MAX_URLS: Final = 20
"""Maximum URLs of one value that are read."""
MAX_PAIRS: Final = 50
"""Maximum parameters of one URL that are read."""
MAX_PLACES: Final = 50
"""Maximum places of @ that are tried as the end of the password."""
REFERENCE: Final = "reference-to-a-variable"
"""Replaces a variable in a URL."""
_REFERENCES: Final = re.compile(
    r"\$\{\w{1,99}(?::?[-?+][^}]{0,200})?\}|\$\(\w{1,99}\)|\{\{[^}]{0,200}\}\}|%env\([^)]{0,200}\)%|"
    r"(?<=[/:@])\$[A-Z][A-Z0-9_]*(?=[:@/?]|$)"
)


def with_references_named(url: str) -> str:
    """Return a URL with a word for each variable, whose values are encoded elsewhere."""
    return _REFERENCES.sub(REFERENCE, url)


def is_dsn(value: str) -> bool:
    """Tell whether a value is the URL of a mail server."""
    match = _URL.match(value)
    return (match is not None and MAIL.fullmatch(match[1]) is not None) or (
        _GROUP.fullmatch(value) is not None and "://" in value
    )


def each_dsn(value: str) -> list[str]:
    """Return the URLs in a fail-over or round-robin of Symfony, or the single one."""
    group = _GROUP.fullmatch(value)
    if group is None:
        return [value]
    return re.split(r"(?<!\s)\s+(?=[\w+.\-]{1,40}://)", group[1].strip(), maxsplit=MAX_URLS)


def parse(value: str) -> MailUrl | None:
    """Return the URL's parts, as their writer meant them; None if it is not one."""
    match = _URL.fullmatch(value.rstrip("\r\n"))
    if match is None:
        return None
    scheme, rest = match[1].lower(), match[2]
    at = _end_of_userinfo(rest)
    authority = _AUTHORITY.match(rest[at + 1 :])
    if authority is None:
        return MailUrl(scheme, marks=frozenset({"raw_other"}), sure=False, held=(rest,))
    port = _port_of(authority)
    query = tuple(_pairs(authority["query"] or ""))
    sure = rest.count("@") == (1 if at >= 0 else 0) and (not port or port.isdecimal())
    if at < 0:
        marks = frozenset({"port_word"} if port and not port.isdecimal() else ())
        return MailUrl(scheme, authority["host"], port, query=query, marks=marks, sure=sure,
                   held=() if sure else (rest,))  # fmt: skip
    name, colon, secret = rest[:at].partition(":")
    marks = frozenset(mark for mark, pattern in _UNSAFE if pattern.search(name + secret))
    if port and not port.isdecimal():
        marks |= {"port_word"}
    return MailUrl(
        scheme, authority["host"], port, unquote(name), unquote(secret) if colon else None,
        query, marks, sure, (secret, unquote(secret), *(() if sure else (rest,))),
    )  # fmt: skip


def _end_of_userinfo(rest: str) -> int:
    """Return the position of the @ that ends user name and password; -1 if there is none."""
    places = [at for at, each in enumerate(rest) if each == "@"]
    if not places or _SAYS_QUERY.match(rest):
        return -1
    for at in places[:MAX_PLACES]:
        tail = _AUTHORITY.fullmatch(rest[at + 1 :])
        if tail is not None and tail["host"] and (_port_of(tail) or "0").isdecimal():
            return at
    return places[-1]


def _port_of(authority: re.Match[str]) -> str:
    """Return the port as it is written; empty for none, and for a variable."""
    return "" if authority["port"] in (None, REFERENCE) else authority["port"]


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (each.partition("=") for each in query.split("&", MAX_PAIRS)[:MAX_PAIRS] if each)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
