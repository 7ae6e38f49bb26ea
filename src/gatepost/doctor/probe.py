"""Goes through a server's dialogue as a client would, and records what it sees.

Few connections: one main connection, a second one if a certificate does not verify or the client in
question does not use TLS, and one that checks whether TLS is answered. Other servers are checked
only if this one is not reachable, each once.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Final, Literal

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.rules.network import AT_ONCE
from gatepost.diagnosis.rules.tls import missing_issuer
from gatepost.doctor import connecting, probe_login
from gatepost.doctor.audit import Audit, smuggle
from gatepost.doctor.certificate_facts import is_issuer_missing, read_certificate
from gatepost.doctor.credential_shapes import describe
from gatepost.doctor.ehlo_names import NEUTRAL, is_refused_for_name, literal_of, try_other_names
from gatepost.doctor.mail_and_rcpt import try_envelope
from gatepost.doctor.missing_issuer import find_issuer
from gatepost.doctor.other_servers import check_other_servers
from gatepost.doctor.parallel import start
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.doctor.revocation_sources import try_revocation_sources
from gatepost.doctor.tls_versions import alert_after_handshake, try_versions
from gatepost.errors import Disconnected, GatepostError, ResolveError, TimedOut, TlsError
from gatepost.model.evidence import (
    DIALOGUE_PHASES,
    ClientFacts,
    DialoguePhase,
    EhloExchange,
    Evidence,
    Fact,
    Greeting,
    OtherServer,
    Renamed,
    Resolution,
    Target,
    TlsFirst,
    TlsSeen,
    seen,
)  # fmt: skip
from gatepost.net.dial import Endpoint, Server, host_name, resolve
from gatepost.net.local_authority import is_issued_by, trust_also
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import TlsFacts, client_context, strict_context

STRICT: Final = range(80, 95)
"""X509_V_ERR numbers of what only X509_V_FLAG_X509_STRICT checks (OpenSSL, x509_vfy.h)."""
Step = Literal["greeting", "hello", "starttls", "tls"]
"""How far a new connection goes; the last two end with EHLO under TLS."""
_AT: Final[dict[str, DialoguePhase]] = {"content": "data", "quit": "data", "": "connect"}


def examine(visit: Visit, now: datetime) -> Evidence:
    """Return everything that the server shows; a failure of the server is evidence, too.

    ``now`` is the time for certificates. Raises TlsError only for a CA file that cannot be read,
    before anything is sent.
    """
    return _Probe(visit, now).run()


class _Probe:
    """The evidence so far, and the open connection."""

    def __init__(self, visit: Visit, now: datetime) -> None:
        self.visit = visit
        self.now = now
        self.verifying = strict_context(visit.settings.ca_file)
        trust_also(self.verifying, visit.settings.local_authority)
        self._is_strict = True
        self.trusting = client_context(verify=False)
        settings = visit.settings
        self.seen = Evidence(
            "probe",
            target=Target(visit.server.host, visit.server.port),
            seen_at=now,
            client=ClientFacts(settings.library, settings.tls, visit.needs_login),
            login=seen(describe(visit.credentials)) if visit.credentials else Fact(),
        )
        self.talk: Talk | None = None
        self.endpoint: Endpoint | None = None
        self.reached = connecting.Reached(())
        self._name = ""

    def note(self, **facts: object) -> None:
        self.seen = replace(self.seen, **facts)  # type: ignore[arg-type]  # names of its fields

    def run(self) -> Evidence:
        try:
            with self._note_failures():
                self._walk()
        finally:
            self._leave()
        self._look_further()
        if self.visit.checks.audit and self.endpoint is not None:
            self._audit(self.endpoint)
        return self.seen

    def _audit(self, endpoint: Endpoint) -> None:
        hello = self.seen.over_tls.value or self.seen.in_clear.value
        if hello is None:
            return  # without access nothing else can be checked
        implicit = self.seen.in_clear.value is None
        audit = Audit(self.visit, endpoint, self._taken_name, implicit=implicit)
        starttls = self.seen.starttls.value
        begun = starttls is not None and starttls.is_success
        audit.hangs = begun and self.seen.tls.value is None
        checks = (*audit.run(), *(self.seen.audit.value or ()))
        self.note(audit=seen(checks), transcript=(*self.seen.transcript, *audit.lines))
        if audit.versions:
            self.note(tls_versions=seen(audit.versions))

    def _look_further(self) -> None:
        """Check what a failure leaves open: accepted TLS versions, and other servers."""
        if self.reached.late and self.endpoint is not None:
            self.note(connects=seen(self.reached.wait_for_late(2 * self.visit.patience.others)))
        evidence, endpoint = self.seen, self.endpoint
        tls, hello = evidence.tls.value, evidence.last_ehlo
        if endpoint is None:
            return
        implicit = evidence.in_clear.value is None
        if tls is not None and tls.failure and not tls.version:
            versions = try_versions(self.visit, endpoint, self._taken_name,
                                    implicit=implicit)  # fmt: skip
            self.note(tls_versions=seen(versions))
        ended_at_ehlo = evidence.position == "ehlo" and evidence.failure
        if ended_at_ehlo and not evidence.over_tls.value and tls is not None and tls.version and (
            alert := alert_after_handshake(self.visit, endpoint, self._taken_name,
                                           implicit=implicit)
        ):  # fmt: skip
            self.note(failure=alert)
        if (
            tls is not None
            and (url := missing_issuer(tls))
            and not self.visit.settings.identity.closed
        ):
            issuer = find_issuer(self.visit, endpoint, self._taken_name, url, implicit=implicit)
            self.note(issuer=seen(issuer))
        if tls is not None and tls.certificate and self._should_check_revocation(tls):
            sources = try_revocation_sources(tls.certificate, endpoint)
            self.note(revocation=seen(sources))
        nobody_can = hello is not None and hello.reply.is_success and not evidence.offered
        if self.visit.needs_login and nobody_can and not evidence.neighbours.value:
            self.note(neighbours=seen(check_other_servers(self.visit)))

    def _should_check_revocation(self, tls: TlsSeen) -> bool:
        """Tell whether the client in question would, and we may ask others than the server."""
        library = LIBRARIES.get(self.visit.settings.library)
        may_ask = tls.verified and not self.visit.settings.identity.closed
        return may_ask and library is not None and library.checks_revocation

    def _walk(self) -> None:
        endpoint, stream = self._arrive()
        if endpoint is None or stream is None:
            return
        if self.visit.checks.ends_with_tls:
            stream.abort()
            self._shake(endpoint)
            self._leave(politely=False)
            return
        talk = self._take(Talk(self.visit, stream, self.verifying))
        first = start(partial(connecting.try_tls_first, self.visit, endpoint))
        talk, greeting = self._await_greeting(talk, first, endpoint)
        self.note(greeting=seen(greeting))
        is_telling = greeting.reply is None or self.visit.settings.tls == "implicit"
        seconds = self.visit.patience.others if is_telling else connecting.GLANCE
        if wait([first], timeout=seconds).done:
            self.note(tls_first=seen(first.result()))
        if greeting.alien:
            self.note(failure=f"not an SMTP reply: {greeting.alien!r}")
        elif greeting.reply is not None:
            self._begin_in_clear(talk, endpoint)
        elif connecting.is_tls_answered(first):
            self._leave(politely=False)
            self._begin_with_tls(endpoint)
        else:
            around = start(partial(check_other_servers, self.visit))
            if greeting.closed:
                self.note(failure="the server closed the connection without a reply")
            else:
                self._send_ehlo_to_silent_server(talk)
            self.note(neighbours=seen(around.result()))

    def _await_greeting(
        self, talk: Talk, first: "Future[TlsFirst]", endpoint: Endpoint
    ) -> tuple[Talk, Greeting]:
        patience = self.visit.patience
        greeting = connecting.await_greeting(talk, self.visit, first, patience.silence)
        if greeting.reply or greeting.closed or greeting.alien or connecting.is_tls_answered(first):
            return talk, greeting
        if not first.done():
            # A server that serves one connection at a time answers the other one now.
            self._leave(politely=False)
            wait([first], timeout=patience.others)
            if connecting.is_tls_answered(first):
                return talk, greeting
            talk = self._again(endpoint, verify=True)
        return talk, connecting.await_greeting(talk, self.visit, first, patience.greeting)

    @contextmanager
    def _note_failures(self) -> Iterator[None]:
        try:
            yield
        except GatepostError as error:
            talk = self.talk
            text = talk.session.transcript.redact(str(error)) if talk else str(error)
            self.note(failure=text)
            self._reach(_AT.get(error.phase, error.phase))

    def _reach(self, phase: str) -> None:
        if phase in DIALOGUE_PHASES:
            self.note(position=phase)

    # Connections.

    def _arrive(self) -> tuple[Endpoint | None, SyncStream | None]:
        try:
            endpoints = resolve(self.visit.server)
        except ResolveError as error:
            self.note(resolution=seen(Resolution(error=str(error))), failure=str(error))
            if others := check_other_servers(self.visit, own=False):
                self.note(neighbours=seen(others))
            return None, None
        addresses = tuple(endpoint.address for endpoint in endpoints)
        self.note(resolution=seen(Resolution(addresses)), position="connect")
        reached = connecting.connect_all(endpoints, self.visit)
        if reached.endpoint is None and self.visit.any_port:
            reached = self._another_port(reached)
        self.note(connects=seen(reached.connects))
        self.endpoint, self.reached = reached.endpoint, reached
        if reached.endpoint is None:
            self.note(failure="no address accepted the connection")
            self.note(neighbours=seen(check_other_servers(self.visit, refused=True)))
        else:
            self.note(position="greeting")
        return reached.endpoint, reached.stream

    def _another_port(self, closed: connecting.Reached) -> connecting.Reached:
        """Take the first open port, if none was given and the usual one is closed."""
        was = self.visit.server
        servers = [Server(was.host, port) for port in self.visit.checks.ports if port != was.port]
        tries = [
            (server, start(partial(connecting.connect_all, resolve(server), self.visit)))
            for server in servers
        ]
        best = closed
        for server, attempt in tries:
            reached = attempt.result()
            if reached.stream is None:
                continue
            if best.stream is not None:
                reached.stream.abort()
                continue
            best = reached
            outcome = closed.connects[0].outcome
            state = "refused" if outcome == "ok" else outcome
            self.note(
                target=Target(server.host, server.port),
                neighbours=seen((OtherServer(was.host, was.port, state),)),
            )
            self.visit = replace(self.visit, server=server)
        return best

    def _take(self, talk: Talk) -> Talk:
        self.talk = talk
        return talk

    def _leave(self, *, politely: bool = True) -> None:
        """Close the open connection and keep its dialogue."""
        talk, self.talk = self.talk, None
        if talk is None:
            return
        try:
            talk.close(politely=politely)
        finally:
            self.note(transcript=(*self.seen.transcript, *talk.lines))

    def _again(self, endpoint: Endpoint, *, verify: bool) -> Talk:
        """Replace the open connection by a new one."""
        self._leave(politely=not self.visit.checks.ends_with_tls)
        try:
            context = self.verifying if verify else self.trusting
            return self._take(Talk.open(self.visit, endpoint, context))
        except OSError as error:
            raise TimedOut(f"a second connection was not accepted: {error}").at(
                "connect"
            ) from error

    # The dialogue.

    def _begin_in_clear(self, talk: Talk, endpoint: Endpoint) -> None:
        greeting = self.seen.greeting.value
        if greeting and greeting.reply and greeting.reply.code != 220:
            self.note(failure=f"the server greets with {greeting.reply}")
            return
        self._reach("ehlo")
        hello = talk.hello_or_end(self._local_name(talk))
        self.note(in_clear=seen(hello))
        if not hello.reply.is_success:
            talk = self._under_another_name(talk, partial(self._reopen, "greeting", endpoint))
            if not self.seen.other_name.value or not self.seen.other_name.value.reply.is_success:
                return
        if self.visit.settings.tls == "none" or not self.seen.offers_starttls:
            self._use(talk, partial(self._reopen, "hello", endpoint))
            if self.seen.offers_starttls:
                self._look_behind_starttls(endpoint)
            elif self.visit.settings.tls == "starttls":
                self.note(failure="the server does not offer STARTTLS", position="starttls")
            return
        secured = self._start_tls(talk, endpoint)
        if secured is not None and self._try_hello_over_tls(secured):
            self._use(secured, partial(self._reopen, "starttls", endpoint))

    def _look_behind_starttls(self, endpoint: Endpoint) -> None:
        """Check what a client without TLS gets."""
        phase = self.seen.position
        secured = self._start_tls(self._reopen("hello", endpoint), endpoint)
        if secured is not None:
            self._try_hello_over_tls(secured)
        self._reach(phase)

    def _reopen(self, until: Step, endpoint: Endpoint, *, verify: bool = True) -> Talk:
        """Replace the open connection by a new one, on which all happened again ``until`` there."""
        talk = self._again(endpoint, verify=verify)
        if until == "tls":
            talk.secure()
        talk.greeting()
        if until != "greeting":
            talk.hello(self._local_name(talk))
        if until == "starttls":
            talk.ask("STARTTLS", "starttls")
            talk.secure()
            talk.hello(self._local_name(talk))
        return talk

    def _shake(self, endpoint: Endpoint) -> Talk | None:
        """Do the handshake on a new connection; None if that is impossible."""
        self._reach("tls")
        for verify in self._verifications():
            talk = self._again(endpoint, verify=verify)
            if self._try_handshake(talk):
                return talk
        return None

    def _begin_with_tls(self, endpoint: Endpoint) -> None:
        talk = self._shake(endpoint)
        if talk is None:
            return
        greeting = talk.greeting()
        if greeting.code != 220:
            self.note(failure=f"the server greets with {greeting}")
            return
        self._reach("ehlo")
        if self._try_hello_over_tls(talk):
            self._use(talk, partial(self._reopen, "tls", endpoint))

    def _start_tls(self, talk: Talk, endpoint: Endpoint) -> Talk | None:
        """Do STARTTLS; if the certificate does not verify, once more without verification."""
        for number, verify in enumerate(self._verifications()):
            if number:
                talk = self._reopen("hello", endpoint, verify=verify)
            self._reach("starttls")
            reply = talk.ask("STARTTLS", "starttls")
            self.note(starttls=seen(reply))
            if not reply.is_success:
                return None
            if talk.session.reader.has_unread:
                self.note(failure="the server sent more in clear behind its reply to STARTTLS")
                return None
            self._reach("tls")
            if self._try_handshake(talk):
                return talk
        return None

    def _verifications(self) -> Iterator[bool]:
        """Yield whether to verify: yes; once more less strictly, where that was all; then not."""
        yield True
        if not self._is_strict:
            yield True
        yield False

    def _try_handshake(self, talk: Talk) -> bool:
        """Do the handshake and note its result; False if the certificate was refused."""
        trust = self.visit.settings.ca_file or "system"
        before = self.seen.tls.value
        try:
            facts = talk.secure()
        except Disconnected as error:  # a server may break off by a reset, too
            self.note(tls=seen(TlsSeen(trust=trust, failure=str(error))))
            raise
        except TlsError as error:
            if not error.verify_code:
                self.note(tls=seen(TlsSeen(trust=trust, failure=str(error))))
                raise
            if self._is_strict and error.verify_code in STRICT:
                self._is_strict = False
                self.verifying = client_context(ca_file=self.visit.settings.ca_file)
                trust_also(self.verifying, self.visit.settings.local_authority)
                self.note(tls=seen(TlsSeen(trust=trust, strict_error=error.verify_error)))
                return False
            refused = TlsSeen(
                verify_code=error.verify_code, verify_error=error.verify_error, trust=trust
            )
            self.note(tls=seen(refused))
            return False
        local = self.visit.settings.local_authority
        if facts.verified and is_issued_by(facts.chain, local):
            trust = local or trust
        self.note(tls=seen(_with_facts(replace(before or TlsSeen(), trust=trust), facts)))
        return True

    def _try_hello_over_tls(self, talk: Talk) -> bool:
        self._reach("ehlo")
        hello = talk.hello(self._local_name(talk))
        self.note(over_tls=seen(hello))
        if not hello.reply.is_success and talk.session.is_usable and not self.seen.other_name.value:
            self._under_another_name(talk, lambda: talk)
            other = self.seen.other_name.value
            return other is not None and other.reply.is_success
        return hello.reply.is_success

    def _under_another_name(self, talk: Talk, renew: Callable[[], Talk]) -> Talk:
        """Send EHLO with neutral names, then HELO; on new connections if necessary.

        An accepted name becomes ours; if none is, the evidence says so.
        """
        tried: list[EhloExchange] = []
        for name in (NEUTRAL, literal_of(talk)):
            talk = talk if talk.session.is_usable else renew()
            tried.append(talk.hello_or_end(name))
            self._name = name
            self.note(other_name=seen(tried[-1]), other_names=seen(tuple(tried)))
            if tried[-1].reply.is_success:
                return talk
        talk = talk if talk.session.is_usable else renew()
        self.note(helo=seen(talk.ask(f"HELO {NEUTRAL}", "ehlo")))
        return talk

    def _send_ehlo_to_silent_server(self, talk: Talk) -> None:
        """Send EHLO to a server that sent no greeting, because some proxies wait for that."""
        name = self._local_name(talk)
        talk.say(f"EHLO {name}")
        sent_at = monotonic()
        try:
            reply = talk.reply_within(self.visit.patience.silence + 1)
        except GatepostError as error:
            greeting = Greeting(alien=connecting.alien_line(error))
            self.note(failure=talk.explain(error), greeting_after_ehlo=seen(greeting))
            return
        waited = round((monotonic() - sent_at) * 1000, 1)
        self.note(greeting_after_ehlo=seen(Greeting(reply, waited)))
        if waited > AT_ONCE:
            self.note(failure="the greeting came late, and not because of our EHLO: a client that "
                              "waits longer gets it")  # fmt: skip

    @property
    def _taken_name(self) -> str:
        """The EHLO name that this server has accepted."""
        hello = self.seen.over_tls.value or self.seen.in_clear.value
        return self._name or (hello.name if hello else NEUTRAL)

    def _local_name(self, talk: Talk) -> str:
        if self._name:
            return self._name
        library = LIBRARIES.get(self.visit.settings.library)
        wanted = self.visit.settings.local_name or (library.hello if library else "{fqdn}")
        literal = literal_of(talk)
        node = host_name()
        if not node.isascii():
            node = literal
        names = {"{literal}": literal, "{node}": node, "{fqdn}": node if "." in node else literal}
        return names.get(wanted, wanted)

    def _rename(self, literal: str, renew: Callable[[], Talk]) -> None:
        """Find a name with which mail is not refused because of the name."""

        def greet(name: str) -> Talk:
            self._name = name
            return renew()

        tried: list[Renamed] = []
        try:
            for each in try_other_names(self.visit.checks, (NEUTRAL, literal), greet):
                tried.append(each)
                self.note(renamed=seen(tuple(tried)))
        except GatepostError:
            return  # the refusal is known; a name that is accepted would only have added to it

    # Signing in, and the envelope.

    def _use(self, talk: Talk, renew: Callable[[], Talk]) -> None:
        """Do what the client wants; ``renew`` leads to the same point on a new connection."""
        self._reach("auth")
        attempts = probe_login.Attempts(self.visit, talk, self.seen.offered, renew)
        try:
            attempts.make()
        finally:
            if attempts.made:
                self.note(auth=seen(tuple(attempts.made)))
        self._envelope(attempts.talk, renew)

    def _envelope(self, talk: Talk, renew: Callable[[], Talk]) -> None:
        if not self.visit.checks.mail_from or not talk.session.is_usable:
            return
        self._reach("mail")
        steps = try_envelope(talk, self.visit, self.now, authenticated=self.seen.is_signed_in)
        for phase, name, value in steps:
            self.note(**{name: seen(value), "position": phase})
        if is_refused_for_name(self.seen):
            self._rename(literal_of(talk), renew)
        elif self.visit.checks.audit and self.visit.checks.send and talk.session.is_usable:
            self.note(audit=seen((smuggle(talk, self.visit, self.now),)))


def _with_facts(before: TlsSeen, facts: TlsFacts) -> TlsSeen:
    return replace(
        before,
        version=facts.version,
        cipher=facts.cipher,
        certificate=read_certificate(facts.chain[0]) if facts.chain else None,
        chain_length=len(facts.chain),
        issuer_missing=bool(facts.chain) and is_issuer_missing(facts.chain),
        verified=facts.verified,
    )
