"""Security holes of the server: each check on a separate connection, one after the other.

No check signs in or delivers: an accepted recipient is cancelled with RSET. The check that needs a
message (``smuggling``) sends it only to the given recipient, and only with permission to send.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from gatepost.doctor.mail_and_rcpt import make_message
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.doctor.tls_versions import try_versions
from gatepost.errors import Disconnected, GatepostError, TimedOut
from gatepost.model.evidence import Check, TlsVersion
from gatepost.model.transcript import Line
from gatepost.net.dial import Endpoint
from gatepost.net.tls import OLD_VERSIONS, client_context

STRANGER: Final = "nobody@example.net"
"""A recipient outside of this server; the domain is reserved by RFC 2606."""
NOBODY: Final = "nobody@example.com"
_SIGN_IN: Final = 530
"""Authentication required, for any sender (RFC 4954 6)."""
LISTENS: Final = 0.5
"""Seconds for a server to take something for the end of a message."""
ENDINGS: Final = (
    ("LF . LF", b"\n.\n"), ("LF . CRLF", b"\n.\r\n"), ("CRLF . LF", b"\r\n.\n"),
    ("CR . CR", b"\r.\r"), ("CRLF . CR", b"\r\n.\r"),
)  # fmt: skip
"""Sequences that are not the end of a message (RFC 5321 4.1.1.4) but were taken for it."""


class Audit:
    """The checks, and the dialogues on their connections."""

    def __init__(self, visit: Visit, endpoint: Endpoint, name: str, *, implicit: bool) -> None:
        self.visit = visit
        self.endpoint = endpoint
        self.name = name
        self.implicit = implicit
        self.hangs = False
        """The server was seen to fall silent where TLS begins: it is not asked to again."""
        self.lines: list[Line] = []
        self.versions: tuple[TlsVersion, ...] = ()

    def run(self) -> tuple[Check, ...]:
        """Make all checks that need no message."""
        in_clear = self._on_a_connection(self._in_clear, "auth_in_clear", "mail_in_clear")
        if self.hangs:
            behind = ("starttls_injection", "open_relay", "weak_tls")
            why = ("the server says nothing where TLS would begin",)
            return (*in_clear, *(Check(name, "not_tried", why) for name in behind),
                    *self._not_sent())  # fmt: skip
        return (
            *in_clear,
            *self._on_a_connection(self._injection, "starttls_injection"),
            *self._on_a_connection(self._relay, "open_relay"),
            self._old_tls(),
            *self._not_sent(),
        )

    def _not_sent(self) -> tuple[Check, ...]:
        if self.visit.checks.send:
            return ()
        return (Check("smtp_smuggling", "not_tried", ("this needs --send, --from and --to",)),)

    def _on_a_connection(
        self, ask: Callable[[Talk], tuple[Check, ...]], *names: str
    ) -> tuple[Check, ...]:
        try:
            talk = Talk.open(self.visit, self.endpoint, client_context(verify=False))
        except OSError as error:
            return tuple(Check(name, "not_tried", (str(error),)) for name in names)
        try:
            return ask(talk)
        except GatepostError as error:
            return tuple(Check(name, "not_tried", (talk.explain(error),)) for name in names)
        finally:
            talk.close(politely=talk.session.is_usable)
            self.lines += talk.lines

    def _in_clear(self, talk: Talk) -> tuple[Check, ...]:
        """AUTH and MAIL before TLS."""
        if self.implicit:
            first = ("TLS comes first here",)
            return Check("auth_in_clear", "passed", first), Check("mail_in_clear", "passed", first)
        talk.greeting()
        hello = talk.hello(self.name)
        taken, proof = False, list[str]()
        for mechanism in ("PLAIN", "LOGIN"):
            reply = talk.ask(f"AUTH {mechanism}", "auth")
            proof.append(f"AUTH {mechanism} in clear was answered {reply}")
            if reply.code == 334:
                talk.ask("*", "auth")
                taken = True
            if taken or not talk.session.is_usable:
                break
        auth = Check("auth_in_clear", "failed" if taken else "passed", tuple(proof))
        if "STARTTLS" not in hello.capabilities:
            return auth, Check("mail_in_clear", "failed", ("EHLO offers no STARTTLS",))
        if not talk.session.is_usable:
            return auth, Check("mail_in_clear", "not_tried", ("the connection has ended",))
        accepted, mail_proof = self._recipient(talk, "in clear")
        return auth, Check("mail_in_clear", "failed" if accepted else "passed", mail_proof)

    def _recipient(self, talk: Talk, where: str) -> tuple[bool, tuple[str, ...]]:
        """Check whether mail from an outside sender to an outside recipient is accepted; it is
        never sent."""
        proof: list[str] = []
        own_sender = self.visit.checks.mail_from
        for sender in (own_sender,) if own_sender else ("", NOBODY):  # some accept no bounces
            reply = talk.ask(f"MAIL FROM:<{sender}>", "mail")
            proof.append(f"MAIL FROM:<{sender}> {where} was answered {reply}")
            if reply.code == _SIGN_IN or not talk.session.is_usable:
                return False, tuple(proof)
            if reply.is_success:
                break
        else:
            return False, tuple(proof)
        reply = talk.ask(f"RCPT TO:<{STRANGER}>", "rcpt")
        proof.append(f"RCPT TO:<{STRANGER}> {where} was answered {reply}")
        if talk.session.is_usable:
            talk.ask("RSET", "mail")
        return reply.is_success, tuple(proof)

    def _injection(self, talk: Talk) -> tuple[Check, ...]:
        """Check whether a command sent behind STARTTLS, before TLS, is executed under TLS (RFC 3207
        4.2)."""

        def check(outcome: Literal["passed", "failed"], *proof: str) -> tuple[Check, ...]:
            return (Check("starttls_injection", outcome, proof),)

        if not self.implicit:
            talk.greeting()
        if self.implicit or "STARTTLS" not in talk.hello(self.name).capabilities:
            return check("passed", "there is no STARTTLS here")
        talk.say("STARTTLS", "NOOP")
        try:
            reply = talk.reply_within(self.visit.patience.reply)
        except (Disconnected, TimedOut) as error:
            return check("passed", f"STARTTLS with more behind it: {talk.explain(error)}")
        if reply.code != 220:
            return check("passed", f"STARTTLS with more behind it: {reply}")
        try:
            talk.secure()
            reply = talk.ask("QUIT", "quit")
        except GatepostError as error:
            return check("passed", f"STARTTLS with more behind it: {talk.explain(error)}")
        return check("passed" if reply.code == 221 else "failed",
                     "NOOP was sent in clear behind STARTTLS",
                     f"the first reply under TLS, to QUIT, was {reply}")  # fmt: skip

    def _relay(self, talk: Talk) -> tuple[Check, ...]:
        """Check mail from outside senders to outside recipients without a login."""
        if self.implicit:
            talk.secure()
        talk.greeting()
        offers = "STARTTLS" in talk.hello(self.name).capabilities and not self.implicit
        if offers and talk.ask("STARTTLS", "starttls").is_success:
            talk.secure()
            talk.hello(self.name)
        accepted, proof = self._recipient(talk, "without a sign-in")
        here = () if not talk.session.peer.loopback else ("asked from the server's own machine",)
        return (Check("open_relay", "failed" if accepted else "passed", (*proof, *here)),)

    def _old_tls(self) -> Check:
        self.versions = try_versions(self.visit, self.endpoint, self.name, implicit=self.implicit)
        proof = tuple(
            f"{each.version} alone: {'accepted' if each.taken else each.failure}"
            for each in self.versions
            if each.version in OLD_VERSIONS
        )
        taken = [each.version for each in self.versions if each.taken]
        if not taken:
            return Check("weak_tls", "not_tried", ("no handshake succeeds", *proof))
        weak = any(version in OLD_VERSIONS for version in taken)
        return Check("weak_tls", "failed" if weak else "passed", proof)


def smuggle(talk: Talk, visit: Visit, now: datetime) -> Check:
    """Send a sequence that is not the end of a message, to see whether the server accepts it as
    one.

    The message goes to the given recipient. Without a valid end it is dropped when the connection
    is cut; a server that accepts the false one delivers it.
    """
    name, checks = "smtp_smuggling", visit.checks
    for command, phase in (
        (f"MAIL FROM:<{checks.mail_from}>", "mail"), (f"RCPT TO:<{checks.rcpt_to[0]}>", "rcpt"),
        ("DATA", "data"),
    ):  # fmt: skip
        reply = talk.ask(command, phase)  # type: ignore[arg-type]  # phases, all three
        if reply.code not in (250, 251, 354):
            return Check(name, "not_tried", (f"{command} was answered {reply}",))
    talk.session.is_usable = False  # the message has no end, so no command can follow it
    text = make_message(visit, now)
    proof = []
    for title, octets in ENDINGS:
        talk.stream.send(text + f"then {title}".encode() + octets, visit.patience.reply)
        talk.session.transcript.client(f"[content, then {title}]")
        text = b"more"
        try:
            reply = talk.reply_within(LISTENS)
        except TimedOut:
            proof.append(f"{title} is not an end of the message")
            continue
        except GatepostError as error:
            return Check(name, "passed", (*proof, f"{title}: {talk.explain(error)}"))
        outcome = "accepted as the end of the message" if reply.is_success else "refused"
        proof.append(f"{title} is {outcome}: {reply}")
        return Check(name, "failed" if reply.is_success else "passed", tuple(proof))
    return Check(name, "passed", tuple(proof))
