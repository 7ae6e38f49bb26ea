"""``[target.NAME]``: the ways out, such as smarthosts, APIs and the MX hosts of domains."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from gatepost.config import value_syntax as values
from gatepost.config.dkim import signing_domains
from gatepost.config.http_api_targets import read_http_api
from gatepost.config.http_provider_file import read_provider
from gatepost.config.problems import first_repeated, nearest
from gatepost.config.provider_file import take_provider
from gatepost.config.settings import (
    AccessKeyCredential,
    ApiKeyCredential,
    AwsKeyCredential,
    CertificateCredential,
    CredentialSettings,
    PasswordCredential,
)
from gatepost.config.sign_in_checks import check_sign_in
from gatepost.config.table_reader import TableReader
from gatepost.model.route import (
    AcsRestTarget,
    Capture,
    EightBit,
    GraphTarget,
    HopLimits,
    HopTls,
    MxTarget,
    SendAs,
    Smarthost,
    SmarthostTarget,
    Target,
)
from gatepost.net.dial import Server
from gatepost.sasl.mechanisms import MECHANISMS

Credentials = Mapping[str, CredentialSettings]
_OF_OTHER_APIS: Final = (
    PasswordCredential, CertificateCredential, ApiKeyCredential, AwsKeyCredential,
)  # fmt: skip
_GIVES_NO_TOKEN: Final = (*_OF_OTHER_APIS, AccessKeyCredential)
_IMPLICIT: Final = frozenset({465, 2465})
_STARTTLS: Final = frozenset({25, 587, 2587})
_SUBMISSION: Final = 587
_SUBMISSIONS: Final = 465
_LIMITS: Final = HopLimits()
_OF_A_CREDENTIAL: Final = ("username", "password", "secret", "client_id", "tenant")


def _limits(table: TableReader, recipients: int = _LIMITS.recipients) -> HopLimits:
    """Read the limits; ``recipients`` is the usual number for this kind of target."""
    return HopLimits(
        table.take("connections", values.number(1, 10_000), _LIMITS.connections),
        table.take("rate", values.rate, _LIMITS.rate),
        table.take("messages_per_connection", values.number(1), _LIMITS.messages_per_connection),
        table.take("recipients_per_message", values.number(1, 10_000), recipients),
    )


def _eight_bit(table: TableReader) -> EightBit:
    read = values.one_of(("encode", "send", "bounce"))
    return cast("EightBit", table.take("eight_bit", read, "encode"))


def _send_as(table: TableReader) -> SendAs | None:
    address = table.take("send_as", values.mailbox, None)
    everybody: tuple[str, ...] = ()
    instead_of = table.take("send_as_for", values.some(values.pattern), everybody)
    if instead_of and not table.has("send_as"):
        problem = f"{table.name('send_as_for')} has no effect without send_as"
        table.lack("send_as", problem, at="send_as_for")
    return SendAs(address, instead_of) if address else None


def _dkim(table: TableReader) -> tuple[str, ...]:
    nobody: tuple[str, ...] = ()
    return table.take("dkim", signing_domains, nobody)


def _capture(table: TableReader, name: str, _credentials: Credentials) -> Target:
    del table
    return Capture(name)


def _smarthost(table: TableReader, name: str, credentials: Credentials) -> Target:
    port = _SUBMISSIONS if table.is_said("tls", "implicit") else _SUBMISSION
    servers: tuple[Server, ...] = table.need("servers", values.some(values.server(port)), ())
    balance = table.take("balance", values.flag, False)
    implicit = bool(servers) and all(each.port in _IMPLICIT for each in servers)
    usual: HopTls = "implicit" if implicit else "required"
    tls = table.take("tls", _tls, usual)
    verify = table.take("verify", values.flag, True)
    credential = _credential(table, credentials, optional=True)
    target = SmarthostTarget(
        name,
        tuple(
            [
                Smarthost(each.host, each.port, 0 if balance else number)
                for number, each in enumerate(servers)
            ]
        ),
        tls,
        verify,
        table.take("ca_file", values.path, None),
        credential,
        table.take("mechanisms", values.some(values.mechanism(MECHANISMS)), ()),
        _eight_bit(table),
        _limits(table),
        _send_as(table),
        _dkim(table),
    )
    if credential in credentials and table.is_clear(("credentials", credential)):
        check_sign_in(table, target, credentials[credential])
    elif target.mechanisms and not table.has("credential"):
        name = table.name("mechanisms")
        problem = f"{name} has no effect without a credential"
        table.lack("credential", problem, at="mechanisms")
    if again := first_repeated([f"{each.host.lower()}:{each.port}" for each in servers]):
        table.fault("servers", f"{table.name('servers')} names {again} twice")
    if tls in ("required", "opportunistic") and any(each.port in _IMPLICIT for each in servers):
        table.warn(f'{table.name("tls")}: ports 465 and 2465 are for "implicit"')
    if tls == "implicit" and any(each.port in _STARTTLS for each in servers):
        table.warn(f'{table.name("tls")}: ports 25, 587 and 2587 are for STARTTLS, "required"')
    return target


def _tls(value: Any) -> HopTls:
    if value == "starttls":  # a value of listeners
        raise values.Unknown('must be "required", which always uses STARTTLS', "required")
    read = values.one_of(("required", "opportunistic", "implicit", "none"))
    return cast("HopTls", read(value))


def _mx(table: TableReader, name: str, _credentials: Credentials) -> Target:
    tls = table.take("tls", values.one_of(("opportunistic", "required", "none")), "opportunistic")
    port = table.take("port", values.number(1, 65_535), 25)
    eight_bit, limits = _eight_bit(table), _limits(table)
    send_as, dkim = _send_as(table), _dkim(table)
    return MxTarget(name, cast("Any", tls), port, eight_bit, limits, send_as, dkim)


def _acs_rest(table: TableReader, name: str, credentials: Credentials) -> Target:
    endpoint = table.need("endpoint", values.https_url, "")
    credential = _credential(table, credentials, optional=False)
    if isinstance(credentials.get(credential), _OF_OTHER_APIS):
        table.fault("credential", f"{table.name('credential')}: REST needs an access key or tokens")
    return AcsRestTarget(name, endpoint, credential, _limits(table), _send_as(table))


def _graph(table: TableReader, name: str, credentials: Credentials) -> Target:
    credential = _credential(table, credentials, optional=False)
    if isinstance(credentials.get(credential), _GIVES_NO_TOKEN):
        table.fault("credential", f"{table.name('credential')}: Microsoft Graph needs tokens")
    return GraphTarget(
        name,
        credential,
        table.take("mailbox", _user, ""),
        table.take("endpoint", values.https_url, "https://graph.microsoft.com"),
        _limits(table),
        _send_as(table),
    )


def _http_api(table: TableReader, name: str, credentials: Credentials) -> Target:
    provider = take_provider(table, read_provider)
    credential = _credential(table, credentials, optional=False)
    if provider is None:  # its keys are unknown
        table.ignore_rest()
        return Capture(name)
    named = credential, credentials.get(credential)
    target = read_http_api(table, name, provider, named, _limits)
    return replace(target, send_as=_send_as(table), dkim=_dkim(table))


def _user(value: Any) -> str:
    """Read a user of Graph: a principal name or an id."""
    for read in (values.guid, values.mailbox):
        try:
            return read(value)
        except ValueError:
            continue
    raise ValueError(
        "must be a mailbox or a user's id; without it, mail is sent through its sender's mailbox"
    )


def _credential(table: TableReader, credentials: Credentials, *, optional: bool) -> str:
    table.turn_away(
        _OF_A_CREDENTIAL,
        "must be in a table [credentials.NAME], whose name is the value of credential",
    )
    if optional:
        name = table.take("credential", values.text, "")
    else:
        name = table.need("credential", values.text, "")
    if name and name not in credentials:
        near = nearest(name, credentials)
        table.fault(
            "credential", f"{table.name('credential')}: there is no [credentials.{name}]", near
        )
    return name


_KINDS: Final[Mapping[str, Callable[[TableReader, str, Credentials], Target]]] = {
    "capture": _capture,
    "smarthost": _smarthost,
    "mx": _mx,
    "acs-rest": _acs_rest,
    "graph": _graph,
    "http-api": _http_api,
}


def read_targets(root: TableReader, credentials: Credentials) -> dict[str, Target]:
    """Return every target by name, including those with a mistake, as far as they can be read."""
    targets: dict[str, Target] = {}
    for name, table in root.named("target").items():
        _check_name(table, name)
        kind = table.decide("kind", values.one_of(tuple(_KINDS)), "", required=True)
        if kind:
            targets[name] = _KINDS[kind](table, name, credentials)
            table.finish()
        else:  # included anyway, so that no route reports it as missing
            targets[name] = Capture(name)
    return targets


def _check_name(table: TableReader, name: str) -> None:
    try:
        values.name(name)
    except ValueError as error:
        table.fault(None, f"target.{name} {error}")
