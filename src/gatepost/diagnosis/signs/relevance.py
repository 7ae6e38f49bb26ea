"""Tells whether a log is about mail; otherwise there is no finding, whatever words it has."""

import re
from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading

_MAIL: Final = re.compile(
    r"smtp|e-?mail|mail|starttls|\behlo\b|\bhelo\b|postfix|\bexim\d?\b|swaks|"
    r"\brelay|\brcpt\b|\brecipients?\b|\bsenders?\b|lettre|"
    r"(?::|\bport\W{1,3})(?:25|465|587|994|2465|2525|2587)\b"
)
_ELSE: Final = re.compile(
    r"\b(?:get|post|put|head|delete|patch|options) \S+ http/|httpsconnectionpool|"
    r"\b(?:request|fetch|upstream|url|url:|connecting) (?:to )?\W{0,2}https?://|"
    r"\bsshd?\b|\bimap|\bpop3|\bldaps?\b|postgres|psycopg|mysql|mariadb|\bredis\b|mongo|kafka|"
    r"rabbitmq|\bjdbc\b|\bnpm err|\bsqlstate|\bdatabase\b|websocket|\bdocker pull\b|"
    r"(?:(?<![\da-f][\da-f]):|\bport\W{1,3})"  # not part of a time or a fingerprint
    r"(?:22|80|110|143|389|443|636|993|995|3306|5432|6379|8080|8443|27017)\b(?!:)"
)
_TRACE: Final = re.compile(r"traceback \(most recent call last\)|\n[^\S\n]*at [\w.$<>/]+\(")
_NETWORK: Final = re.compile(
    r"ssl|tls|socket|time[d -]*out|connect|certificate|getaddrinfo|resolution|handshake|auth|"
    r"urllib|urlparse|\burls?\b|\bport\b"
)
_ERROR: Final = re.compile(
    r"err|fail|refus|denied|denies|exception|time[d -]*out|cannot|can't|could not|couldn't|unable|"
    r"invalid|reject|clos|eof|reset|not |\bno |unexpect|wrong|missing|disconnect|lost|expired|warn|"
    r"certificate|unencrypt|unsupport|too (?:long|large|many|big|short|old)|"
    r"\b[45]\d\d\b|panic|fatal|hang|blocked|must|require|[^\x00-\x7f]"
)


def is_about_mail(reading: Reading) -> bool:
    """Tell whether something in the log is about mail, or nothing is about anything else.

    An error of a TLS library is about neither; whoever pastes it here means mail.
    """
    seen = reading.seen
    if seen.transcript or seen.client.product or seen.server_name or reading.providers:
        return True
    if any(each.reply.status is not None for each in seen.strays):
        return True
    text = reading.text
    if _MAIL.search(f"{text}\n{reading.host}") is not None:
        return True
    if _ELSE.search(text) or (_TRACE.search(text) and not _NETWORK.search(text)):
        return False
    return _ERROR.search(text) is not None


def is_delivered(reading: Reading) -> bool:
    """Tell whether the message was accepted, and nothing was refused."""
    content = reading.seen.content.value
    return content is not None and content.is_success and not reading.refusals


def has_ended_well(reading: Reading) -> bool:
    """Tell whether a login was accepted last, and nothing looks like a failure."""
    seen = reading.seen
    if not seen.is_signed_in or reading.refusals or find_failure(reading):
        return False
    return bool(seen.transcript) and seen.transcript[-1].speaker == "S"


def find_failure(reading: Reading) -> str:
    """Return the last statement that looks like a failure, as a proof; empty if none does."""
    failing = (
        each for each in reversed(reading.statements)
        if _ERROR.search(each.text) and not each.text.startswith("* closing")  # curl says so always
    )  # fmt: skip
    return next((each.quotation for each in failing), "")
