"""Differences from the last check, in sentences."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from gatepost.model.evidence import Certificate
from gatepost.watch.snapshot import ServerOffer, ServerSnapshot

What = Literal[
    "reachable", "unreachable", "finding_appeared", "finding_disappeared", "mechanism_appeared",
    "mechanism_disappeared", "extension_appeared", "extension_disappeared", "size", "tls_version",
    "certificate", "issuer", "certificate_names", "login",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One change. ``subject`` is what it is about: a mechanism, a finding's id, ..."""

    what: What
    subject: str
    sentence: str


def complete_snapshot(snapshots: Iterable[ServerSnapshot]) -> ServerSnapshot | None:
    """Return the last snapshot, with missing facts from earlier ones.

    ``snapshots`` begin with the newest. A server that was down for a day still offers what it
    offered before.
    """
    last: ServerSnapshot | None = None
    for each in snapshots:
        if last is None:
            last = each
            continue
        last = replace(
            last,
            in_clear=last.in_clear or each.in_clear,
            over_tls=last.over_tls or each.over_tls,
            tls_version=last.tls_version or each.tls_version,
            certificate=last.certificate or each.certificate,
            signed_in=each.signed_in if last.signed_in is None else last.signed_in,
        )
        if last.in_clear and last.over_tls and last.certificate and last.signed_in is not None:
            break
    return last


def differences(before: ServerSnapshot, now: ServerSnapshot) -> tuple[Difference, ...]:
    """Return what changed between two checks, as far as both saw it."""
    on = f"on {_moment(now.taken_at)}"
    return (
        *_reach(before, now, on),
        *_findings(before, now, on),
        *_offers(before.in_clear, now.in_clear, "in clear", on),
        *_offers(before.over_tls, now.over_tls, "over TLS", on),
        *_tls(before, now, on),
        *_certificates(before.certificate, now.certificate, on),
        *_login(before, now, on),
    )


def _reach(before: ServerSnapshot, now: ServerSnapshot, on: str) -> Iterator[Difference]:
    if before.is_reachable and not now.is_reachable:
        yield Difference("unreachable", now.target, f"{now.target} is not reachable {on}")
    elif now.is_reachable and not before.is_reachable:
        since = _moment(before.taken_at)
        yield Difference(
            "reachable", now.target,
            f"{now.target} is reachable again {on} (at the last check, on {since}, it was not)",
        )  # fmt: skip


def _findings(before: ServerSnapshot, now: ServerSnapshot, on: str) -> Iterator[Difference]:
    """Yield findings that appeared or disappeared; without access, none has disappeared."""
    for each in now.findings:
        if before.finding(each.id) is None:
            yield Difference(
                "finding_appeared", each.id, f"finding {each.id} appeared {on}: {each.summary}"
            )
    for each in before.findings:
        if now.is_reachable and now.finding(each.id) is None:
            yield Difference("finding_disappeared", each.id, f"finding {each.id} disappeared {on}")


def _offers(
    before: ServerOffer | None, now: ServerOffer | None, where: str, on: str
) -> Iterator[Difference]:
    if before is None or now is None:
        return
    for name in _without(before.mechanisms, now.mechanisms):
        yield Difference(
            "mechanism_disappeared", name, f"{name} disappeared from AUTH {on} ({where})"
        )
    for name in _without(now.mechanisms, before.mechanisms):
        yield Difference("mechanism_appeared", name, f"{name} appeared in AUTH {on} ({where})")
    for name in _without(before.extensions, now.extensions):
        yield Difference(
            "extension_disappeared", name, f"{name} disappeared from EHLO {on} ({where})"
        )
    for name in _without(now.extensions, before.extensions):
        yield Difference("extension_appeared", name, f"{name} appeared in EHLO {on} ({where})")
    if before.size != now.size:
        yield Difference(
            "size", where,
            f"SIZE changed from {_size(before.size)} to {_size(now.size)} {on} ({where})",
        )  # fmt: skip


def _without(these: tuple[str, ...], those: tuple[str, ...]) -> list[str]:
    return [name for name in these if name not in those]


def _size(octets: int | None) -> str:
    return "none" if octets is None else str(octets)


def _tls(before: ServerSnapshot, now: ServerSnapshot, on: str) -> Iterator[Difference]:
    if before.tls_version and now.tls_version and before.tls_version != now.tls_version:
        yield Difference(
            "tls_version", now.tls_version,
            f"TLS changed from {before.tls_version} to {now.tls_version} {on}",
        )  # fmt: skip


def _certificates(
    before: Certificate | None, now: Certificate | None, on: str
) -> Iterator[Difference]:
    if before is None or now is None or before == now:
        return
    period = (before.not_before, before.not_after) != (now.not_before, now.not_after)
    if period or before.subject != now.subject:
        until = f"until {_day(now.not_after)}, the previous one until {_day(before.not_after)}"
        yield Difference("certificate", now.subject, f"the certificate changed {on}: valid {until}")
    if before.issuer != now.issuer:
        yield Difference(
            "issuer", now.issuer,
            f"the certificate's issuer changed from {before.issuer} to {now.issuer} {on}",
        )  # fmt: skip
    if set(before.names) != set(now.names):
        yield Difference(
            "certificate_names", ", ".join(now.names),
            f"the certificate's names changed from {', '.join(before.names) or 'none'} to "
            f"{', '.join(now.names) or 'none'} {on}",
        )  # fmt: skip


def _login(before: ServerSnapshot, now: ServerSnapshot, on: str) -> Iterator[Difference]:
    if None in (before.signed_in, now.signed_in) or before.signed_in == now.signed_in:
        return
    state = "is accepted again" if now.signed_in else "is no longer accepted"
    yield Difference("login", now.target, f"the login {state} {on}")


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _day(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d}"


SECONDS_A_DAY: Final = 86_400


def days_left(certificate: Certificate, now: datetime) -> int:
    """Return whole days until the certificate expires; negative if it has."""
    return int((certificate.not_after - now).total_seconds() // SECONDS_A_DAY)


def days_old(certificate: Certificate, now: datetime) -> int:
    """Return whole days since the certificate became valid."""
    return int((now - certificate.not_before).total_seconds() // SECONDS_A_DAY)
