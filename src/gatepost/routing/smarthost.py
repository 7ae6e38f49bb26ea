"""The order in which a target's servers are tried."""

from collections.abc import Callable, Sequence

from gatepost.model.route import Smarthost


def in_turn(
    servers: Sequence[Smarthost],
    random: Callable[[], float],
    is_down: Callable[[Smarthost], bool],
) -> tuple[Smarthost, ...]:
    """Return the servers by priority, equal ones in random order, and those last that are known to
    be down. ``random`` returns numbers from 0 to 1; ``is_down`` asks a server's circuit breaker."""
    if len(servers) == 1:
        return tuple(servers)
    drawn = [(is_down(each), each.priority, random(), each) for each in servers]
    return tuple([each for *_, each in sorted(drawn, key=lambda entry: entry[:3])])
