"""The level of each event, and its line in the operator's log: a sentence, or a JSON object."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from gatepost.model.unprintable import escape_unprintable

Level = Literal["info", "warning", "error"]
_DEL: Final = 0x7F

_EVENTS: Final[Mapping[Level, str]] = {
    "info": """
    ready signed_in token_issued accepted message_delivered sign_in_works secret_changed
    refresh_token_kept certificate_reloaded reloaded closed domain_verified clock_advanced
    watching probed stopping descriptors_free console_changed console_signed_in injected
    failure_rules_loaded feedback_subscribed feedback_repeated feedback_kept polling_works
    webhook_subscribed dkim_key_published message_rerouted deliveries_changed
    """,
    "warning": """
    auth_refused token_not_issued token_refused refused message_refused message_deferred
    message_dropped sender_warned next_hop_rests lease_lost message_damaged clock_put_back
    tls_failed proxy_header_refused certificate_expires config_warning domain_not_verified
    webhook_not_subscribed
    webhook_failed reports_delayed authority_replaced changed upstream_certificate_expires
    upstream_ends login_rests console_refused snapshot_unreadable account_damaged lines_dropped
    mailbox_delayed mailbox_unreadable lane_ended node_taken_over node_renewed snapshot_held
    clock_differs leases_slow feedback_unmatched feedback_unknown feedback_malformed
    feedback_delayed feedback_dropped polling_failed quota_used_up quota_notice_ignored
    bounces_deleted dkim_key_not_published
    """,
    "error": """
    not_stored message_failed notification_lost sign_in_stopped delivery_stopped
    refresh_token_not_kept not_settled queue_unavailable certificate_kept reload_refused
    internal_error api_failed webhook_given_up worker_died probe_failed snapshot_not_kept
    directory_damaged failure_rules_refused store_recovered store_gone store_older ready_not_written
    failed descriptors_used_up
    """,
}
"""``warning``: somebody was refused, or it will be tried again, or somebody should look at it.
``error``: mail or data is concerned, or something does not work until somebody solves it."""
LEVELS: Final[Mapping[str, Level]] = {
    event: level for level, events in _EVENTS.items() for event in events.split()
}


class EventFormatter:
    """Formats events as lines, in one of the two forms."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json: Final = as_json

    def line(self, moment: float, event: str, facts: Mapping[str, Any]) -> str:
        """Return the line of an event. An event that cannot be formatted must not affect others."""
        try:
            return self._format(moment, event, facts)
        except Exception as error:  # noqa: BLE001 - whatever it is
            reason = f"event {event!r} cannot be written: {type(error).__name__}"
            return self._format(time.time(), "internal_error", {"reason": reason})

    def _format(self, moment: float, event: str, facts: Mapping[str, Any]) -> str:
        second = int(moment)
        if not self.as_json:
            level = LEVELS.get(event, "info")
            return f"{_local_date(second)} {level} {format_event(event, facts)}"
        time_ = f"{_date(second)}.{int((moment - second) * 1000):03}Z"
        try:
            return _json({"time": time_, "event": event, **facts})
        except (TypeError, ValueError):  # text that is not Unicode came from a peer
            plain = {name: _plain(value) for name, value in facts.items()}
            return _json({"time": time_, "event": event, **plain})


def _json(document: Mapping[str, Any]) -> str:
    octets = msgspec.json.encode(document)
    if octets.isascii() and _DEL not in octets:  # JSON escapes all other controls
        return octets.decode()
    return escape_unprintable(octets.decode())


def _plain(value: Any) -> Any:
    """Return text for JSON: octets that are not UTF-8 as ``\\udcff``, and all else unchanged, so
    that clients do not control the form of a field."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return ascii(value)


@lru_cache(maxsize=4)
def _local_date(second: int) -> str:
    """Return local date and time with the zone (RFC 3339); cached, because thousands of lines share
    it."""
    return datetime.fromtimestamp(second, UTC).astimezone().isoformat()


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    """Return date and time in UTC, without the zone."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def format_event(event: str, facts: Mapping[str, Any]) -> str:
    """Return an event as a sentence; control characters are escaped."""
    sentence = _SENTENCES.get(event)
    if sentence is None:
        words = " ".join(f"{key}={value}" for key, value in facts.items())
        text = f"{event.replace('_', ' ')} {words}"
    else:
        # without a reply, nothing is between the colons
        text = sentence.format_map(_SentenceFacts(facts)).replace(": : ", ": ")
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "?" for character in text)
    return text.rstrip(" :")


class _SentenceFacts(dict[str, Any]):
    """Facts as a sentence names them."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(facts)
        if "rcpt_to" in facts:
            self["rcpt_to"] = _first_of(facts["rcpt_to"])
        if facts.get("reason"):
            self["reason"] = _more(str(facts.get("reply", "")), str(facts["reason"]))
        if "next_at" in facts and facts["next_at"] is None:
            up = f"it expires at {facts['expires_at']}"
            self["next_at"] = "an operator releases it" if facts["held"] else up
        if "records" in facts:
            self["records_named"] = _named(facts["records"])
        if "by" in facts:
            self["by_named"] = facts["by"] or "an operator"
        if "findings" in facts:
            self["findings_named"] = "".join(f" {each}" for each in facts["findings"])
        if "certificate_days_left" in facts:
            old, left = facts["certificate_days_old"], facts["certificate_days_left"]
            self["certificate_named"] = f", certificate {old} days old, {left} left"

    def __missing__(self, key: str) -> str:
        return "" if key.endswith("_named") else "-"


def _more(reply: str, reason: str) -> str:
    """Return what the reason says beyond the reply."""
    if reason in reply:
        return ""
    head, _, rest = reason.partition(": ")  # an API's answer, and its explanation
    return rest if rest and reply.endswith(f" {head}") else reason


def _first_of(recipients: list[str]) -> str:
    if not recipients:
        return "nobody"
    more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    return f"{recipients[0]}{more}"


def _named(records: list[dict[str, str]]) -> str:
    first = ", ".join(f"{each['name']} ({each['reason']})" for each in records[:_NAMED])
    return first + (f" and {len(records) - _NAMED} more" if len(records) > _NAMED else "")


_NAMED: Final = 3
_SENTENCES: Final = {
    "accepted": "accepted {id} from <{mail_from}> to {rcpt_to}, {size} octets",
    "signed_in": "signed in {principal} with {mechanism} from {peer}",
    "auth_refused": "AUTH {mechanism} refused for {username!r} from {peer}: {reason}",
    "refused": "refused {peer}: {reply}: {reason}",
    "message_refused": "message from {peer} refused: {reply}: {reason}",
    "not_stored": "message from {peer} not stored: {reply}: {reason}",
    "tls_failed": "TLS with {peer} failed: {reason}",
    "feedback_subscribed": "{source}: the subscription to {topic} is confirmed",
    "feedback_repeated": "{source}: a webhook came again, and changed nothing",
    "feedback_unmatched": "{source}: {kind} for {rcpt_to} is about no mail of this relay: {reason}",
    "feedback_unknown": "{source}: the event {kind} is not known",
    "feedback_kept": "{source}: {count} events are about no mail yet, and are kept for a day",
    "feedback_dropped": "{source}: {count} events that were kept are given up: {reason}",
    "feedback_malformed": "{source}: {count} of the events could not be read",
    "polling_failed": "{source}: its events could not be read: {reason}",
    "polling_works": "{source}: its events can be read again",
    "bounces_deleted": "{count} of the oldest bounces, {octets} octets, were deleted to make room",
    "quota_used_up": "{target} is paused, because a bounce of it says: {reply}",
    "quota_notice_ignored": "a bounce from {peer}, which is no server of its target, says: {reply}",
    "feedback_delayed": "{source}: events could not be recorded: {reason}",
    "webhook_subscribed": "webhook {subscription} gets events: {endpoint} has agreed",
    "webhook_not_subscribed": "webhook {subscription} gets no events yet: {reason}",
    "webhook_failed": "webhook {subscription} refused a report: {reason}; next try {again_at}",
    "webhook_given_up": "webhook {subscription} will not get report {report}: {dead}, {reason}",
    "reports_delayed": "reports are delayed: {reason}",
    "mailbox_delayed": "new mail is not listed yet: {reason}",
    "mailbox_unreadable": "message {id} is listed by its envelope alone: {reason}",
    "domain_verified": "{proof} of domain {domain} is verified",
    "domain_not_verified": "{proof} of domain {domain} is not verified: {reason}",
    "message_delivered": "delivered {id} to {rcpt_to} by {host}: {reply}",
    "message_deferred": "deferred {id} to {rcpt_to} until {next_at}: {host}: {reply}: {reason}",
    "message_failed": "could not deliver {id} to {rcpt_to}: {reply}: {reason}",
    "message_dropped": "dropped {id} to {rcpt_to} on an operator's order; nobody is notified",
    "message_rerouted": "{by_named} sent {id} to {rcpt_to} by {target} instead of {next_hop}",
    "deliveries_changed": "{by_named} did {action} to deliveries: {count}",
    "message_damaged": "message {id} is damaged: {reason}",
    "notification_lost": "could not notify <{mail_from}> of a failure ({id}): {reason}",
    "sender_warned": "notified <{mail_from}> that {id} is delayed",
    "next_hop_rests": "next hop {next_hop} is paused for {seconds} s: {what}: {reason}",
    "node_taken_over": "node {node} is dead; its {leases} deliveries are due again",
    "node_renewed": "other nodes took {node} for dead, and have its deliveries; it goes on anew",
    "sign_in_stopped": "credential {credential} is refused at {target}: {reply}: {reason}",
    "delivery_stopped": "target {target} takes no mail until somebody acts: {reply}: {reason}",
    "sign_in_works": "credential {credential} is accepted at {target} again",
    "refresh_token_not_kept": "the new refresh token of {credential} could not be saved: {reason}",
    "refresh_token_kept": "the new refresh token of {credential} has been saved",
    "injected": "rule {rule}: {action} at {stage} for {peer}",
    "failure_rules_loaded": "{count} rules of scripted failures were read from {file}",
    "failure_rules_refused": "the rules of scripted failures stay as they were: {reason}",
    "lane_ended": "lane {lane} has ended before its time, with its mail: {reason}",
    "clock_advanced": "the clock is {ahead:g} s ahead of the machine's",
    "authority_replaced": "there is a new certificate authority: clients must trust {ca_file}",
    "clock_put_back": "the clock was set back by {seconds} s: waiting deliveries are tried now",
    "api_failed": "API request failed: {route}: {reason}",
    "descriptors_used_up": "no file descriptors are left, of {limit}: {reason}",
    "descriptors_free": "file descriptors are free again, after {seconds} s",
    "proxy_header_refused": "closed {peer}, which must begin with a PROXY header: {reason}",
    "dkim_key_published": "{name} publishes its DKIM key, which signs mail of {domain}",
    "dkim_key_not_published": "mail of {domain} is not signed with the DKIM key {selector}: {name} "
    "does not publish it: {reason}",
    "secret_changed": "credential {credential} has a new secret",
    "certificate_reloaded": "certificate {file} was replaced; the new one is valid until "
    "{expires_at}",
    "certificate_kept": "certificate {file} cannot be used, the old one stays in use: {reason}",
    "config_warning": "{reason}",
    "certificate_expires": "certificate {file} expires soon, at {expires_at}",
    "probed": "{upstream}: {verdict}{findings_named}{certificate_named}",
    "changed": "{upstream} changed: {sentence}",
    "upstream_certificate_expires": "{upstream}: the certificate expires in {days_left} days",
    "upstream_ends": "{upstream}: on {ends_on}, in {days_left} days: {what} ({source})",
    "probe_failed": "{upstream} could not be checked: {reason}",
    "login_rests": "{upstream}: the password was refused, and is not sent again for {hours:g} h",
    "snapshot_unreadable": "{upstream}: snapshot {file} cannot be read, and is skipped: {reason}",
    "snapshot_not_kept": "{upstream}: the snapshot could not be saved: {reason}",
    "directory_damaged": "damaged records in the directory: {records_named}",
    "account_damaged": "account {name} is damaged and must be created again: {reason}",
    "store_recovered": "the store was repaired: {reason}",
    "store_gone": "the store is missing; a new one was created: {reason}",
    "store_older": "the store is an older copy: {reason}",
    "leases_slow": "leases of mail take {milliseconds} ms: something keeps the database busy, or "
    "from cleaning up",
    "clock_differs": "the clock of this machine differs by {seconds} s from that of the database, "
    "so that mail is tried, and given up, at wrong times",
    "snapshot_held": "{holder} has held a snapshot of the database for {seconds} s, so that it "
    "cannot clean up, and leases become slow",
    "ready_not_written": "ready.json could not be written: {reason}",
    "console_changed": "{user} did {route} on the console, from {peer}",
    "console_signed_in": "{user} signed in to the console from {peer}",
    "console_refused": "console login from {peer} refused: {reason}",
    "reloaded": "reloaded {config}",
    "reload_refused": "not reloaded, nothing changes: {reason}",
    "closed": "closed {peer}: {reply}: {reason}",
}
