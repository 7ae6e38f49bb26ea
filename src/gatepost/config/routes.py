"""``[target.NAME]``, ``[retry.NAME]`` and ``[[route]]``: where mail goes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, cast

from gatepost.config import value_syntax as values
from gatepost.config.problems import nearest
from gatepost.config.settings import (
    AccessKeyCredential,
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
    Match,
    MxTarget,
    Retry,
    Route,
    Smarthost,
    SmarthostTarget,
    Target,
)
from gatepost.net.dial import Server
from gatepost.routing.domains import fold_pattern
from gatepost.routing.route_names import route_name
from gatepost.sasl.mechanisms import MECHANISMS

Credentials = Mapping[str, CredentialSettings]
_GIVES_NO_TOKEN: Final = (PasswordCredential, CertificateCredential, AccessKeyCredential)
_IMPLICIT: Final = frozenset({465, 2465})
_STARTTLS: Final = frozenset({25, 587, 2587})
_SUBMISSION: Final = 587
_SUBMISSIONS: Final = 465
_LIMITS: Final = HopLimits()
_RETRY: Final = Retry()
_OF_A_CREDENTIAL: Final = ("username", "password", "secret", "client_id", "tenant")
_EVERYBODY: Final = frozenset({"*"})
_FOR_WHOM: Final = ("recipients", "senders", "applications")
"""The keys of a route that select its mail."""


def _limits(table: TableReader) -> HopLimits:
    return HopLimits(
        table.take("connections", values.number(1, 10_000), _LIMITS.connections),
        table.take("rate", values.rate, _LIMITS.rate),
        table.take("messages_per_connection", values.number(1), _LIMITS.messages_per_connection),
        table.take("recipients_per_message", values.number(1, 10_000), _LIMITS.recipients),
    )


def _eight_bit(table: TableReader) -> EightBit:
    read = values.one_of(("encode", "send", "bounce"))
    return cast("EightBit", table.take("eight_bit", read, "encode"))


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
        table.take("ca_file", _optional_path, None),
        credential,
        table.take("mechanisms", values.some(values.mechanism(MECHANISMS)), ()),
        _eight_bit(table),
        _limits(table),
    )
    if credential in credentials and table.is_clear(("credentials", credential)):
        check_sign_in(table, target, credentials[credential])
    elif target.mechanisms and not table.has("credential"):
        name = table.name("mechanisms")
        problem = f"{name} has no effect without a credential"
        table.lack("credential", problem, at="mechanisms")
    if again := _named_again([f"{each.host.lower()}:{each.port}" for each in servers]):
        table.fault("servers", f"{table.name('servers')} names {again} twice")
    if tls in ("required", "opportunistic") and any(each.port in _IMPLICIT for each in servers):
        table.warn(f'{table.name("tls")}: ports 465 and 2465 are for "implicit"')
    if tls == "implicit" and any(each.port in _STARTTLS for each in servers):
        table.warn(f'{table.name("tls")}: ports 25, 587 and 2587 are for STARTTLS, "required"')
    return target


def _named_again(names: Sequence[str]) -> str:
    """Return the first name that is listed twice; empty if there is none."""
    return next((each for number, each in enumerate(names) if each in names[:number]), "")


def _tls(value: Any) -> HopTls:
    if value == "starttls":  # a value of listeners
        raise values.Unknown('must be "required", which always uses STARTTLS', "required")
    read = values.one_of(("required", "opportunistic", "implicit", "none"))
    return cast("HopTls", read(value))


def _mx(table: TableReader, name: str, _credentials: Credentials) -> Target:
    tls = table.take("tls", values.one_of(("opportunistic", "required", "none")), "opportunistic")
    port = table.take("port", values.number(1, 65_535), 25)
    return MxTarget(name, cast("Any", tls), port, _eight_bit(table), _limits(table))


def _acs_rest(table: TableReader, name: str, credentials: Credentials) -> Target:
    endpoint = table.need("endpoint", values.https_url, "")
    credential = _credential(table, credentials, optional=False)
    if isinstance(credentials.get(credential), PasswordCredential | CertificateCredential):
        table.fault("credential", f"{table.name('credential')}: REST needs an access key or tokens")
    return AcsRestTarget(name, endpoint, credential, _limits(table))


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
    )


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


def _optional_path(value: Any) -> str | None:
    return values.path(value)


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


def read_retries(root: TableReader) -> dict[str, Retry]:
    """Return every schedule by name; ``default`` always exists."""
    retries: dict[str, Retry] = {}
    tables = {"default": root.table("retry").table("default"), **root.named("retry")}
    for name, table in tables.items():
        retries[name] = _read_retry(table)
        table.finish()
    return retries


def _read_retry(table: TableReader) -> Retry:
    retry = Retry(
        table.take("first", values.positive_span, _RETRY.first),
        table.take("factor", values.fraction(1, 10), _RETRY.factor),
        table.take("longest", values.positive_span, _RETRY.longest),
        table.take("jitter", values.fraction(0, 1), _RETRY.jitter),
        table.take("table", values.some(values.positive_span), _RETRY.table),
        table.take("expire", values.positive_span, _RETRY.expire),
        table.take("warn", _warning, _RETRY.warn, none="never"),
    )
    if table.has("table"):
        for key in ("first", "factor", "longest"):
            if table.has(key):
                table.fault(
                    key, f"{table.name(key)} has no effect together with {table.name('table')}"
                )
    elif retry.longest < retry.first:
        where = "longest" if table.has("longest") else "first"
        table.fault(where, f"{table.name('longest')} is shorter than {table.name('first')}")
    if table.is_clear(table.path):
        _warn_of_late(table, retry)
    return retry


def _warn_of_late(table: TableReader, retry: Retry) -> None:
    """Warn of settings in the file that plan something too late."""
    expire = table.name("expire")
    key = "table" if table.has("table") else "first"
    if (retry.table or (retry.first,))[0] >= retry.expire:
        table.warn(
            f"{table.name(key)}: the first wait is longer than {expire}: there would be one "
            "attempt, and one at the end",
            key,
        )
    if table.has("warn") and retry.warn is not None and retry.warn >= retry.expire:
        table.warn(
            f"{table.name('warn')} is later than {expire}: no sender would be notified of a delay",
            "warn",
        )


def _warning(value: Any) -> timedelta | None:
    return None if value == "never" else values.positive_span(value)


_Folded = tuple[frozenset[str], ...]


def read_routes(
    root: TableReader, targets: Mapping[str, Target], retries: Mapping[str, Retry]
) -> tuple[Route, ...]:
    """Return the routes in order. A route after one that takes everything is a mistake."""
    routes: list[Route] = []
    clear: dict[_Folded, Route] = {}
    """The first for each kind of mail, of those of which it is known which mail they are for."""
    whole: Route | None = None
    """The first of them that takes everything."""
    names: set[str] = set()
    """Those that are known."""
    for table in root.tables("route"):
        route = _read_route(table, targets, retries)
        table.finish()
        is_clear = not any(map(table.is_mistaken, _FOR_WHOM))
        folded = _folded(route.match)
        same = clear.get(folded) if is_clear else None
        is_named = is_clear or (table.has("name") and not table.is_mistaken("name"))
        if whole is not None:
            _tell_of_whole(table, route, whole)
        else:
            _check_other(table, route, same, names if is_named else ())
        if is_clear:
            clear.setdefault(folded, route)
            whole = route if whole is None and _matches_all(route.match) else whole
        if is_named:
            names.add(route.name)
        routes.append(route)
    if not root.has("route"):
        root.lack("route", "there is no [[route]]: mail could not be delivered")
    return tuple(routes)


def _tell_of_whole(table: TableReader, route: Route, whole: Route) -> None:
    what = f"the route {route.name}" if table.has("name") else "this route"
    table.fault(None, f"{what} is never used: {whole.name} takes everything")


def _check_other(
    table: TableReader, route: Route, same: Route | None, names: Collection[str]
) -> None:
    """Compare with earlier routes; ``same`` is one for the same mail."""
    never = "" if same is None else f"this route is never used: {same.name} is for the same mail"
    if same is not None and same.name == route.name:
        table.fault(None, never)
    elif route.name in names:
        table.fault("name", f"{table.name('name')}: there is already a route {route.name}")
    elif same is not None:
        table.warn(never)


def _folded(match: Match) -> _Folded:
    """Normalise case, order, and the spelling of domains."""
    addresses = (match.recipients, match.senders)
    parts = [frozenset(map(fold_pattern, each)) for each in addresses]
    return (*parts, frozenset(map(str.lower, match.applications)))


def _read_route(
    table: TableReader, targets: Mapping[str, Target], retries: Mapping[str, Retry]
) -> Route:
    match = Match(
        table.take("recipients", values.some(values.pattern), ()),
        table.take("senders", values.some(values.pattern), ()),
        table.take("applications", values.some(values.text), ()),
    )
    name = table.take("name", values.name, route_name(match))
    chain = []
    nowhere: tuple[str, ...] = ()
    for number, each in enumerate(table.need("to", values.some(values.text), nowhere)):
        if each in targets:
            chain.append(targets[each])
        else:
            problem = f"{table.name('to')}: there is no [target.{each}]"
            table.fault("to", problem, nearest(each, targets), number=number)
    if again := _named_again([each.name for each in chain]):
        table.fault("to", f"{table.name('to')} names {again} twice")
    retry = table.take("retry", values.text, "default")
    if retry not in retries:
        near = nearest(retry, retries)
        table.fault("retry", f"{table.name('retry')}: there is no [retry.{retry}]", near)
    return Route(name, tuple(chain), match, retries.get(retry, _RETRY))


def _matches_all(match: Match) -> bool:
    parts = (match.recipients, match.senders, match.applications)
    return all(not part or not _EVERYBODY.isdisjoint(part) for part in parts[:2]) and not parts[2]


def _check_name(table: TableReader, name: str) -> None:
    try:
        values.name(name)
    except ValueError as error:
        table.fault(None, f"target.{name} {error}")
