"""A fault in a configuration, and the view of the settings that rules use."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from gatepost.diagnosis.recognise_provider import providers_in
from gatepost.model.finding import Confidence
from gatepost.model.setting import ClientSettings, Role, Setting, has_mailers

STARTTLS_PORTS: Final = frozenset({25, 587, 2587, 2525})
IMPLICIT_PORTS: Final = frozenset({465, 2465})
_LOCAL: Final = ("localhost", "127.", "::1", "0.0.0.0", "mailhog", "mailpit", "mailcatcher",
                 "host.docker.internal", "smtp4dev", "greenmail")  # fmt: skip
_NO_SMTP: Final = (
    "console", "locmem", "dummy", "filebased", "log", "array", "sendmail", "null", "test", "file",
    "memory", "letter_opener", "ses", "mailgun", "postmark", "resend",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: its cause, how sure that is, where it is, and what to write instead."""

    id: str
    confidence: Confidence
    proof: str
    fix: str


class View:
    """One Config, as rules use it."""

    def __init__(self, config: ClientSettings) -> None:
        self.config = config
        self.kind = config.kind
        self.spelling = "mailers" if has_mailers(config) else config.kind
        """How its settings are written: the kind, or a way of it with names of its own."""

    def first(self, role: Role, *, on: bool | None = None) -> Setting | None:
        """Return the last setting of a role (with the state ``on``), because later ones override
        it."""
        return next((each for each in reversed(self.config.settings)
                     if each.role == role and (on is None or each.on is on)), None)  # fmt: skip

    def all(self, role: Role) -> Iterator[Setting]:
        """Yield every setting of a role."""
        yield from (each for each in self.config.settings if each.role == role)

    def written(self, setting: Setting, value: str) -> str:
        """Return how this setting is given a value."""
        if self.spelling == "mailers":
            return f'"{setting.key.rpartition(".")[2]}": {value}'
        return f"{setting.key}{': ' if self.kind == 'javascript' else ' = '}{value}"

    def fault(
        self, setting: Setting, id: str, confidence: Confidence, text: str, fix: str
    ) -> Fault:
        """Return a fault of a setting. ``text``: what is wrong, behind file, line and name."""
        proof = f"{self.config.file}:{setting.line}: {setting.key}{text}"
        return Fault(id, confidence, proof, fix)

    @cached_property
    def host(self) -> str:
        """The server's name, if the file has it."""
        setting = self.first("host")
        return setting.shown.lower() if setting is not None else ""

    @cached_property
    def port(self) -> int:
        """The port; 0 if the file does not set it."""
        setting = self.first("port") or self.first("endpoint")
        if setting is not None and setting.shown.isdecimal():
            return int(setting.shown)
        if setting is not None or self.kind != "django" or not self.host:
            return 0
        if self.spelling == "mailers":  # its default depends on the switches
            if self.first("implicit", on=True):
                return 465
            return 587 if self.first("starttls", on=True) else 25
        return 25

    @cached_property
    def port_setting(self) -> Setting | None:
        """The setting that has the port."""
        return self.first("port") or self.first("endpoint") or self.first("host")

    @cached_property
    def providers(self) -> frozenset[str]:
        """The providers of the server, by its name."""
        return frozenset(providers_in(self.host)) if "." in self.host else frozenset()

    @cached_property
    def is_local(self) -> bool:
        """Whether the server is on this machine, or catches mail for tests."""
        return not self.host or self.host.startswith(_LOCAL) or "." not in self.host

    @cached_property
    def is_not_smtp(self) -> bool:
        """Whether the framework is set to something other than SMTP."""
        backend = self.first("backend")
        return backend is not None and any(
            word in backend.shown.lower().replace("smtp", "") for word in _NO_SMTP
        ) and "smtp" not in backend.shown.lower()  # fmt: skip

    def has(self, role: Role) -> bool:
        """Tell whether a setting of this role has a value, here or elsewhere."""
        return any(each.state != "empty" for each in self.all(role))

    def mode(self) -> tuple[str, Setting | None]:
        """Return how the client uses TLS, and the setting that decides it.

        The mode is ``implicit``, ``starttls``, ``both``, ``either`` (TLS, but the kind is not set),
        ``clear``, or empty if the file does not tell.
        """
        implicit, starttls = self.first("implicit"), self.first("starttls")
        if implicit is not None and implicit.on:
            both = starttls is not None and starttls.on and not _is_demand(starttls)
            return ("both" if both else "implicit"), implicit
        if starttls is not None and starttls.on:
            return "starttls", starttls
        switches = (*self.all("implicit"), *self.all("starttls"), *self.all("tls"))
        if any(each.state == "elsewhere" or each.on is None for each in switches):
            return "", None
        tls, clear = self.first("tls"), self.first("clear")
        if implicit is not None and tls is None and self.port in IMPLICIT_PORTS:
            return "clear", implicit
        if tls is not None and tls.on:
            return "either", tls
        if clear is not None:
            return "clear", clear
        off = tls or starttls
        if off is not None and (implicit is not None or self.kind in _UPGRADE_WHEN_TOLD):
            return "clear", off
        if self.kind in _CLEAR_BY_DEFAULT:
            return "clear", None
        if self.kind == "rails":
            return "starttls", None  # enable_starttls_auto
        return "", None


def _is_demand(setting: Setting) -> bool:
    """Tell whether the setting only requires TLS, of either kind, such as nodemailer's
    ``requireTLS``."""
    return setting.key.lower().replace("_", "").endswith("requiretls")


_CLEAR_BY_DEFAULT: Final = frozenset({"django", "spring", "python"})
"""Kinds of files whose frameworks use no TLS by default."""
_UPGRADE_WHEN_TOLD: Final = _CLEAR_BY_DEFAULT | {"dotnet", "dotenv", "compose", "yaml", "ini"}
