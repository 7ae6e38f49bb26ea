"""Before the first reply: name resolution, connections, missing greetings."""

import re
from collections.abc import Iterator
from typing import Final

from gatepost.diagnosis.causes import CAUSES, conclude
from gatepost.model.evidence import Evidence, OtherServer, TlsFirst
from gatepost.model.finding import Finding

_ONE_FAMILY: Final = frozenset({"nodemailer"})
"""Libraries that do not try the other address family."""
AT_ONCE: Final = 1500.0
"""Milliseconds within which a proxy sends a withheld greeting after the client has sent something.
"""
_LOOPBACK: Final = ("127.0.0.1", "::1")
_PATIENT: Final = 2000.0
"""Milliseconds after which a missing answer is not just slow: a lost SYN is repeated after one
second."""
_WORDS: Final = {"timeout": "no answer", "refused": "refused", "unreachable": "unreachable"}


def dns_failure(seen: Evidence) -> Finding | None:
    """The name has no address, as seen from here."""
    resolution = seen.resolution.value
    if resolution is None or not resolution.error:
        return None
    host = seen.host
    return conclude(
        "dns_failure",
        "certain",
        f"the resolver says: {resolution.error}",
        summary=f"The name {host!r} does not resolve here.",
        next_probe=CAUSES["dns_failure"].probe,
    )


def ipv6_unreachable(seen: Evidence) -> Finding | None:
    """The name has addresses of both families, and those of IPv6 do not work.

    A refusal does no harm: clients try the next address. If packets are dropped, a client waits,
    and one that tries a single address fails.
    """
    connects = seen.connects.value or ()
    sixth = [each for each in connects if ":" in each.address]
    fourth = [each for each in connects if ":" not in each.address]
    lost = [each for each in sixth if each.outcome in ("timeout", "unreachable")]
    if not lost or len(lost) < len(sixth):
        return None
    works = [each for each in fourth if each.outcome == "ok"]
    waits = any(each.outcome == "timeout" and each.ms >= _PATIENT for each in lost)
    only = not fourth and all(each.outcome == "unreachable" for each in lost)
    gives_up = seen.client.library in _ONE_FAMILY
    if not only and not (works and (waits or gives_up)):
        return None
    return conclude(
        "ipv6_unreachable",
        "certain" if only or (works and gives_up) else "likely",
        *(f"{each.address}: {_WORDS[each.outcome]}" for each in lost),
        *(f"{each.address}: connected" for each in works),
        summary="The server's IPv6 address cannot be reached from here"
        + (", its IPv4 address can." if works else "."),
        next_probe="",
    )


def port_blocked(seen: Evidence) -> Finding | None:
    """Packets are dropped, or only this port is closed: typical of a filter for outgoing mail."""
    connects = seen.connects.value
    if not connects or any(each.outcome == "ok" for each in connects):
        return None
    elsewhere = tuple(_open(seen))
    silent = all(each.outcome == "timeout" for each in connects)
    if not silent and not elsewhere:
        return None
    port = seen.target.port if seen.target else 0
    return conclude(
        "port_blocked",
        "likely" if elsewhere else "possible",
        *(
            f"{each.address}: {_WORDS[each.outcome]} after {each.ms / 1000:.1f} s"
            for each in connects
        ),
        *elsewhere,
        summary=f"Nothing answers on port {port}, not even with a refusal: it may be blocked."
        if silent
        else f"Port {port} is closed, others of this server are open.",
    )


def address_family_not_tried(seen: Evidence) -> Finding | None:
    """The server on this machine listens only on the other loopback address."""
    connects, port = seen.connects.value or (), seen.target.port if seen.target else 0
    if not connects or any(each.outcome == "ok" for each in connects):
        return None
    tried = {each.address for each in connects}
    listening = [each for each in seen.neighbours.value or ()
             if each.host in _LOOPBACK and each.host not in tried and each.port == port
             and each.state in ("greets", "tls")]  # fmt: skip
    if not listening:
        return None
    return conclude(
        "address_family_not_tried",
        "certain",
        *(f"{each.address}: {_WORDS[each.outcome]}" for each in connects),
        _described(listening[0]),
        summary=f"The server on this machine listens at {listening[0].host} only; the client tries "
        "another address.",
        fix=f"Set the client to {listening[0].host}, or make the server listen on both addresses: "
        "localhost means 127.0.0.1 to some programs and ::1 to others.",
    )


def provider_endpoint_changed(seen: Evidence) -> Finding | None:
    """The host cannot be reached, but another one of the same provider can."""
    resolution, connects = seen.resolution.value, seen.connects.value
    lost = (resolution is not None and resolution.error) or (
        connects and not any(each.outcome == "ok" for each in connects)
    )
    host = seen.host.lower()
    others = [each for each in seen.neighbours.value or ()
              if each.host.lower() != host and each.host not in _LOOPBACK
              and each.state in ("greets", "tls")]  # fmt: skip
    if not lost or not others:
        return None
    return conclude(
        "provider_endpoint_changed",
        "possible",
        *(_described(each) for each in others[:3]),
        summary="This host accepts no connections; another one of the provider does.",
        fix=f"Use the host and port that the provider names today, such as {others[0]}.",
        next_probe="",
    )


def _open(seen: Evidence) -> Iterator[str]:
    """Yield how the other open ports of the host behave."""
    host = seen.host.lower()
    for each in seen.neighbours.value or ():
        if each.host.lower() == host and each.state in ("greets", "tls"):
            yield _described(each)


def _described(server: OtherServer) -> str:
    how = "speaks TLS from the first byte, and inside" if server.state == "tls" else "greets:"
    return f"{server} {how} {server.greeting}"


def mesh_server_first_hang(seen: Evidence) -> Finding | None:
    """A proxy that waits for the client's first octets withholds the greeting."""
    before, after = seen.greeting.value, seen.greeting_after_ehlo.value
    if before is None or before.reply or after is None or after.reply is None:
        return None
    if after.waited_ms > AT_ONCE:
        return None  # it would have come without EHLO, too
    return conclude(
        "mesh_server_first_hang",
        "likely",
        f"no greeting within {before.waited_ms / 1000:.1f} s",
        f"after an unsolicited EHLO came {after.reply}",
        next_probe="",
    )


def other_protocol(seen: Evidence) -> Finding | None:
    """The server uses a protocol other than SMTP."""
    line, hello, first = _alien(seen), seen.in_clear.value or seen.over_tls.value, seen.first_word
    if not line and first and hello and not hello.reply.is_success:  # FTP greets with 220, too
        line = str(first) if _FTP.search(first.text) and "SMTP" not in first.text.upper() else ""
    if not line:
        return None
    name = next((name for name, looks in _PROTOCOLS if looks.search(line)), "")
    proof = [f"the server says {line!r}"]
    if seen.tls_first.value is not None and seen.tls_first.value.alien:
        proof.insert(0, "TLS is answered from the first byte, and inside it:")
    return conclude(
        "other_protocol",
        "certain" if name else "likely",
        *proof,
        *_open(seen),
        summary=f"This port speaks {name}, not SMTP." if name else "",
    )


_FTP: Final = re.compile(r"\bFTP|FTPd?\b|FileZilla", re.IGNORECASE)
_PROTOCOLS: Final = (
    ("IMAP", re.compile(r"^\* (OK|PREAUTH|BYE)\b")),
    ("POP3", re.compile(r"^(\+OK|-ERR)\b")),
    ("HTTP", re.compile(r"^(HTTP/\d|<!doctype html|<html)", re.IGNORECASE)),
    ("SSH", re.compile(r"^SSH-\d")),
    ("FTP", _FTP),
)
"""Greetings of other protocols: RFC 3501 7.1.5, RFC 1939 4, RFC 9112 4, RFC 4253 4.2, RFC 959 5.4.
"""


def _alien(seen: Evidence) -> str:
    """Return the line that is not SMTP, whenever it came; empty if there is none."""
    answers = (seen.greeting.value, seen.greeting_after_ehlo.value, seen.tls_first.value)
    return next((each.alien for each in answers if each and each.alien), "")


def backend_down_behind_proxy(seen: Evidence) -> Finding | None:
    """The connection is accepted, but there is no greeting: the server behind a load balancer is
    down."""
    greeting, first, after = (
        seen.greeting.value, seen.tls_first.value, seen.greeting_after_ehlo.value,
    )  # fmt: skip
    if seen.source == "log" or greeting is None or greeting.reply or _alien(seen):
        return None
    if first and first.answered:
        return _silent_inside(seen, first)
    if not greeting.closed and (after is None or after.reply is not None):
        return None
    how_ended = (
        "closed before any greeting"
        if greeting.closed
        else f"no greeting within {greeting.waited_ms / 1000:.1f} s, nor after an unsolicited EHLO"
    )
    tls = (
        f"TLS was not answered either: {first.failure}" if first else "TLS was not answered in time"
    )
    return conclude(
        "backend_down_behind_proxy",
        "likely" if greeting.closed else "possible",
        how_ended,
        tls,
        *_open(seen),
        summary=""
        if greeting.closed
        else "There is no greeting on the connection: what listens is not the mail server.",
    )


def _silent_inside(seen: Evidence, first: TlsFirst) -> Finding | None:
    """A proxy terminates TLS, and the server behind it is down."""
    if first.greeting is not None or seen.over_tls.value is not None or not first.failure:
        return None
    if "alert" in f"{first.failure} {seen.failure}":
        return None  # another rule names the protocol
    return conclude(
        "backend_down_behind_proxy",
        "likely",
        "a TLS ClientHello is answered",
        f"then, in place of a greeting: {first.failure}",
        summary="There is TLS, but no greeting inside: what ends TLS is not the mail server.",
        fix="Look at the mail server behind the proxy that ends TLS (stunnel, HAProxy, balancer).",
    )


def connection_dropped(seen: Evidence) -> Finding | None:
    """The connection ends in MAIL, RCPT or DATA, and no refusal says why."""
    if seen.source != "probe" or not seen.failure or seen.position not in ("mail", "rcpt", "data"):
        return None
    content = seen.content.value
    replies = (*(each.reply for each in seen.envelope), *([content] if content else ()))
    if any(each.code >= 400 for each in replies):
        return None
    return conclude(
        "connection_dropped", "likely", "EHLO was answered, and the session went on",
        f"in {seen.position.upper()}: {seen.failure}", phase=seen.position,
    )  # fmt: skip


RULES: Final = (
    dns_failure, ipv6_unreachable, address_family_not_tried, port_blocked,
    provider_endpoint_changed, mesh_server_first_hang, other_protocol, backend_down_behind_proxy,
    connection_dropped,
)  # fmt: skip
