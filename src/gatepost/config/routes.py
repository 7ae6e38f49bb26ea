"""``[[route]]``: which mail goes to which targets."""

from collections.abc import Collection, Mapping
from typing import Final

from gatepost.config import value_syntax as values
from gatepost.config.problems import first_repeated, nearest
from gatepost.config.table_reader import TableReader
from gatepost.model.route import Match, Retry, Route, Target
from gatepost.routing.domains import fold_pattern
from gatepost.routing.route_names import route_name

_EVERYBODY: Final = frozenset({"*"})
_FOR_WHOM: Final = ("recipients", "senders", "applications", "max_size")
"""The keys of a route that select its mail."""
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
    size = frozenset(() if match.size is None else (str(match.size),))
    return (*parts, frozenset(map(str.lower, match.applications)), size)


def _read_route(
    table: TableReader, targets: Mapping[str, Target], retries: Mapping[str, Retry]
) -> Route:
    match = Match(
        table.take("recipients", values.some(values.pattern), ()),
        table.take("senders", values.some(values.pattern), ()),
        table.take("applications", values.some(values.text), ()),
        table.take("max_size", values.positive_size, None),
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
    if again := first_repeated([each.name for each in chain]):
        table.fault("to", f"{table.name('to')} names {again} twice")
    retry = table.take("retry", values.text, "default")
    if retry not in retries:
        near = nearest(retry, retries)
        table.fault("retry", f"{table.name('retry')}: there is no [retry.{retry}]", near)
    return Route(name, tuple(chain), match, retries.get(retry, Retry()))


def _matches_all(match: Match) -> bool:
    parts = (match.recipients, match.senders, match.applications)
    if match.size is not None:
        return False
    return all(not part or not _EVERYBODY.isdisjoint(part) for part in parts[:2]) and not parts[2]
