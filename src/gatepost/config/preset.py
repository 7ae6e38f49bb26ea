"""The preset of ``gatepost up``: a configuration that imitates a provider and captures all mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gatepost.config.settings import (
    AccountsDirectory,
    ApiSettings,
    AzureDirectorySettings,
    Configuration,
    ConsoleSettings,
    DirectorySettings,
    DnsSettings,
    Emulation,
    ExchangeDirectorySettings,
    FailureSettings,
    LimitSettings,
    ListenerSettings,
    ListenerTls,
    Place,
    Provisioning,
    StorageSettings,
)
from gatepost.errors import ConfigError
from gatepost.model.profile import Profile
from gatepost.model.units import MIB
from gatepost.net.dns import parse_nameserver
from gatepost.net.listen import is_loopback
from gatepost.profiles import load_profile

SMTP_PORTS: Final = ("smtp", "smtps")
FREE_SPACE: Final = 64 * MIB
"""Octets below which no mail is accepted."""


@dataclass(frozen=True, slots=True)
class UpPreset:
    """The options of ``gatepost up``."""

    data: Path
    smtp: Place = ("localhost", 2587)
    smtps: Place = ("localhost", 2465)
    https: Place = ("localhost", 2443)
    http: Place = ("localhost", 2480)
    console: Place = None
    """None: there is none, as for programs that use the preset without a browser."""
    console_may_move: bool = False
    """If the console's port is taken, any other will do."""
    console_hosts: tuple[str, ...] = ()
    """NAME or NAME:PORT by which browsers call the console, besides localhost and its address."""
    api_access: str = "open"
    """``token``: the mailbox API needs the token, too."""
    profile: str = "acs"
    workers: int = 0
    strict: bool = False
    settings: tuple[str, ...] = ()
    """KEY=VALUE: changed settings of the profile."""
    names: tuple[str, ...] = ()
    """Names and addresses by which clients know the server, besides those it listens on."""
    sessions: bool = True
    """Whether the transcripts of the last sessions are kept in memory."""
    failures: Path | None = None
    """The file with rules of scripted failures."""
    is_durable: bool = True
    """False for tests: it starts quickly, and a power cut may lose mail."""

    def read(self) -> Configuration:
        """Return the configuration, still without certificates. Raises ConfigError."""
        profile = served_profile(self.profile, strict=self.strict, settings=self.settings)
        places = {"smtp": self.smtp, "smtps": self.smtps}
        _check_open(profile, places)
        config = emulating(Emulation(profile, places), self.data.resolve())
        storage = replace(config.storage, is_durable=self.is_durable)
        secure = [ApiSettings(*self.https, apis="secure")] if self.https else []
        clear = [ApiSettings(*self.http, apis="clear")] if self.http else []
        kind = profile.directory.kind
        azure = AzureDirectorySettings(provider=profile, signs_in=kind == "azure")
        others: Mapping[str, list[DirectorySettings]] = {
            "accounts": [AccountsDirectory(provider=profile)],
            "exchange": [ExchangeDirectorySettings(profile)],
        }
        return replace(
            config,
            directories=(azure, *others.get(kind, ())),
            storage=storage,
            workers=self.workers,
            apis=(*secure, *clear),
            file=self.profile,
            provisioning=Provisioning(self.names),
            reports=profile.events,
            console=self._console(),
            records_sessions=self.sessions,
            failures=FailureSettings(str(self.failures.absolute()) if self.failures else ""),
        )

    def _console(self) -> ConsoleSettings | None:
        if self.console is None:
            return None
        is_local = is_loopback(self.console[0])
        return ConsoleSettings(
            *self.console,
            hosts=self.console_hosts,
            needs_token=self.api_access == "token" or not is_local,
            may_move=self.console_may_move,
            has_own_certificate=not is_local,
        )


def emulating(emulation: Emulation, data: Path) -> Configuration:
    """Return the configuration of sessions that imitate a provider; their mail is in ``data``."""
    profile = emulation.profile
    listeners = [
        ListenerSettings(port, *place, tls=tls, certificate=emulation.certificate)
        for port, tls in tls_of_ports(profile).items()
        if (place := emulation.places[port]) is not None
    ]
    return Configuration(
        hostname=profile.host,
        listeners=tuple(listeners),
        directories=(),
        routes=(),
        credentials={},
        limits=LimitSettings(),
        storage=StorageSettings(data, free_space=FREE_SPACE),
        dns=DnsSettings(tuple(map(parse_nameserver, profile.directory.nameservers))),
        emulation=emulation,
        captures=True,
    )


def served_profile(name: str, *, strict: bool, settings: Sequence[str] = ()) -> Profile:
    """Return a profile as it is served; without ``strict``, its strict limits are off.

    ``name`` ending in .toml is a file; ``settings`` are KEY=VALUE. Raises ConfigError.
    """
    path = Path(name) if name.endswith(".toml") else None
    return load_profile(path.stem if path else name, path=path, settings=settings, strict=strict)


def tls_of_ports(profile: Profile) -> dict[str, ListenerTls]:
    """Return how each port begins: ``starttls``, or ``implicit`` with TLS first."""
    kind = profile.server.tls
    if kind == "both":
        return {"smtp": "starttls", "smtps": "implicit"}
    return dict.fromkeys(SMTP_PORTS, kind)


def _check_open(profile: Profile, places: Mapping[str, Place]) -> None:
    """Refuse a profile that works without TLS on addresses other than loopback."""
    if profile.requires_tls:
        return
    for port in SMTP_PORTS:
        place = places[port]
        if place is not None and not is_loopback(place[0]):
            raise ConfigError(
                f"profile {profile.name} works without TLS, so it can listen on loopback only, "
                f"not on {place[0]}"
            )
