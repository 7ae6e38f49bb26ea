"""Evidence for the tables: a healthy session, and a function that changes one fact."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gatepost.model.evidence import (
    AuthAttempt,
    Certificate,
    ClientFacts,
    CommandExchange,
    Connect,
    EhloExchange,
    Evidence,
    Greeting,
    LoginFormat,
    Resolution,
    Target,
    TlsFirst,
    TlsMode,
    TlsSeen,
    seen,
)
from gatepost.model.reply import Reply
from gatepost.model.setting import SecretShape
from gatepost.wire.ehlo_reply import parse_capabilities
from gatepost.wire.reply_reader import parse_reply

NOW: Final = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
DAY: Final = timedelta(days=1)
GOOD: Final = Certificate(
    "CN=mail.example.com", "CN=Some CA", ("mail.example.com",), NOW - 30 * DAY, NOW + 60 * DAY
)


def reply(line: str) -> Reply:
    return parse_reply((line,))


def hello(*offers: str, name: str = "localhost") -> EhloExchange:
    answer = Reply(250, "\n".join(("mail.example.com", *offers)))
    return EhloExchange(name, answer, parse_capabilities(answer))


def attempt(mechanism: str, line: str, **facts: Any) -> AuthAttempt:
    return AuthAttempt(
        mechanism, facts.pop("form", "bare"), reply(line), facts.pop("tls", True),
        accepted=facts.pop("accepted", line[0] in "23"), **facts,
    )  # fmt: skip


def judged(mechanism: str, line: str) -> AuthAttempt:
    """Return an attempt in which the secret was sent."""
    return attempt(mechanism, line, accepted=True, secret_sent=True)


def tls(certificate: Certificate = GOOD, **facts: Any) -> TlsSeen:
    facts = {"verified": not facts, "chain_length": 2, **facts}
    return TlsSeen("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate, **facts)


def client(library: str = "", tls: TlsMode = "auto", *, signs_in: bool = True) -> ClientFacts:
    return ClientFacts(library, tls, signs_in)


def login(kind: str = "", form: str = "address", **shape: Any) -> LoginFormat:
    return LoginFormat(form, SecretShape(12, kind, **shape))


def mail(line: str, *, over_tls: bool = True) -> CommandExchange:
    return CommandExchange("a@example.com", reply(line), over_tls, authenticated=True)


HEALTHY: Final = Evidence(
    "probe",
    target=Target("mail.example.com", 587),
    seen_at=NOW,
    resolution=seen(Resolution(("192.0.2.1",))),
    connects=seen((Connect("192.0.2.1", "ok", 3.0),)),
    greeting=seen(Greeting(reply("220 mail.example.com ESMTP"), 12.0)),
    tls_first=seen(TlsFirst(False, failure="TLS failed: wrong version number")),
    in_clear=seen(hello("STARTTLS")),
    starttls=seen(reply("220 go")),
    tls=seen(tls()),
    over_tls=seen(hello("AUTH PLAIN LOGIN")),
    position="auth",
)


def but(evidence: Evidence = HEALTHY, /, **facts: Any) -> Evidence:
    """Return ``evidence`` with these facts instead."""
    plain = ("client", "target", "provider", "failure", "position", "seen_at")
    changes = {
        name: fact if name in plain or fact.__class__.__name__ == "Fact" else seen(fact)
        for name, fact in facts.items()
    }
    return replace(evidence, **changes)  # type: ignore[arg-type]  # facts by name


def tried(*attempts: AuthAttempt) -> Sequence[AuthAttempt]:
    return tuple(attempts)
