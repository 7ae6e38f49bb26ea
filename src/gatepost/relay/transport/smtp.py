"""Transport over SMTP to a smarthost or to mail exchangers, with connections that are kept."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gatepost.client.connection import AsyncConnection
from gatepost.client.session import CLOSING, ClientSession
from gatepost.client.smtp_sign_in import CredentialSource
from gatepost.client.transaction import Course, opening, transact
from gatepost.errors import (
    GatepostError,
    NetworkError,
    Phase,
    QueueError,
    Refused,
    RemoteProtocolError,
    TimedOut,
)
from gatepost.model.body import Body
from gatepost.model.capabilities import Capabilities
from gatepost.model.delivery import Attempt, Contact, Lease, Verdict
from gatepost.model.envelope import Envelope
from gatepost.model.host_port import join_host_port
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import EightBit, MxTarget, ServerAddress, SmarthostTarget
from gatepost.net.dial import Server
from gatepost.net.tls import Trust
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.reply_lessons import BAD_SEQUENCE, is_about_us
from gatepost.queue.why import AttemptStep
from gatepost.relay.transport.connection_opener import Opener, ServerSettings
from gatepost.relay.transport.connection_pool import Loan, Pool, PoolTerms
from gatepost.relay.transport.implicit_tls_detection import unless_silent
from gatepost.relay.transport.message_fitting import FittedMessage, Traced, fit, may_read
from gatepost.relay.transport.message_signing import MessageSigner
from gatepost.relay.transport.reply_verdicts import (
    BEFORE_MAIL,
    error_replies,
    judge,
    lasting,
    reply_of,
    shorten_replies,
    taken_at_once,
    verdict_on,
)
from gatepost.relay.transport.seen_certificates import SeenCertificates
from gatepost.relay.transport.sign_in_evidence import SignInEvidence

_USUAL: Final = frozenset({25, 465, 587})
"""Ports that need not be shown."""
_NOT_KNOWN: Final = frozenset({500, 501, 502, 503, 504})
"""Replies to BDAT of a server that does not know it, although it offers it."""
_ENOUGH: Final = (452, Esc(4, 5, 3))
"""OpenSMTPD's reply to MAIL after too many messages on a connection, which it leaves open."""
WITHOUT_BDAT: Final = 1_000
"""Maximum number of remembered servers that offer CHUNKING and do not know BDAT."""
SMALL: Final = 4_096
"""Octets of content up to which it is encoded at once; larger content is encoded in a thread."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sending:
    """The settings and functions that all SMTP transports of a relay share."""

    opener: Opener = field(default_factory=Opener)
    local_name: str = ""
    """The name in EHLO; by default this host's full name, or its address."""
    now: Callable[[], datetime] = utc_now
    certificates: SeenCertificates = field(default_factory=SeenCertificates)


def _ignore(_delivery: str) -> None:
    """Do nothing."""


class SmtpTransport:
    """Implements Transport for one smarthost target, or one target of mail exchangers.

    With a ``sign_in``, no message is sent without a login. Raises ValueError if the target has a
    credential and ``sign_in`` is missing, because mail would then be sent without a login.
    """

    def __init__(
        self,
        target: SmarthostTarget | MxTarget,
        sign_in: CredentialSource | None = None,
        sending: Sending | None = None,
        signer: MessageSigner | None = None,
    ) -> None:
        """``signer`` None: messages are not signed."""
        credential = target.credential if isinstance(target, SmarthostTarget) else ""
        if credential and sign_in is None:
            raise ValueError(f"the target {target.name} has the credential {credential}")
        self.target, self.sign_in, self.signer = target, sign_in, signer
        self.sending = sending or Sending()
        self.pool: Pool[AsyncConnection] = Pool()
        """Connections by server; all have the same TLS settings and the same credential."""
        limits = target.limits
        self.terms = PoolTerms(limits.connections, limits.messages_per_connection)
        self.without_bdat: set[ServerAddress] = set()
        """Servers that offer CHUNKING, and do not know BDAT."""
        self._tries: dict[str, _Try] = {}
        """Current attempts by the ids of their deliveries."""
        self.greeted: Callable[[str], None] = _ignore

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """See ``Transport.deliver``. Raises QueueError if the content cannot be read."""
        attempt = self._tries[lease.delivery.id] = _Try(self, lease, body, server, deadline)
        try:
            await attempt.run()
        except QueueError:  # the content cannot be read, which is not the server's fault
            raise
        except GatepostError as error:  # before TimeoutError, which TimedOut is, too
            attempt.fail(error)
        except TimeoutError:
            attempt.fail(TimedOut("the attempt took too long"))
        finally:
            self._tries.pop(lease.delivery.id, None)
        return attempt.result()

    def watch(self, greeted: Callable[[str], None]) -> None:
        """See ``Transport.watch``."""
        self.greeted = greeted

    def step(self, delivery: str) -> AttemptStep:
        """See ``Transport.step``."""
        attempt = self._tries.get(delivery)
        return "" if attempt is None else attempt.step

    async def retire(self) -> None:
        """See ``Transport.retire``."""
        await self.pool.retire()

    async def close(self) -> None:
        """See ``Transport.close``."""
        await self.pool.close()


class _Try:
    """One attempt, and what is known of it so far."""

    def __init__(
        self,
        transport: SmtpTransport,
        lease: Lease,
        body: Body,
        server: ServerAddress,
        deadline: float,
    ) -> None:
        self.transport, self.server, self.deadline = transport, server, deadline
        self.envelope = lease.envelope
        self._delivery = lease.delivery.id
        self.body: Body = Traced(lease.message.trace, body)
        self.evidence: SignInEvidence | None = None
        """The evidence of a connection that was opened for this attempt."""
        self.course = Course()
        self.session: ClientSession | None = None
        self.address = server.address
        self.refusal: Reply | None = None
        """Our own reply if the message cannot be sent to this server."""
        self.error: GatepostError | None = None
        self._began = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Make the attempt; repeat it if a kept connection turns out to be closed."""
        while True:
            pool, terms = self.transport.pool, self.transport.terms
            with pool.lend(self.server, terms) or await self._borrow() as loan:
                try:
                    await self._hand_over(loan)
                except (NetworkError, RemoteProtocolError) as error:
                    if not self._is_of_connection(loan, error):
                        raise
                else:
                    if not (self._needs_new_connection(loan) or self._has_no_bdat(loan)):
                        return
            self.course, self.session = Course(), None

    def _is_of_connection(self, loan: Loan[AsyncConnection], error: GatepostError) -> bool:
        """Tell whether a kept connection failed before any content of this message was sent."""
        is_unused = not (loan.is_fresh or self.course.has_content or self.course.replies)
        return is_unused and isinstance(error, NetworkError)

    def _needs_new_connection(self, loan: Loan[AsyncConnection]) -> bool:
        """Tell whether a kept connection must be replaced, because the server's reply to MAIL says
        that it is closing, expected no MAIL, or has forgotten our login."""
        mail = self.course.mail
        if loan.is_fresh or mail is None or mail.is_success:
            return False
        session = loan.connection.session
        is_forgotten = mail.code == BAD_SEQUENCE or (
            session.has_served and is_about_us("mail", mail)  # else a new one gets the same reply
        )
        if is_forgotten or (mail.code, mail.status) == _ENOUGH:
            session.is_usable = False
            return True
        return mail.code == CLOSING

    def _has_no_bdat(self, loan: Loan[AsyncConnection]) -> bool:
        """Tell whether the server offers CHUNKING and does not know BDAT, as behind some firewalls.

        The message is then sent by DATA on a new connection, because the server may have read its
        content as commands on this one."""
        session, last = loan.connection.session, self.course.last
        if last is None or last.code not in _NOT_KNOWN or not self.course.has_content:
            return False
        if "CHUNKING" not in self._offered(session):
            return False
        without_bdat = self.transport.without_bdat
        if len(without_bdat) >= WITHOUT_BDAT:
            without_bdat.clear()
        without_bdat.add(self.server)
        session.is_usable = False
        return True

    def _offered(self, session: ClientSession) -> Capabilities:
        """Return what the server offers, without CHUNKING if it does not know BDAT."""
        offered = session.capabilities
        if self.server not in self.transport.without_bdat:
            return offered
        keywords = {name: words for name, words in offered.keywords.items() if name != "CHUNKING"}
        return replace(offered, keywords=keywords)

    async def _borrow(self) -> Loan[AsyncConnection]:
        transport = self.transport
        async with asyncio.timeout_at(self.deadline):
            return await transport.pool.borrow(self.server, transport.terms, self._open)

    async def _open(self) -> AsyncConnection:
        transport = self.transport
        self.session, self.address = None, self.server.address  # forget a kept connection's
        sending = transport.sending
        upstream = upstream_of(transport.target, self.server, sending.local_name)
        greeted = partial(transport.greeted, self._delivery)
        evidence = self.evidence = SignInEvidence(upstream, greeted)
        opening = sending.opener.open(upstream, transport.sign_in, evidence.meet)
        if isinstance(transport.target, MxTarget) or upstream.tls == "implicit":
            connection = await opening
        else:
            ask = partial(sending.opener.is_implicit_tls, upstream)
            connection = await unless_silent(opening, evidence, ask)
        evidence.leave()
        facts, name = connection.session.facts, transport.target.name
        sending.certificates.record(name, self.server, facts, sending.now())
        return connection

    async def _hand_over(self, loan: Loan[AsyncConnection]) -> None:
        connection = loan.connection
        session = connection.session
        offered = self._offered(session)
        fitted = await self._signed(await self._fit(offered), offered)
        self.session, self.address = session, connection.peer_address
        if isinstance(fitted, Reply):  # another message may still use the connection
            self.refusal = fitted
            return
        batches = opening(fitted.envelope, fitted.body, offered)
        session.begin()
        left = self.deadline - asyncio.get_running_loop().time()
        talk = transact(session, batches, fitted.body, self.course)
        await connection.run(talk, time.monotonic() + left)
        if not session.has_served:
            session.has_served = self.course.mail is not None and self.course.mail.is_success

    async def _fit(self, offered: Capabilities) -> FittedMessage | Reply:
        arguments = (self.envelope, self.body, offered, self.transport.target.eight_bit)
        if self.body.size <= SMALL or not may_read(self.envelope, self.body, offered):
            return fit(*arguments)
        return await asyncio.to_thread(_measured, *arguments)

    async def _signed(
        self, fitted: FittedMessage | Reply, offered: Capabilities
    ) -> FittedMessage | Reply:
        """Sign the message in its final form, each time: it may be another one at another server.
        One that would become too large for this server is sent as it is."""
        signer = self.transport.signer
        if signer is None or isinstance(fitted, Reply):
            return fitted
        signed = await signer.sign(fitted.body)
        is_too_large = offered.size and signed.size > offered.size
        return fitted if is_too_large else FittedMessage(fitted.envelope, signed)

    @property
    def step(self) -> AttemptStep:
        """The current step; empty while the attempt waits for a connection."""
        session = self._met()
        if session is None:
            return "connect" if self.evidence is not None else ""
        return "answer" if session.is_poured else session.phase

    def fail(self, error: GatepostError) -> None:
        """Note the error that ended the attempt, unless all recipients were refused already: many
        servers then disconnect, and the refusals count."""
        session = self._met()
        if isinstance(error, NetworkError) and self._are_all_refused():
            return
        self.error = error.at(session.phase if session is not None else "connect")

    def _are_all_refused(self) -> bool:
        """Tell whether MAIL or every RCPT was refused."""
        course = self.course
        if course.mail is None or not course.mail.is_success:
            return course.mail is not None
        return len(course.recipients) >= len(self.envelope.recipients) and not course.accepted

    def _met(self) -> ClientSession | None:
        """Return the session of the attempt, if there is one."""
        if self.session is None and self.evidence is not None:
            return self.evidence.session
        return self.session

    # The result.

    def result(self) -> AttemptResult:
        """Return the result of the attempt."""
        shorten_replies(self.course)
        session, error, evidence = self._met(), self.error, self.evidence
        verdicts, phase, reply = self._judged(session)
        is_remote = self.refusal is None if error is None else isinstance(error, Refused)
        errors = error_replies(self.course, error, phase)
        now = self.transport.sending.now()
        seen_evidence = None
        if error is not None and error.phase in BEFORE_MAIL and evidence and evidence.session:
            seen_evidence = evidence.evidence_of(error, now)
        return AttemptResult(
            Attempt(
                now, self._contact(session), phase, reply, is_remote,
                asyncio.get_running_loop().time() - self._began,
            ),
            verdicts,
            errors,
            taken_at_once(self.course) if errors else 0,
            passed_on=session is not None and "DSN" in session.capabilities,
            retry_after=lasting(error),
            error=error,
            evidence=seen_evidence,
            is_kept=evidence is None,
            has_shown_secret=session is None or session.has_shown_secret,
        )  # fmt: skip

    def _judged(self, session: ClientSession | None) -> tuple[tuple[Verdict, ...], Phase, Reply]:
        """Return the verdicts, and the most relevant reply for the operator with its phase."""
        count, error, course = len(self.envelope.recipients), self.error, self.course
        if self.refusal is not None:
            return (Verdict("failed", self.refusal),) * count, "mail", self.refusal
        if error is not None and not course.replies:
            verdict = verdict_on(reply_of(error), error)
            return (verdict,) * count, error.phase, verdict.reply
        verdicts = judge(course, count, error)
        if error is not None:
            return verdicts, error.phase, reply_of(error)
        if course.last is not None and session is not None:
            later = [each.reply for each in verdicts if each.kind == "deferred"]
            if course.last.is_success and later:  # operators ask about deferred recipients
                return verdicts, "rcpt", later[0]
            return verdicts, session.phase, course.last
        bad = [each for each in course.replies if not each.is_success]
        mail = course.mail is not None and not course.mail.is_success
        return verdicts, "mail" if mail else "rcpt", bad[0] if mail else bad[-1]

    def _contact(self, session: ClientSession | None) -> Contact:
        facts = session.facts if session is not None else None
        sign_in = self.transport.sign_in
        address, port = self.address, self.server.port
        if not address and self.evidence is not None:
            address = self.evidence.address
        return Contact(
            self.transport.target.name,
            self.server.host,
            join_host_port(address, port) if address and port not in _USUAL else address,
            f"{facts.version} {facts.cipher}" if facts is not None else "",
            facts is not None and facts.verified,
            session.mechanism if session is not None else "",
            sign_in.identity if sign_in is not None else "",
        )


def _measured(
    envelope: Envelope, body: Body, offered: Capabilities, eight_bit: EightBit
) -> FittedMessage | Reply:
    """Return ``fit``'s result with its size determined, which may read the whole content."""
    fitted = fit(envelope, body, offered, eight_bit)
    if isinstance(fitted, FittedMessage):
        _ = fitted.body.size
    return fitted


def upstream_of(
    target: SmarthostTarget | MxTarget, server: ServerAddress, local_name: str
) -> ServerSettings:
    """Return the settings of connections to a server of a target."""
    host_port = Server(server.host, server.port)
    if isinstance(target, MxTarget):
        return ServerSettings(host_port, server.address, target.tls, local_name=local_name)
    return ServerSettings(
        host_port,
        server.address,
        target.tls,
        Trust(target.ca_file, target.verify),
        target.mechanisms,
        local_name,
    )
