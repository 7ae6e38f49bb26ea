"""Before the first reply: names, addresses, silence."""

from collections.abc import Callable
from typing import Final

from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding


def dns_failure(seen: Evidence) -> Finding | None:
    """The name has no address, as seen from here."""
    resolution = seen.resolution.value
    if resolution is None or not resolution.error:
        return None
    host = seen.target.host if seen.target else ""
    return Finding(
        "dns_failure",
        "certain",
        f"The name {host!r} does not resolve here.",
        (f"the resolver says: {resolution.error}",),
        "resolve",
        "Check the host's spelling; if other names fail too, this machine's or container's "
        "resolver is at fault.",
        explains=("connect", "greeting", "ehlo", "auth", "mail"),
        next_probe="resolve another name from the same machine or container",
    )


def port_blocked(seen: Evidence) -> Finding | None:
    """Packets vanish: typical of a filter on outgoing mail, not of a server that is down."""
    connects = seen.connects.value
    if not connects or any(each.outcome != "timeout" for each in connects):
        return None
    port = seen.target.port if seen.target else 0
    return Finding(
        "port_blocked",
        "possible",
        f"Nothing answers on port {port}, not even with a refusal: it may be blocked.",
        tuple(f"{each.address}: no answer in {each.ms / 1000:.0f} s" for each in connects),
        "connect",
        "Clouds and access providers block outgoing port 25, some 465 and 587 too: use another "
        "submission port of the provider (587, 465, 2587, 2525), or have the port opened.",
        explains=("greeting", "ehlo", "auth", "mail"),
        next_probe="connect to the same port of an unrelated mail host, and to another port here",
    )


def mesh_server_first_hang(seen: Evidence) -> Finding | None:
    """A proxy that waits for the client to speak first withholds the greeting."""
    before, after = seen.greeting.value, seen.greeting_after_ehlo.value
    if before is None or before.reply or after is None or after.reply is None:
        return None
    return Finding(
        "mesh_server_first_hang",
        "likely",
        "The greeting comes only after the client has spoken: a proxy in between holds it back.",
        (
            f"no greeting within {before.waited_ms / 1000:.1f} s",
            f"after an unasked EHLO came {after.reply}",
        ),
        "greeting",
        "Tell the service mesh that the port speaks server-first: name it tcp-*, mark it opaque, "
        "or exclude it from the proxy.",
        explains=("ehlo", "auth", "mail"),
    )


def backend_down_behind_proxy(seen: Evidence) -> Finding | None:
    """TCP is accepted and closed: a balancer answers for a server that does not."""
    greeting, first = seen.greeting.value, seen.tls_first.value
    if greeting is None or greeting.reply or not greeting.closed or first is None or first.answered:
        return None
    return Finding(
        "backend_down_behind_proxy",
        "likely",
        "The connection is accepted and closed without a word: what listens is not the mail "
        "server.",
        ("closed before any greeting", f"TLS was not answered either: {first.failure}"),
        "greeting",
        "Look at the mail server behind the balancer or port forwarding; a server that refuses "
        "this address may do the same.",
        explains=("ehlo", "auth", "mail"),
        next_probe="repeat, and connect to the mail server's own port",
    )


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = (
    dns_failure, port_blocked, mesh_server_first_hang, backend_down_behind_proxy,
)  # fmt: skip
