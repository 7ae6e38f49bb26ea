"""What the values in a text tell: the form of a host, of an address, an issuer of certificates."""

import re
from collections.abc import Iterator
from typing import Final

from gatepost.diagnosis.recognise_provider import providers_in

_LOOKED_UP: Final = re.compile(
    r"(?:(?:enotfound|eai_again|eai_fail|\blookup|resolve host:?|unknownhost(?:exception)?:|"
    r"unknown host:?|getaddrinfo(?: failed)? for) ['\"(]{0,2}|\bhostname['\"]?: ?['\"]{1,2})"
    r"(?!(?:fail|failed|failure|error|for|required|of|t=|t)\b)"
    r"([^\s'\"()\[\]{}][^'\"()\[\]{}\n]{0,119})(['\"]?)"
)
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,10}\.?")
_ADDRESSED: Final = re.compile(
    r"(?:mail from|rcpt to|to|from|address|recipient|sender):? ?(<[^\n]{0,160}?>{1,3})"
)
_WELL_FORMED: Final = re.compile(r"<[^\s<>@,;]{1,64}@[a-z0-9.\[\]:_-]{1,255}>")
_ISSUER: Final = re.compile(
    r"\b(?:avast|avg|kaspersky|eset|bitdefender|sophos|fortinet|fortigate|zscaler|netskope|"
    r"palo alto|checkpoint|cisco umbrella|blue coat|mcafee|norton|web shield|mail shield|"
    r"trend micro|websense|untangle|barracuda)\b"
)

_SENT: Final = (
    (
        "http",
        re.compile(
            r"\b(?:get|post|options|connect) /?\S{0,200} http/[12]|\bhost: [\w.:-]{1,99}\\r"
        ),
    ),
    ("tls", re.compile(r"\\(?:x16|026)\\(?:x03|003)|\x16\x03")),
    ("proxy", re.compile(r"\bproxy tcp[46] |\\x0d\\x0a\\x00\\x0d\\x0aquit|quit\\n!")),
    ("telnet", re.compile(r"\\(?:xff|377)\\(?:xfb|xfd|373|375)")),
)
"""What clients of other protocols send first, as logs escape it."""


_SET_TO_URL: Final = re.compile(
    r"\b(?:host|server|hostname)['\"]?\s{0,3}(?:=>|[=:])\s{0,3}['\"]?(?:smtps?|https?|ssl|tls)://"
)
"""A setting of the host with a scheme."""


def find_values(text: str) -> Iterator[str]:
    """Yield the features of values in ``text``, which is in lower case."""
    for match in _LOOKED_UP.finditer(text):
        if match[0].startswith("lookup") and _WITH_PORT.match(match[1]) is not None:
            yield "value host with port"  # Go's resolver has no port
        else:
            form = _host_form(match[1], is_quoted=bool(match[2]))
            yield f"value host {form}"
            if form == "of a provider":
                yield "value host name"
    for match in _ADDRESSED.finditer(text):
        yield f"value address {_address_form(match[1])}"
    if _SET_TO_URL.search(text) is not None:
        yield "value host url"
    if _ISSUER.search(text) is not None:
        yield "value issuer inspection"
    yield from (f"value sent {name}" for name, pattern in _SENT if pattern.search(text) is not None)


def _host_form(value: str, *, is_quoted: bool) -> str:
    """Return the form of what was looked up as a host; clients add the port, or their resolver."""
    host = _AFTER_HOST.split(value, maxsplit=1)[0].strip(" .;,")
    if is_quoted and value != value.strip(" ,;"):
        return "blank" if value != value.strip() else "list"
    if "//" in value:
        return "url"
    if "@" in host:
        return "address"
    if "," in host or ";" in host:
        return "list"
    if host.isdecimal():
        return "number"
    if _HOST.fullmatch(host) is not None:
        return "of a provider" if any(providers_in(host)) else "name"
    return "short" if re.fullmatch(r"[\w-]+", host) else "odd"


_WITH_PORT: Final = re.compile(r"[^\s:]{1,255}:\d{1,5}:")
_AFTER_HOST: Final = re.compile(r" on | port |: |[ :](?=\d{1,5}\b|$)|\s")


def _address_form(value: str) -> str:
    """Return the form of a path in MAIL or RCPT."""
    if value == "<>":
        return "empty"
    if _WELL_FORMED.fullmatch(value) is not None:
        return "plain"
    if value.startswith("<<") or value.endswith(">>"):
        return "doubled"
    if "@" not in value:
        return "no domain"
    return "list" if "," in value or ";" in value else "odd"
