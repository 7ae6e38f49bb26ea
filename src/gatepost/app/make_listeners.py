"""Makes sockets and session settings from ``[[listener]]`` and ``[limits]``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from gatepost.certificates.reloaded_files import CertificateFiles, Files
from gatepost.config.settings import Configuration, LimitSettings, ListenerSettings, NetworkRule
from gatepost.config.value_syntax import Network
from gatepost.model.address import Address, parse_address
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import Profile
from gatepost.net.listen import Listener, listen, listen_local
from gatepost.policy.client_limits import ClientLimits
from gatepost.policy.networks import UNIX, Networks, NetworkTable
from gatepost.profiles import load_profile
from gatepost.relay.listener_state import (
    ListenerState,
    Terms,
    plain_listener_state,
)
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.wire.server.session import SessionSettings

Place = tuple[str, str, int, str]
"""Identifies a listener over reloads, so that its socket is not opened again."""

_ORDER: Final = tuple(MECHANISMS)
"""The order in EHLO: the best first, because some clients use the first one that they know."""


def place_of(settings: ListenerSettings) -> Place:
    """Return the identity of a listener: its address, or its name if the port is chosen freely."""
    name = "" if settings.unix or settings.port else settings.name
    return name, settings.host, settings.port, settings.unix


def open_listener(settings: ListenerSettings) -> Listener:
    """Listen. Raises PortBusy and NetworkError."""
    if settings.unix:
        return listen_local(Path(settings.unix))
    return listen(settings.host, settings.port)


def files_of(settings: ListenerSettings) -> Files | None:
    """Return a listener's certificate files; None without TLS."""
    if settings.tls == "none" or not settings.certificate:
        return None
    pair = settings.certificate, settings.key or None
    return (*pair, settings.client_authorities) if settings.client_authorities else pair


def client_limits(limits: LimitSettings) -> ClientLimits:
    """Return the limits per client address."""
    return ClientLimits(
        sessions=limits.connections_per_address,
        connections=limits.connections,
        failures=limits.login_failures,
    )


@dataclass(frozen=True, slots=True)
class ListenerFactory:
    """Makes the state of each listener of a process."""

    config: Configuration
    verifiable: frozenset[str]
    """The mechanisms that the directory can verify."""

    def state(self, settings: ListenerSettings) -> ListenerState:
        """Return a listener's state, still without its certificate."""
        if self.config.emulation is not None:  # the profile has all limits
            profile = self.config.emulation.profile
            setting = SessionSettings(profile, profile.host, self.verifiable)
            implicit = settings.tls == "implicit"
            return plain_listener_state(setting, None, name=settings.name, implicit=implicit)
        rows = [
            (_networks(rule.networks), self._terms(settings, rule)) for rule in settings.networks
        ]
        table = NetworkTable(rows, self._terms(settings, NetworkRule(())))
        implicit = settings.tls == "implicit"
        most = self.config.limits.connections_per_address
        return ListenerState(
            table, None, implicit, _networks(settings.proxies), most, name=settings.name
        )

    def _terms(self, settings: ListenerSettings, rule: NetworkRule) -> Terms:
        named = settings.mechanisms if rule.mechanisms is None else rule.mechanisms
        offered = self.verifiable & (self._usual() if named is None else frozenset(named))
        if not settings.client_authorities:  # no client is asked for a certificate
            offered -= {"EXTERNAL"}
        if settings.tls == "none":  # there is no channel to bind to (RFC 5802 6)
            offered = frozenset([each for each in offered if not each.endswith("-PLUS")])
        is_open = rule.may_relay or bool(rule.may_send_to)
        profile = _profile_for(self.config, settings, may_relay=is_open)
        setting = SessionSettings(
            profile,
            self.config.hostname,
            offered,
            can_tls=settings.tls != "none",
            postmaster=_postmaster(self.config, rule),
            messages=self.config.limits.messages_per_connection,
            open_domains=None if rule.may_relay or not is_open else frozenset(rule.may_send_to),
        )
        return Terms(setting, rule.refuse)

    def _usual(self) -> frozenset[str]:
        """Return the mechanisms offered by default: those that clients in general can use.

        Our channel bindings are those of the certificate (tls-server-end-point, RFC 5929 4),
        because Python provides no others. RFC 5802 6 and RFC 9266 prescribe others, so that clients
        which choose -PLUS if it is offered (GNU SASL, in msmtp and mutt) would be refused.
        """
        return frozenset([each for each in self.verifiable if not each.endswith("-PLUS")])


def _postmaster(config: Configuration, rule: NetworkRule) -> Address | None:
    """Return who gets mail for ``postmaster``; where strangers send, somebody must (RFC 5321
    4.5.1)."""
    if config.postmaster:
        return parse_address(config.postmaster)
    return Address("postmaster", rule.may_send_to[0]) if rule.may_send_to else None


def _networks(networks: Iterable[Network]) -> Networks:
    networks = tuple(networks)
    return Networks(tuple([each for each in networks if each != UNIX]), UNIX in networks)


def _profile_for(config: Configuration, settings: ListenerSettings, *, may_relay: bool) -> Profile:
    """Return the profile ``gatepost`` with the configuration's limits, adapted to one listener."""
    profile, limits = load_profile("gatepost"), config.limits
    over_tls = tuple([_line(each, limits) for each in profile.over_tls])
    in_clear = tuple([_line(each, limits) for each in profile.in_clear])
    if settings.tls == "none":  # loopback or a Unix socket, as the configuration has checked
        in_clear = over_tls
    return replace(
        profile,
        in_clear=in_clear,
        over_tls=over_tls,
        requires_tls=settings.tls != "none",
        requires_auth=not may_relay,
        replies=load_profile(settings.replies).replies if settings.replies else profile.replies,
        limits=replace(
            profile.limits,
            message_size=limits.message_size,
            recipients=limits.recipients,
            errors=limits.errors,
            idle=limits.idle.total_seconds(),
        ),
    )


def _line(line: str, limits: LimitSettings) -> str:
    """Return a line of EHLO with the configuration's numbers; of AUTH, with all mechanisms that we
    know."""
    match line.split():
        case ["SIZE", _]:
            return f"SIZE {limits.message_size}"
        case ["LIMITS", *_]:
            return f"LIMITS RCPTMAX={limits.recipients}"
        case ["AUTH", *_]:
            return " ".join(["AUTH", *_ORDER])
    return line


def certificates_of(config: Configuration, report: ReportEvent) -> CertificateFiles:
    """Return the certificates of a configuration's listeners, still none.

    Those of an emulation are our own, whatever is wrong with them: nothing is reported.
    """
    if config.emulation is None:
        return CertificateFiles(report)
    return CertificateFiles(_ignore, newest=config.emulation.profile.server.tls_maximum)


def _ignore(event: str, **facts: Any) -> None:
    """Ignore an event."""


def install_certificates(
    certificates: CertificateFiles,
    states: Mapping[str, ListenerState],
    listeners: Iterable[ListenerSettings],
) -> None:
    """Give each listener its certificate, now and whenever the files change. Raises TlsError."""
    with_tls = [(each, files) for each in listeners if (files := files_of(each)) is not None]
    for _, files in with_tls:
        certificates.load(files)
    certificates.keep_only([files for _, files in with_tls])
    for settings, files in with_tls:
        certificates.follow(files, partial(setattr, states[settings.name], "certificate"))
