"""MAIL and RCPT."""

from collections.abc import Callable
from typing import Final

from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding
from gatepost.model.reply import Reply

_SIGN_IN: Final = 530
"""RFC 4954 6."""


def unwanted_auth_attempt(seen: Evidence) -> Finding | None:
    """No AUTH is offered, and none is needed: the recipient is taken without it."""
    taken = [each for each in seen.rcpt.value or () if each.reply.is_success]
    if not seen.client.signs_in or seen.offered or not taken or seen.signed_in:
        return None
    return Finding(
        "unwanted_auth_attempt",
        "certain",
        "The server offers no sign-in and needs none from here.",
        (
            "EHLO lists no AUTH, neither before nor after TLS",
            f"RCPT TO:<{taken[0].argument}> without AUTH was answered {taken[0].reply}",
        ),
        "rcpt",
        "Leave user name and password out of the client's settings.",
        explains=("auth",),
    )


def auth_not_performed(seen: Evidence) -> Finding | None:
    """Nobody signed in, the server lets one, and mail is refused by policy."""
    if seen.source == "log" or seen.client.signs_in or not seen.offered:
        return None
    mail = seen.mail.value
    commands = (*((("MAIL FROM", mail),) if mail else ()),
                *(("RCPT TO", each) for each in seen.rcpt.value or ()))  # fmt: skip
    for verb, each in commands:
        by_policy = each.reply.code == _SIGN_IN or str(each.reply.status).startswith("5.7.")
        by_policy = by_policy or _says_no_relaying(seen, each.reply)
        if each.reply.is_permanent and by_policy and not each.authenticated:
            return Finding(
                "auth_not_performed",
                "possible",
                "The server takes mail from those who have signed in, and nobody has.",
                (
                    f"{verb}:<{each.argument}> without a sign-in was answered {each.reply}",
                    f"EHLO offers AUTH {' '.join(seen.offered)}",
                ),
                "mail",
                "Switch authentication on in the client, and give it user name and password.",
                explains=("rcpt",),
                next_probe="the same with --username and --password-file",
            )
    return None


def _says_no_relaying(seen: Evidence, reply: Reply) -> bool:
    """OpenSMTPD calls a recipient invalid that no rule of its lets through."""
    greeting = seen.greeting.value
    opensmtpd = greeting and greeting.reply and "opensmtpd" in greeting.reply.text.lower()
    return bool(opensmtpd) and reply.code == 550 and "invalid recipient" in reply.text.lower()


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = (
    unwanted_auth_attempt, auth_not_performed,
)  # fmt: skip
