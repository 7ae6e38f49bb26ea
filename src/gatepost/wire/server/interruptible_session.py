"""Sessions that show a command to the application before it is run, at the stages that it names.

Everything else is as in the ordinary session, whose command table is only wrapped: a session that
interrupts nothing runs the same code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.wire.server import events
from gatepost.wire.server.commands import ANY, Command, Handler, State, missing_condition
from gatepost.wire.server.ehlo_capabilities import Offer
from gatepost.wire.server.quirky_session import QuirkySession, is_quirky
from gatepost.wire.server.session import Session, SessionSettings, command_table, offer_of

COMMAND: Final = "command"
"""The stage of every command."""
_STAGES: Final[Mapping[bytes, str]] = {
    b"EHLO": "ehlo", b"HELO": "ehlo", b"DATA": "data", b"BDAT": "data", b"RSET": "rset",
    b"NOOP": "noop", b"QUIT": "quit",
}  # fmt: skip
"""Of the other commands, the application has an event of its own."""


def make_interruptible(
    setting: SessionSettings, peer: str, *, encrypted: bool = False
) -> "InterruptibleSession":
    """Return the session of a connection, as its profile requires."""
    return interruptible_kind(setting.profile)(setting, peer, encrypted=encrypted)


def interruptible_kind(profile: Profile) -> "type[InterruptibleSession]":
    """Return the class of the sessions that a profile requires."""
    return _QuirkyInterruptible if is_quirky(profile) else _PlainInterruptible


class InterruptibleSession(Session):
    """What both kinds of sessions have besides; not for itself."""

    __slots__ = ()

    def interrupt_at(self, stages: frozenset[str]) -> None:
        """Show the commands of these stages from now on."""
        self._table = _interrupting(self.setting, stages & _INTERRUPTIBLE)

    @property
    def is_ending(self) -> bool:
        """Whether nothing more will be run."""
        return self._closing is not None

    def proceed(self) -> events.Event | None:
        """Run the command that is shown; return its event, or None after its reply."""
        shown, self._pending = self._pending, None
        assert isinstance(shown, events.Interrupted)  # noqa: S101 - the caller has it
        command = command_table(self.setting).get(shown.verb.encode("latin-1"))
        if command is None:
            self._say_to_command(self.replies.UNKNOWN_COMMAND.because("a verb that is none"))
            return None
        result = missing_condition(self, command) or command.handle(self, shown.argument)
        if not isinstance(result, Reply):
            self._pending = result
            return result
        is_bare = result.code >= 400 and not result.reason
        self._say_to_command(result.because(f"in answer to {command.name}") if is_bare else result)
        return None

    def refuse_command(self, reply: Reply) -> None:
        """Reply instead of running the command that is shown.

        The octets of BDAT follow in any case, so the reply comes after them (RFC 3030 2).
        """
        shown = self._pending
        assert isinstance(shown, events.Interrupted)  # noqa: S101 - the caller has it
        if shown.verb == "BDAT":
            self.proceed()
            self.refuse_content(reply)
        elif shown.verb == "QUIT":
            self.end(reply)
        else:
            self.reply(reply)

    def change_offer(self, drop: Iterable[str], add: Iterable[str]) -> None:
        """Change what the next EHLO offers: ``drop`` keywords or ``AUTH MECHANISM``, ``add`` lines
        that are only shown."""
        offer = offer_of(self.setting, self.encrypted, self.can_tls, bool(self.presented))
        self.offer = _changed(offer, tuple(drop), tuple(add))

    def abandon(self, reason: str) -> None:
        """End without a reply, and run nothing that was received."""
        self._pending = None
        self.stop_after_reply(reason)

    def stop_after_reply(self, reason: str) -> None:
        """Run nothing more, but wait for the reply to a pending event, if there is one."""
        self._buffer.clear()
        if self._closing is None:
            self._closing = events.Closing(Reply(421, "Closed without a reply", reason=reason))


class _PlainInterruptible(InterruptibleSession):
    __slots__ = ()


class _QuirkyInterruptible(InterruptibleSession, QuirkySession):
    __slots__ = ()


_INTERRUPTIBLE: Final = frozenset({COMMAND, *_STAGES.values()})


@lru_cache(maxsize=256)
def _interrupting(setting: SessionSettings, stages: frozenset[str]) -> Mapping[bytes, Command]:
    """Return the command table of a session that is interrupted at these stages."""
    table = command_table(setting)
    if not stages:
        return table
    of_all = (COMMAND,) if COMMAND in stages else ()
    changed: dict[bytes, Command] = {}
    for verb, command in table.items():
        stage = _STAGES.get(verb, "")
        if stage in stages:
            changed[verb] = _interrupted(command, (*of_all, stage))
        elif of_all:
            changed[verb] = _interrupted(command, of_all)
    merged = {**table, **changed}
    return _EveryVerb(merged) if of_all else merged


class _EveryVerb(dict[bytes, Command]):
    """Has a command for every verb, so that even unknown ones are shown."""

    def get(self, verb: bytes, default: Any = None) -> Any:  # noqa: ARG002 - dict's
        command = super().get(verb)
        if command is not None:
            return command
        name = verb.decode("latin-1")
        return Command(name, _showing(name, (COMMAND,)), ANY)


def _interrupted(command: Command, stages: tuple[str, ...]) -> Command:
    """Return a command that is shown whatever its conditions are; ``proceed`` checks them."""
    is_data = "data" in stages
    handle = _showing_data(command, stages) if is_data else _showing(command.name, stages)
    return replace(
        command, handle=handle, states=ANY, in_clear=True, needs_auth=False, extension=""
    )


def _showing(name: str, stages: tuple[str, ...]) -> Handler:
    def handle(_session: Session, argument: bytes) -> events.Event:
        return events.Interrupted(stages, name, argument)

    return handle


def _showing_data(command: Command, stages: tuple[str, ...]) -> Handler:
    """The stage ``data`` begins where content may follow: at DATA, or at the first BDAT."""
    of_all = stages[:-1]

    def handle(session: Session, argument: bytes) -> Reply | events.Event | None:
        missing = missing_condition(session, command)
        begins = missing is None and session.recipients and session.state is not State.CHUNKS
        if command.name == "DATA":
            begins = begins and not argument
        else:
            begins = begins and "CHUNKING" in session.offer.keywords
        if begins or of_all:
            return events.Interrupted(stages if begins else of_all, command.name, argument)
        return missing or command.handle(session, argument)

    return handle


def _changed(offer: Offer, drop: tuple[str, ...], add: tuple[str, ...]) -> Offer:
    if not (drop or add):
        return offer
    dropped = {" ".join(each.upper().split()) for each in drop}
    lines = []
    for line in offer.lines:
        keyword, *words = line.replace("=", " ", 1).split()
        if keyword.upper() in dropped:
            continue
        left = [each for each in words if f"{keyword} {each}".upper() not in dropped]
        if len(left) == len(words):
            lines.append(line)
        elif left:
            lines.append(line[: len(keyword) + 1] + " ".join(left))
    mechanisms = {each for each in offer.mechanisms if f"AUTH {each}" not in dropped}
    return Offer(
        (*lines, *add),
        offer.keywords - dropped,
        frozenset() if "AUTH" in dropped else frozenset(mechanisms),
    )
