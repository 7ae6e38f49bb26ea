"""What happened, for the operator: a line a person reads, or one JSON object a line.

Lines are written by a thread, many at a time, so that a slow terminal or a
full pipe never holds up a session.
"""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

FLUSH: Final = 0.05
"""Seconds that a line may wait for others."""
MAX_WAITING: Final = 20_000
"""Lines that may wait; beyond them lines are dropped, and counted."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""A file of events may lie on a disk that is full for a while."""
LAST_WORDS: Final = 1.0
"""Seconds that a reader gets at the end."""


class Reporter:
    """A ``relay.context.Report`` that writes to a file descriptor; None: to nobody.

    No buffer of the interpreter's lies between: a thread that a full pipe holds inside one
    would keep its lock, which ends the process in an abort.
    """

    def __init__(self, descriptor: int | None, *, as_json: bool) -> None:
        self._descriptor = descriptor
        self._as_json = as_json
        self._waiting: deque[tuple[float, str, Mapping[str, Any]] | str] = deque()
        self._dropped = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, name="gatepost-report", daemon=True)
        self._thread.start()

    def __call__(self, event: str, **facts: Any) -> None:
        """Take one event; never blocks."""
        self._add((time.time(), event, facts))

    def say(self, text: str) -> None:
        """Write a text as it is, in its turn; only where a person reads."""
        self._add(text)

    def _add(self, line: tuple[float, str, Mapping[str, Any]] | str) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits."""
        self._stopping.set()
        self._thread.join(LAST_WORDS)

    def _write(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(FLUSH)
            waiting = len(self._waiting)  # not what comes meanwhile, which may have no end
            lines = [self._spell_safely(self._waiting.popleft()) for _ in range(waiting)]
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                lines.append(self._spell((time.time(), "lines_dropped", {"count": dropped})))
            if lines and self._descriptor is not None:
                text = "\n".join(lines) + "\n"
                try:
                    write_all(self._descriptor, text.encode("utf-8", "backslashreplace"))
                except OSError as error:
                    if error.errno in _FULL:
                        self._dropped += len(lines)  # told once there is room again
                    else:
                        self._descriptor = None  # nobody reads any more; mail goes on

    def _spell_safely(self, line: tuple[float, str, Mapping[str, Any]] | str) -> str:
        """An event that cannot be spelled must not take those behind it along."""
        try:
            return self._spell(line)
        except Exception as error:  # noqa: BLE001 - whatever it is
            facts = {"reason": f"event {line[1]!r} cannot be written: {type(error).__name__}"}
            return self._spell((time.time(), "internal_error", facts))

    def _spell(self, line: tuple[float, str, Mapping[str, Any]] | str) -> str:
        if isinstance(line, str):
            return line
        moment, event, facts = line
        second = int(moment)
        if not self._as_json:
            return f"{_clock(second)} {spell(event, facts)}"
        time_ = f"{_date(second)}.{int((moment - second) * 1000):03}Z"
        try:
            return msgspec.json.encode({"time": time_, "event": event, **facts}).decode()
        except (TypeError, ValueError):  # text that is no Unicode came from a client
            plain = {name: ascii(value) for name, value in facts.items()}
            return msgspec.json.encode({"time": time_, "event": event, **plain}).decode()


@lru_cache(maxsize=4)
def _clock(second: int) -> str:
    """Return the local time of day. Thousands of lines have the same."""
    return f"{datetime.fromtimestamp(second, UTC).astimezone():%H:%M:%S}"


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    """Return date and time in UTC, without the zone."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def write_all(descriptor: int, octets: bytes) -> None:
    """Write all of ``octets``, however long the reader takes. Raises OSError when it is gone."""
    while octets:
        try:
            octets = octets[os.write(descriptor, octets) :]
        except BlockingIOError:  # whoever started us made it so
            time.sleep(FLUSH)


def spell(event: str, facts: Mapping[str, Any]) -> str:
    """Return an event as a sentence for a person; control characters are made harmless."""
    sentence = _SENTENCES.get(event)
    if sentence is None:
        words = " ".join(f"{key}={value}" for key, value in facts.items())
        text = f"{event.replace('_', ' ')} {words}"
    else:
        text = sentence.format_map(_Shown(facts)).replace(":  ", ": ")  # nothing was answered
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "?" for character in text)
    return text.rstrip(" :")


class _Shown(dict[str, Any]):
    """Facts as a sentence names them."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(facts)
        if "rcpt_to" in facts:
            self["rcpt_to"] = _first_of(facts["rcpt_to"])
        if "findings" in facts:
            self["findings_named"] = "".join(f" {each}" for each in facts["findings"])
        if "certificate_days_left" in facts:
            old, left = facts["certificate_days_old"], facts["certificate_days_left"]
            self["certificate_named"] = f", certificate {old} days old, {left} left"

    def __missing__(self, key: str) -> str:
        return "" if key.endswith("_named") else "-"


def _first_of(recipients: list[str]) -> str:
    if not recipients:
        return "nobody"
    more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    return f"{recipients[0]}{more}"


_SENTENCES: Final = {
    "accepted": "accepted {id} from <{mail_from}> to {rcpt_to}, {size} octets",
    "signed_in": "signed in {principal} with {mechanism} from {peer}",
    "auth_refused": "AUTH {mechanism} refused for {username!r} from {peer}: {reason}",
    "refused": "refused {peer}: {reply}: {reason}",
    "message_refused": "message refused from {peer}: {reply}: {reason}",
    "not_stored": "NOT STORED from {peer}: {reply}: {reason}",
    "tls_failed": "TLS failed with {peer}: {reason}",
    "webhook_failed": "webhook {subscription} did not take a report: {reason}; again {again_at}",
    "webhook_given_up": "webhook {subscription} will not get report {report}: {dead}, {reason}",
    "reports_delayed": "reports are delayed: {reason}",
    "domain_verified": "{proof} of domain {domain} is verified",
    "domain_not_verified": "{proof} of domain {domain} is NOT verified: {reason}",
    "message_delivered": "delivered {id} to {rcpt_to} by {host}: {reply}",
    "message_deferred": "deferred {id} to {rcpt_to} until {next_at}: {host}: {reply}: {reason}",
    "message_failed": "FAILED {id} to {rcpt_to}: {reply}: {reason}",
    "notification_lost": "<{mail_from}> was NOT TOLD of a failure ({id}): {reason}",
    "sender_warned": "told <{mail_from}> that {id} is delayed",
    "next_hop_rests": "next hop {next_hop} rests for {seconds} s: {what}: {reason}",
    "sign_in_stopped": "credential {credential} is NOT LET IN at {target}: {reply} {reason}",
    "sign_in_works": "credential {credential} is let in at {target} again",
    "refresh_token_not_kept": "the new refresh token of {credential} could NOT be kept: {reason}",
    "refresh_token_kept": "the new refresh token of {credential} is kept now",
    "clock_advanced": "the clock is {ahead:g} s ahead of the machine's",
    "clock_put_back": "the clock was put back by {seconds} s: what waits is tried now",
    "api_failed": "API FAILED at {route}: {reason}",
    "proxy_header_refused": "cut {peer}, which is to begin with a PROXY header: {reason}",
    "certificate_reloaded": "certificate {file} is new, good until {expires_at}",
    "certificate_kept": "certificate {file} CANNOT BE USED, the old one stays: {reason}",
    "config_warning": "WARNING: {reason}",
    "certificate_expires": "certificate {file} is good until {expires_at} only",
    "probed": "{upstream}: {verdict}{findings_named}{certificate_named}",
    "changed": "{upstream}: CHANGED: {sentence}",
    "upstream_certificate_expires": "{upstream}: the certificate has {days_left} days left",
    "probe_failed": "{upstream}: COULD NOT BE LOOKED AT: {reason}",
    "login_rests": "{upstream}: the password was refused, and is not sent again for {hours:g} h",
    "snapshot_unreadable": "{upstream}: snapshot {file} cannot be read, and is left out: {reason}",
    "snapshot_not_kept": "{upstream}: the snapshot could NOT be kept: {reason}",
    "store_recovered": "THE STORE WAS MENDED: {reason}",
    "store_gone": "THE STORE IS GONE, a new one is begun: {reason}",
    "store_older": "THE STORE IS AN OLDER ONE: {reason}",
    "ready_not_written": "ready.json could NOT be written: {reason}",
    "reloaded": "reloaded {config}",
    "reload_refused": "NOT RELOADED, nothing changes: {reason}",
    "closed": "closed {peer}: {reply} {reason}",
}
