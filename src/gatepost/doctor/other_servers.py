"""Checks the host's other ports, and the other hosts of its provider."""

from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Final

from gatepost.diagnosis.recognise_provider import providers_in
from gatepost.doctor.ehlo_names import NEUTRAL
from gatepost.doctor.parallel import start
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.errors import GatepostError, ResolveError
from gatepost.model.evidence import OtherServer
from gatepost.net.dial import Server, connect_to, resolve
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import client_context
from gatepost.profiles import known_providers, load_profile

MOST: Final = 12
"""Maximum number of servers that are checked."""


def check_other_servers(
    visit: Visit, *, own: bool = True, refused: bool = False
) -> tuple[OtherServer, ...]:
    """Check all other servers at once, for some seconds.

    Without ``own``, only the provider's other hosts. If this machine itself has ``refused``, also
    its other loopback address.
    """
    patience = visit.patience
    servers = [each for each in other_servers(visit) if own or each.host != visit.server.host]
    if refused:
        servers += [Server(name, visit.server.port) for name in _this_machine(visit.server.host)]
    attempts = {server: start(partial(_check, visit, server)) for server in servers}
    wait(attempts.values(), timeout=patience.others + patience.silence + 1)
    return tuple(
        attempt.result() if attempt.done() else OtherServer(server.host, server.port, "timeout")
        for server, attempt in attempts.items()
    )


def other_servers(visit: Visit) -> tuple[Server, ...]:
    """Return the other servers that this client could use."""
    host = visit.server.host
    others = () if visit.checks.is_confined else _known_hosts(host)
    hosts = (host, *(name for name in others if name != host.lower()))
    servers = [Server(name, port) for name in hosts for port in visit.checks.ports]
    return tuple(each for each in dict.fromkeys(servers) if each != visit.server)[:MOST]


def _this_machine(host: str) -> Iterator[str]:
    """Yield the loopback addresses of both families: a server may listen on only one of them."""
    if host.lower() == "localhost" or _is_loopback(host):
        yield from (name for name in ("127.0.0.1", "::1") if name != host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _known_hosts(host: str) -> Iterator[str]:
    """Yield the other hosts of the provider of ``host``."""
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return
    named = next(providers_in(host), "")
    for name in known_providers():
        profile = load_profile(name)
        if name == named or host.lower() in profile.hosts:
            yield from profile.hosts


def _check(visit: Visit, server: Server) -> OtherServer:
    """Check one server: does it greet, does it use TLS, what does EHLO offer?"""
    patience = visit.patience
    seen = OtherServer(server.host, server.port, "silent")
    try:
        endpoint = resolve(server)[0]
        stream = SyncStream(connect_to(endpoint, patience.others))
    except ResolveError:
        return replace(seen, state="unresolved")
    except TimeoutError:
        return replace(seen, state="timeout")
    except ConnectionRefusedError:
        return replace(seen, state="refused")
    except OSError:
        return replace(seen, state="unreachable")
    looked = Visit(server, patience=patience)
    talk = Talk(looked, stream, client_context(verify=False))
    try:
        greeting = talk.reply_within(patience.silence)
        seen = replace(seen, state="greets", greeting=str(greeting))
        return replace(seen, mechanisms=_offered(talk))
    except GatepostError:
        if seen.state == "greets":
            return seen
    finally:
        talk.close(politely=talk.session.is_usable)
    try:
        talk = Talk.open(looked, endpoint, client_context(verify=False))
    except OSError:
        return seen
    try:
        talk.secure()
        seen = replace(seen, state="tls", greeting=str(talk.greeting()))
        return replace(seen, mechanisms=_offered(talk))
    except GatepostError:
        return seen
    finally:
        talk.close(politely=talk.session.is_usable)


def _offered(talk: Talk) -> tuple[str, ...]:
    """Return the mechanisms that EHLO lists, over TLS if the server offers it."""
    hello = talk.hello(NEUTRAL)
    if "STARTTLS" in hello.capabilities and talk.session.facts is None:
        if not talk.ask("STARTTLS", "starttls").is_success:
            return hello.capabilities.mechanisms
        talk.secure()
        hello = talk.hello(NEUTRAL)
    return hello.capabilities.mechanisms
