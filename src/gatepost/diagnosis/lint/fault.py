"""A fault of a configuration, and what rules ask about one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from gatepost.diagnosis.providers import providers_in
from gatepost.model.finding import Confidence
from gatepost.model.setting import Config, Role, Setting

STARTTLS_PORTS: Final = frozenset({25, 587, 2587, 2525})
IMPLICIT_PORTS: Final = frozenset({465, 2465})
_LOCAL: Final = ("localhost", "127.", "::1", "0.0.0.0", "mailhog", "mailpit", "mailcatcher",
                 "host.docker.internal", "smtp4dev", "greenmail")  # fmt: skip
_NO_SMTP: Final = (
    "console",
    "locmem",
    "dummy",
    "filebased",
    "log",
    "array",
    "sendmail",
    "null",
    "test",
    "file",
    "memory",
    "letter_opener",
    "ses",
    "mailgun",
    "postmark",
    "resend",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: the cause it comes to, how sure that is, where it stands, what to write."""

    id: str
    confidence: Confidence
    proof: str
    fix: str


class View:
    """One Config, as rules ask about it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.kind = config.kind

    def first(self, role: Role, *, on: bool | None = None) -> Setting | None:
        """Return the last setting of a role (in the state ``on``): later ones win."""
        found = [
            each for each in self.config.settings
            if each.role == role and (on is None or each.on is on)
        ]  # fmt: skip
        return found[-1] if found else None

    def all(self, role: Role) -> Iterator[Setting]:
        """Yield every setting of a role."""
        yield from (each for each in self.config.settings if each.role == role)

    def at(self, setting: Setting, said: str) -> str:
        """Return a proof: file, line, name, and what is wrong there."""
        return f"{self.config.file}:{setting.line}: {setting.key}{said}"

    @cached_property
    def host(self) -> str:
        """The server's name where it is plain to see."""
        setting = self.first("host")
        return setting.shown.lower() if setting is not None else ""

    @cached_property
    def port(self) -> int:
        """The port, 0 where the file does not say."""
        setting = self.first("port") or self.first("endpoint")
        if setting is not None and setting.shown.isdecimal():
            return int(setting.shown)
        return 25 if setting is None and self.kind == "django" and self.host else 0

    @cached_property
    def port_setting(self) -> Setting | None:
        """Where the port stands."""
        return self.first("port") or self.first("endpoint") or self.first("host")

    @cached_property
    def providers(self) -> frozenset[str]:
        """Whose server it is, by its name."""
        return frozenset(providers_in(self.host)) if "." in self.host else frozenset()

    @cached_property
    def is_local(self) -> bool:
        """The server is on this machine or a catcher of mail beside it."""
        return not self.host or self.host.startswith(_LOCAL) or "." not in self.host

    @cached_property
    def sends_elsewhere(self) -> bool:
        """The framework is set to something that does not speak SMTP."""
        backend = self.first("backend")
        return backend is not None and any(
            word in backend.shown.lower().replace("smtp", "") for word in _NO_SMTP
        ) and "smtp" not in backend.shown.lower()  # fmt: skip

    def has(self, role: Role) -> bool:
        """A setting of this role has a value, here or elsewhere."""
        return any(each.state != "empty" for each in self.all(role))

    def mode(self) -> tuple[str, Setting | None]:
        """Return how the client does TLS, and the setting that says so.

        ``implicit``, ``starttls``, ``both``, ``either`` (on, and not how), ``clear``; empty where
        the file does not tell.
        """
        implicit, starttls = self.first("implicit"), self.first("starttls")
        if implicit is not None and implicit.on:
            both = starttls is not None and starttls.on and not _demands_tls(starttls)
            return ("both" if both else "implicit"), implicit
        if starttls is not None and starttls.on:
            return "starttls", starttls
        known = (*self.all("implicit"), *self.all("starttls"), *self.all("tls"))
        if any(each.state == "elsewhere" or each.on is None for each in known):
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


def _demands_tls(setting: Setting) -> bool:
    """nodemailer's ``requireTLS`` and its kin say that TLS must be, of either kind."""
    return setting.key.lower().replace("_", "").endswith("requiretls")


_CLEAR_BY_DEFAULT: Final = frozenset({"django", "spring", "python"})
"""Without a word about TLS these stay in clear."""
_UPGRADE_WHEN_TOLD: Final = _CLEAR_BY_DEFAULT | {"dotnet", "dotenv", "compose", "yaml", "ini"}
