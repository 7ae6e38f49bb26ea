"""Client and server of a mechanism without SMTP and base64 between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from gatepost.sasl import mechanisms
from gatepost.sasl.exchange import MalformedChallenge, Mechanism, conclude
from gatepost.sasl.interview import (
    Answer,
    Challenge,
    Interview,
    Lookup,
    Question,
    ServerSide,
    Verdict,
    Verifier,
    Verify,
)
from gatepost.sasl.saslprep import saslprep
from gatepost.sasl.verifiers import (
    ScramHash,
    cram_md5_state,
    decoy_scram,
    scram_verifier,
)

CLIENT_NONCE = "c" * 20
SERVER_NONCE = "s" * 20
DENIED = Reply(535, "Authentication unsuccessful", Esc(5, 7, 3))
SIDE = ServerSide(nonce=SERVER_NONCE, host="test.example", refusal=DENIED)
ITERATIONS = 4_096
_DIGESTS: dict[str, ScramHash] = {
    "SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512",
}  # fmt: skip


@dataclass(frozen=True)
class Users:
    """A directory of names and passwords (or tokens), without any I/O."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    certificate_of: str = ""

    def answer(self, question: Lookup | Verify) -> Answer:
        if isinstance(question, Verify):
            return self.identify(question.credentials)
        return self.verifier(question.username, question.mechanism)

    def identify(self, credentials: Credentials) -> Verdict:
        if credentials.authzid:
            return DENIED.because("authzid: nobody acts as another here")
        if credentials.certificate:
            return Principal(self.certificate_of) if self.certificate_of else DENIED
        kept = self.secrets.get(credentials.username)
        if kept is None or Secret(kept) != (credentials.password or credentials.token):
            return DENIED.because("bad_credentials: no such pair")
        return Principal(credentials.username)

    def verifier(self, username: str, mechanism: str) -> Verifier:
        digest = _DIGESTS.get(mechanism.removesuffix("-PLUS"), "sha1")
        kept = (
            {saslprep(n, stored=False): s for n, s in self.secrets.items()}
            if (mechanism != "CRAM-MD5")
            else self.secrets
        )
        if username not in kept:
            return Verifier(
                None,
                DENIED.because("unknown_user: nobody is called so"),
                decoy_scram(username, b"key of this server", ITERATIONS, digest),
                b"nobody's password",
            )
        password = Secret(kept[username])
        if mechanism == "CRAM-MD5":
            return Verifier(Principal(username), digest_state=cram_md5_state(password))
        return Verifier(
            Principal(username), scram=scram_verifier(password, b"salt" * 4, ITERATIONS, digest)
        )


@dataclass
class Played:
    """The messages in order, and the outcome."""

    said: list[tuple[Literal["C", "S"], bytes]]
    verdict: Verdict
    questions: list[Question] = field(default_factory=list)

    @property
    def shape(self) -> list[tuple[str, int]]:
        """The speaker and size of each message: what an observer could distinguish dialogues by."""
        return [(who, len(text)) for who, text in self.said]


def play(
    mechanism: Mechanism,
    users: Users,
    side: ServerSide = SIDE,
    *,
    initial: bool = True,
) -> Played:
    """Let the mechanism sign in; ``initial`` False holds its initial response back, as SMTP may."""
    exchange = mechanism.exchange()
    held = next(exchange)
    played = Played([], DENIED)
    first = None
    if held is not None and initial:
        first, held = held, None
        played.said.append(("C", first))
    interview = mechanisms.interview(mechanism.name, first, side)
    answer: Answer | None = None
    try:
        while True:
            question = next(interview) if answer is None else interview.send(answer)
            played.questions.append(question)
            if not isinstance(question, Challenge):
                answer = users.answer(question)
                continue
            played.said.append(("S", question.data))
            if held is not None:
                response, held = held, None
            else:
                response = answer_of(exchange.send(question.data))
            played.said.append(("C", response))
            answer = response
    except StopIteration as end:
        played.verdict = end.value
    if isinstance(played.verdict, Principal):
        conclude(exchange)
    return played


def answer_of(response: bytes | None) -> bytes:
    if response is None:
        raise MalformedChallenge("a response is missing")
    return response


def drive(interview: Interview, *answers: Answer) -> tuple[list[Question], Verdict | None]:
    """Answer the questions of an interview in order; the verdict is None when it wants more."""
    questions: list[Question] = []
    pending = iter(answers)
    try:
        questions.append(next(interview))
        while (answer := next(pending, None)) is not None:
            questions.append(interview.send(answer))
    except StopIteration as end:
        return questions, end.value
    return questions, None
