"""Evidence in sentences, for people; shared by the terminal's report and Markdown."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gatepost.model.evidence import EhloExchange, Evidence, TlsSeen

_STATES: Final = {
    "greets": "greets in clear", "tls": "TLS from the first byte", "timeout": "no answer",
    "silent": "accepts the connection and sends nothing", "unresolved": "the name does not resolve",
}  # fmt: skip


def printable(text: str) -> str:
    """Return ``text`` without control characters: a server must not control the terminal."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in clean
    )


def facts(seen: Evidence) -> Iterator[str]:
    """Yield the facts from before EHLO, a line each."""
    if (facts_of := _OF_SOURCE.get(seen.source)) is not None:
        yield from facts_of(seen)
    if seen.resolution.value is not None and seen.resolution.value.error:
        yield f"name: {seen.resolution.value.error}"
    for connect in seen.connects.value or ():
        state = "connected" if connect.outcome == "ok" else connect.outcome
        yield f"{connect.address}: {state} after {connect.ms:.0f} ms"
    greeting = seen.greeting.value
    if greeting is not None:
        waited = (
            "in the log" if seen.source == "log" else f"within {greeting.waited_ms / 1000:.1f} s"
        )
        silence = "closed without a greeting" if greeting.closed else f"no greeting {waited}"
        silence = f"not SMTP: {greeting.alien!r}" if greeting.alien else silence
        yield f"greeting: {greeting.reply}" if greeting.reply else silence
    first = seen.tls_first.value
    if first is not None and first.answered:
        yield f"TLS comes first; inside it: {first.greeting or first.failure}"
    if seen.tls.value is not None:
        yield from _tls(seen.tls.value)
    yield from _tls_checks(seen)
    for each in seen.neighbours.value or ():
        offers = f", AUTH {' '.join(each.mechanisms)}" if each.mechanisms else ""
        yield f"{each}: {_STATES.get(each.state, each.state)}{offers}"
    for check in seen.audit.value or ():
        yield f"audit, {check.name}: {check.outcome.replace('_', ' ')}"
    if seen.failure and seen.position not in ("resolve", "connect"):
        yield f"ended at {seen.position}: {seen.failure}"
    if seen.token.value is not None or seen.behind.value is not None:
        from gatepost.doctor.identity.sentences import facts_behind  # noqa: PLC0415 - a paste is quick

        yield from facts_behind(seen)


def _log(seen: Evidence) -> Iterator[str]:
    """Yield the recognised kind of a log."""
    from gatepost.doctor.logs.formats import FORMATS  # noqa: PLC0415 - a probe does without

    title = next((each.title for each in FORMATS if each.name == seen.log_format), "")
    own = title.startswith("a session")
    library, product = seen.client.library, seen.client.product
    named = f" ({library})" if library and product and library != product.lower() else ""
    facts_of_log = (
        ("read as", title if own else title and f"a session as {title} prints it"),
        ("client", f"{product or library}{named}"),
        ("server", seen.server_name),
        ("ends at", seen.position if seen.transcript and seen.position != "resolve" else ""),
    )
    yield from (f"{name}: {value}" for name, value in facts_of_log if value)


def title(seen: Evidence, target: str | None) -> str:
    """Return what a report is about."""
    if seen.source == "config":
        return seen.configs[0].file if seen.configs else "a configuration"
    return target or f"a {seen.source}"


def _config(seen: Evidence) -> Iterator[str]:
    """Yield the recognised kind of a configuration file, and its settings."""
    from gatepost.doctor.settings_files.kinds import KINDS  # noqa: PLC0415 - for settings alone

    if seen.log_format:
        kind = KINDS.get(seen.log_format)
        yield f"read as: {kind.title if kind else seen.log_format}"
    for config in seen.configs:
        if config.name:
            yield f"account: {config.name}"
        settings = dict.fromkeys(
            f"{each.key} ({each.role}{f' {each.shown}' if each.shown else ''}, line {each.line})"
            for each in config.settings
        )
        yield f"settings: {'; '.join(settings)}"


def _session(seen: Evidence) -> Iterator[str]:
    """Yield what is known about the client of a recorded session."""
    client, conduct = seen.client, seen.conduct.value
    named = client.product or client.library
    if named:
        by = "as given" if client.product else "recognised by its behaviour"
        yield f"client: {named} ({by})"
    if conduct is not None and conduct.tls_version:
        asks = f", asks for {conduct.tls_name}" if conduct.tls_name else ""
        yield f"the client's TLS: {conduct.tls_version} at most{asks}"


_OF_SOURCE: Final[Mapping[str, Callable[[Evidence], Iterator[str]]]] = {
    "log": _log, "config": _config, "record": _session,
}  # fmt: skip


def _tls(tls: TlsSeen) -> Iterator[str]:
    if tls.failure:
        yield tls.failure
    if tls.version:
        yield f"{tls.version}, {tls.cipher}"
    certificate = tls.certificate
    if certificate is not None:
        yield f"certificate for {', '.join(certificate.names) or certificate.subject}"
        yield f"signed by {certificate.issuer}, valid until {certificate.not_after:%Y-%m-%d}"
        count = tls.chain_length
        sent = (
            f"{count} certificate{'s' if count != 1 else ''}"
            if count
            else "not shown by this version of Python"
        )
        yield f"sent by the server: {sent}"
    if tls.verified:
        yield f"verified against {'the system' if tls.trust == 'system' else tls.trust}"
    elif tls.verify_error:
        yield f"not verified: {tls.verify_error}"


def _tls_checks(seen: Evidence) -> Iterator[str]:
    for source in seen.revocation.value or ():
        yield f"revocation, {source.url}: {source.failure or 'answered'}"
    for version in seen.tls_versions.value or ():
        yield f"{version.version} alone: {'accepted' if version.taken else version.failure}"


def hello_lines(hello: EhloExchange | None, missing: str) -> tuple[str, ...]:
    """Return the lines of one EHLO reply, or ``missing``."""
    if hello is None:
        return (missing,)
    return (f"EHLO {hello.name}", *(f"{hello.reply.code} {line}" for line in hello.reply.lines))
