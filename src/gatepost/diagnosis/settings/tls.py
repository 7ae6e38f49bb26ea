"""Port and TLS mode that disagree, switches that exclude each other, disabled verification."""

from collections.abc import Iterator
from typing import Final

from gatepost.diagnosis.settings import fix_spellings
from gatepost.diagnosis.settings.fault import IMPLICIT_PORTS, STARTTLS_PORTS, Fault, View
from gatepost.model.finding import Confidence
from gatepost.model.setting import Setting

_OTHER_PROTOCOLS: Final = {
    110: "POP3", 995: "POP3", 143: "IMAP", 993: "IMAP", 80: "HTTP", 443: "HTTP",
}  # fmt: skip
_REFUSES_BOTH: Final = frozenset({"django", "python"})
"""Frameworks that raise an exception if both switches are on."""
_PREFERS_IMPLICIT: Final = frozenset({"spring", "javascript", "dotnet", "php", "laravel"})
"""Frameworks that use implicit TLS if both switches are on."""
_CLOSED: Final = {"acs": (465, 2465), "microsoft365": (465, 2465), "icloud": (465,)}
"""Ports on which these providers do not answer (2026-01)."""


def mode_and_port(view: View) -> Iterator[Fault]:
    """Implicit TLS is set for a port that begins in clear, or the other way round."""
    mode, setting = view.mode()
    where = setting or view.port_setting
    if mode == "both" and view.kind in _PREFERS_IMPLICIT:
        mode = "implicit"
    if not view.port or where is None or view.is_not_smtp:
        return
    port = f"the port is {view.port}"
    # EMAIL_URL: smtps:// means STARTTLS for django-environ, implicit TLS for dj-email-url
    django_url = _is_named(where, "EMAIL_URL") and where.shown == "smtps"
    if mode == "implicit" and view.port in STARTTLS_PORTS and not django_url:
        sure: Confidence = "likely" if view.port == 2525 or view.kind in _GUESSED else "certain"
        fix = (
            f"{fix_spellings.starttls(view.spelling)}; or {fix_spellings.implicit(view.spelling)}."
        )
        text = f"{_value(where)}: TLS from the first byte, and {port}, which begins in clear"
        yield view.fault(where, "implicit_tls_on_starttls_port", sure, text, fix)
    elif mode in ("starttls", "clear") and view.port in IMPLICIT_PORTS and not django_url:
        if mode == "clear" and view.is_local:
            return
        how = "STARTTLS" if mode == "starttls" else "no TLS"
        text = f"{_value(where)}: {how}, and {port}, which requires TLS from the first byte"
        sure = "likely" if view.kind in _GUESSED else "certain"
        fix = (
            f"{fix_spellings.implicit(view.spelling)}; or {fix_spellings.starttls(view.spelling)}."
        )
        yield view.fault(where, "starttls_on_implicit_tls_port", sure, text, fix)


def _is_named(setting: Setting, *names: str) -> bool:
    """Tell whether the setting has one of these names; several URLs with one name are numbered."""
    return setting.key.upper().partition("[")[0].endswith(names)


_GUESSED: Final = frozenset({"dotenv", "compose", "yaml", "json", "ini", "properties", "laravel",
                             "dotnet", "kubernetes"})  # fmt: skip
"""Kinds of files whose switches mean what the reading program makes of them."""


def url_scheme(view: View) -> Iterator[Fault]:
    """smtp:// is used with port 465; only Symfony then uses implicit TLS."""
    url = view.first("url")
    if url is None or url.shown not in ("smtp", "submission") or view.port not in IMPLICIT_PORTS:
        return
    if _is_named(url, "MAILER_DSN", "EMAIL_URL", "MAIL_URL") or view.mode()[0]:
        return
    text = (
        f" begins with {url.shown}://, and the port is {view.port}, which requires TLS from the "
        "first byte"
    )
    fix = f"{fix_spellings.implicit('url')}; or {fix_spellings.starttls('url')}."
    yield view.fault(url, "starttls_on_implicit_tls_port", "likely", text, fix)


def both_switches(view: View) -> Iterator[Fault]:
    """Implicit TLS and STARTTLS are both switched on."""
    mode, implicit = view.mode()
    starttls = view.first("starttls", on=True)
    if mode != "both" or implicit is None or starttls is None:
        return
    if view.kind in _PREFERS_IMPLICIT or (view.kind == "rails" and "auto" in starttls.key):
        return
    sure: Confidence = "certain" if view.kind in _REFUSES_BOTH else "likely"
    text = f" and {starttls.key} (line {starttls.line}) are both on; they cannot be used together"
    fix = f"{fix_spellings.starttls(view.spelling)}; or {fix_spellings.implicit(view.spelling)}."
    yield view.fault(implicit, "client_config_conflict", sure, text, fix)


def text_that_is_true(view: View) -> Iterator[Fault]:
    """A text is used as a switch, which Python takes as true even if it is ``"False"``."""
    for setting in (*view.all("starttls"), *view.all("implicit"), *view.all("tls")):
        if "false_text" in setting.marks:
            text = ' is a string, and every string except the empty one is true, even "False"'
            id_ = "unwanted_starttls" if setting.role == "starttls" else "client_config_conflict"
            if setting.role == "implicit" and view.port in STARTTLS_PORTS:
                id_ = "implicit_tls_on_starttls_port"
            if view.mode()[0] == "both":
                id_ = "client_config_conflict"
            false = view.written(setting, "false" if view.kind == "javascript" else "False")
            yield view.fault(setting, id_, "certain", text, f"Write {false}, without quotes.")
        elif "untyped" in setting.marks:
            text = ' is an environment variable\'s text as it is: "False" and "0" are true, too'
            compared = view.written(setting, 'os.environ.get(...) == "True"')
            fix = f"{compared}, or a reader that makes a bool of it."
            id_ = "unwanted_starttls" if setting.role == "starttls" else "client_config_conflict"
            yield view.fault(setting, id_, "possible", text, fix)


def no_tls(view: View) -> Iterator[Fault]:
    """There is a submission port and a user name, but no setting for TLS."""
    mode, setting = view.mode()
    where = setting or view.port_setting
    if mode != "clear" or where is None or view.is_local or view.is_not_smtp:
        return
    if view.port not in (587, 2587) and not (view.port == 25 and view.providers):
        return
    if not (view.has("password") or view.has("maps") or view.providers):
        return
    text = f"{_value(where)}: the client stays in clear"
    if setting is None or "default" in setting.marks:
        text = ": nothing switches TLS on, so the client stays in clear"
    sure: Confidence = "likely" if view.kind not in _GUESSED else "possible"
    yield view.fault(
        where, "starttls_required", sure, text, f"{fix_spellings.starttls(view.spelling)}."
    )


def scheme(view: View) -> Iterator[Fault]:
    """Laravel's MAIL_SCHEME accepts only smtp and smtps."""
    for setting in view.all("implicit"):
        if "bad_scheme" in setting.marks:
            text = ' is neither smtp nor smtps: Symfony Mailer answers "scheme is not supported"'
            fix = f"{fix_spellings.starttls('laravel')}; or {fix_spellings.implicit('laravel')}."
            yield view.fault(setting, "client_config_conflict", "certain", text, fix)
        if "wrapper_needs_encrypt" in setting.marks:
            text = (
                ": smtp_tls_wrappermode = yes works only with smtp_tls_security_level = encrypt "
                "or higher"
            )
            yield view.fault(
                setting,
                "client_config_conflict",
                "certain",
                text,
                f"{fix_spellings.implicit('postfix')}.",
            )


def unverified(view: View) -> Iterator[Fault]:
    """The certificate is not verified."""
    for setting in view.all("verify"):
        if setting.on is False and not (view.host and view.is_local):
            text = (
                f"{_value(setting)}: the server's certificate is not verified, so the password "
                "can be stolen"
            )
            yield view.fault(setting, "client_accepts_invalid_cert", "certain", text,
                        "Switch verification on; for a private authority name its certificate "
                        "(CA file) instead.")  # fmt: skip


def wrong_service(view: View) -> Iterator[Fault]:
    """The port or host is that of another protocol, or the provider does not serve the port."""
    where = view.port_setting
    if where is None:
        return
    other = _OTHER_PROTOCOLS.get(view.port)
    first = view.host.partition(".")[0]
    if other or first in ("imap", "pop", "pop3", "imaps"):
        text = f" leads to {other or first.upper()}, which does not accept mail"
        setting = where if other else view.first("host") or where
        yield view.fault(setting, "wrong_submission_host", "likely", text,
                    f"Set the provider's host for sending (smtp.…): "
                    f"{fix_spellings.starttls(view.spelling)}.")  # fmt: skip
    for provider in view.providers:
        if view.port in _CLOSED.get(provider, ()):
            text = f": {view.host} does not answer on {view.port}"
            yield view.fault(
                where, "port_blocked", "likely", text, f"{fix_spellings.starttls(view.spelling)}."
            )


def _value(setting: Setting) -> str:
    return f" = {setting.shown}" if setting.shown else ""


RULES: Final = (
    mode_and_port, url_scheme, both_switches, text_that_is_true, no_tls, scheme, unverified,
    wrong_service,
)  # fmt: skip
