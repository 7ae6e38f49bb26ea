"""A rule as it is written: when it applies, and what it does. The types are those of the JSON.

Names of values are those of profiles, where these have them.
"""

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

from gatepost.model.report import DeliveryStatus

Stage = Literal[
    "connect", "tls", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "message",
    "rset", "noop", "quit", "command",
]  # fmt: skip
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
Key = Literal[
    "rule", "connection", "peer", "user", "application", "sender", "recipient", "triplet",
    "message_id",
]  # fmt: skip
Unit = Literal["connection", "message", "recipient", "octet"]
CertificateFlaw = Literal["expired", "other-name", "self-signed", "incomplete"]
TlsVersion = Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]

MAX_SECONDS: Final = 3_600.0
"""Seconds of a delay or stall."""
MAX_WINDOW: Final = 30 * 86_400.0

Id = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,64}\Z")]
Lane = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")]
Text = str | list[str]
"""A glob, ``/regex/``, ``!not``, or a list of which any may match. Case does not matter."""
Range = str | int
"""``3``, ``1-2``, ``3-``, ``*/10``, ``>1000``."""
Moment = str
"""RFC 3339, or ``+5s`` after the rule was added or reset."""
_SERVER_REPLY: Final = r"^([245][0-9]{2}([ -][245]\.[0-9]{1,3}\.[0-9]{1,3})?([ -].{0,400})?)?\Z"
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Conditions(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"from_": "from"},
):
    """``when``: all of it must hold."""

    stage: Stage | list[Stage]
    """Where in the session."""
    listener: Text | None = None
    """The name of the listener: ``smtp``, ``smtps``, or that of the configuration."""
    peer: str | list[str] | None = None
    """The client's address or network, or ``unix``."""
    tls: bool | Literal["1.2", "1.3"] | None = None
    """Whether there is TLS, or its version."""
    ehlo: Text | None = None
    """The client's name in EHLO or HELO."""
    command: Text | None = None
    """The verb of the command."""
    user: Text | None = None
    """The user name: at ``auth`` the claimed one, later the one that signed in."""
    application: Text | None = None
    """The name or id of the application that signs in; where there are accounts, their name."""
    mechanism: Text | None = None
    """The mechanism of AUTH."""
    sender: Text | None = None
    """The address in MAIL; ``<>`` is the null sender."""
    recipient: Text | None = None
    """The address in RCPT; from ``data`` on, any of the recipients."""
    subject: Text | None = None
    """The decoded Subject."""
    header: dict[str, Text] | None = None
    """Decoded header fields by name."""
    size: Range | None = None
    """Octets of the content; at ``body`` those so far, at ``mail`` those announced."""
    attempt: Range | None = None
    """Which of the events that fit, counted from 1."""
    per: Key = "rule"
    """What ``attempt``, ``times`` and ``chance`` count separately for."""
    times: Count | None = None
    """How often the rule fires at most."""
    chance: Annotated[float, Meta(ge=0, le=1)] | None = None
    """The share of events at which it fires."""
    seed: int | None = None
    """Which of them these are."""
    from_: Moment | None = None
    """From when on it applies."""
    until: Moment | None = None
    """Until when it applies."""


class Slices(Struct, frozen=True, forbid_unknown_fields=True):
    """``pace``: the reply in slices."""

    bytes: Annotated[int, Meta(ge=1, le=65_536)]
    """Octets of a slice."""
    every: Annotated[float, Meta(ge=0, le=60)]
    """Seconds."""


class Throttle(
    Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename={"in_": "in"}
):
    """``rate``: octets per second from now on."""

    in_: Count | None = None
    """From the client."""
    out: Count | None = None
    """To the client."""


class OfferChange(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``ehlo``: other lines in this reply to EHLO."""

    drop: list[str] = []
    """Keywords, which then do not work either; ``AUTH PLAIN`` is one mechanism."""
    add: list[str] = []
    """Lines. What they promise does not work."""


class Greylist(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``greylist``: a new key is refused until ``wait`` has passed."""

    wait: Annotated[float, Meta(ge=0, le=MAX_WINDOW)]
    """Seconds."""
    per: Key = "triplet"
    """What is new or not: by default the client's address, the sender and the recipient."""


class Quota(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``quota``: what goes beyond ``limit`` in a sliding window is refused."""

    limit: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
    """How much passes within the window."""
    window: Annotated[float, Meta(gt=0, le=MAX_WINDOW)]
    """Seconds."""
    per: Key = "rule"
    """What has a quota of its own."""
    unit: Unit | None = None
    """What is counted; by default each event is one. Octets are known at ``message``, and each of
    several recipients counts from ``data`` on."""


class TlsFault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``tls`` with a value: exactly one of these."""

    truncate: Annotated[int, Meta(ge=0, le=65_536)] | None = None
    """The connection ends after so many octets of the server's first flight."""
    certificate: CertificateFlaw | None = None
    """What is wrong with the certificate."""
    maximum: TlsVersion | None = None
    """The newest version of TLS."""


class CutOff(Struct, frozen=True, forbid_unknown_fields=True):
    """The connection ends within the reply."""

    after_bytes: Annotated[int, Meta(ge=0, le=65_536)]
    """Octets of the reply that are sent."""


class ScriptedOutcome(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``outcome``: what the delivery report says, as with ``gatepost outcome set``."""

    status: DeliveryStatus | None = None
    """None: it follows from the code."""
    code: Annotated[str, Meta(pattern=_SERVER_REPLY)] = ""
    """The reply of the recipient's server, such as ``550 5.1.1 User unknown``."""


class Actions(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"pass_": "pass"},
):
    """``do``, in the order in which it happens."""

    delay: Seconds | list[Seconds] | None = None
    """Seconds to wait, then it goes on; of two, a time between them."""
    ehlo: OfferChange | None = None
    """Other keywords in this reply to EHLO."""
    tls: str | TlsFault | None = None
    """``refuse``, ``garbage``, ``stall``, ``alert:NAME``, or an object."""
    stall: Seconds | Literal["forever"] | None = None
    """Seconds of silence; ``forever``: until the client leaves, or for the idle time-out."""
    rate: Throttle | None = None
    """Octets per second from now on."""
    greylist: Greylist | None = None
    """A new key is refused until some time has passed, by the reply or 450 4.2.0."""
    quota: Quota | None = None
    """What goes beyond a limit is refused, by the reply or 450 4.7.1; below it, nothing happens."""
    reply: str | list[str] | None = None
    """Instead of the ordinary reply, such as ``451 4.7.1 Try later``; a list has several lines. It
    may contain ``{recipient}``, ``{sender}``, ``{user}``, ``{attempt}``, and ``{wait}`` in seconds.
    """
    pace: Slices | None = None
    """The reply in slices."""
    close: Literal["before", "after"] | CutOff | None = None
    """The connection ends before, after or within the reply."""
    reset: bool = False
    """It ends with a TCP reset."""
    keep: bool = False
    """The message is stored although the client does not get 250."""
    discard: bool = False
    """The client gets 250, and nothing is stored."""
    outcome: ScriptedOutcome | None = None
    """What the delivery report says later, for the recipients that fit."""
    pass_: bool = False
    """Nothing happens, and no later rule is asked."""
    go_on: bool = False
    """Later rules are asked, too."""


class FailureRule(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One rule."""

    id: Id = ""
    """Up to 64 lower-case letters, digits, ``.``, ``_`` and ``-``. Without one, it is chosen."""
    lane: Lane | None = None
    """It applies only to the sessions of this lane; without one, to all."""
    order: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 100
    """The lowest is asked first, of equal ones the oldest."""
    when: Conditions
    """Stage and conditions, all of which must hold."""
    do: Actions
    """What happens then."""
    note: Annotated[str, Meta(max_length=500)] = ""
    """For people."""
