"""All formats, and the choice of a log's format."""

from typing import Final

from gatepost.doctor.logs import (
    aiosmtplib,
    curl,
    django,
    exim,
    go_mail,
    go_net_smtp,
    javamail,
    lettre,
    mailkit,
    marked,
    msmtp,
    nodemailer,
    opensmtpd,
    perl_net_smtp,
    phpmailer,
    postfix,
    powershell,
    rainloop,
    ruby_net_smtp,
    s_client,
    smtplib,
    stalwart,
    swaks,
    symfony,
    system_net_mail,
    thunderbird,
)
from gatepost.doctor.logs.log_format import Format

_MODULES: Final = (
    rainloop, thunderbird, stalwart, opensmtpd,
    nodemailer, phpmailer, smtplib, go_mail, lettre, ruby_net_smtp, swaks, msmtp, postfix, exim,
    perl_net_smtp, mailkit, curl, symfony, javamail, system_net_mail, s_client,
    django, powershell, aiosmtplib, go_net_smtp, marked,
)  # fmt: skip
FORMATS: Final[tuple[Format, ...]] = tuple(module.FORMAT for module in _MODULES)
"""In the order in which they are tried: more specific ones first."""
BARE: Final = s_client.FORMAT


def format_of(lines: list[str]) -> Format:
    """Return the format of most lines of the dialogue; ``BARE`` if there is none."""
    low = "\n".join(lines).lower()
    tried = [
        each
        for each in FORMATS
        if (each.client or each.server) and (not each.hints or any(h in low for h in each.hints))
    ]
    return max(tried, key=lambda each: each.fits(lines), default=BARE)


def library_by_words(text: str) -> Format | None:
    """Return the format with the most exceptions or messages in ``text``; None for none."""
    low = text.lower()
    counts = {each.name: sum(word in low for word in each.errors) for each in FORMATS}
    best = max(FORMATS, key=lambda each: (counts[each.name], each.name in _WRAPPERS))
    above = next((each for each in FORMATS if counts[each.name] and _STANDS_ON.get(each.name)
                  == best.name), best)  # fmt: skip
    return above if counts[best.name] else None


_STANDS_ON: Final = {"aiosmtplib": "smtplib", "django": "smtplib"}
"""Libraries whose texts contain those of the library below them, so that these always match, too.
"""


_WRAPPERS: Final = frozenset({"django", "aiosmtplib", "powershell", "symfony"})
"""Libraries on top of another one; if both match equally, they are the ones in use."""
