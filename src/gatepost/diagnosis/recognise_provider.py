"""Recognises providers and servers in texts: by hosts, greetings and words.

How a provider behaves is in its profile. This table also has providers without a profile, and the
words that people use for a host, such as "Office 365".
"""

import re
from collections.abc import Iterator
from typing import Final

# fmt: off
_NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("acs",           r"azurecomm\.net|\bacs\b|azure communication"),
    ("direct_send",   r"mail\.protection\.outlook\.com"),
    ("microsoft365",  (r"(?<!protection\.)(?:office365\.com|smtp-mail\.outlook\.com|"
                       r"prod\.outlook\.com|(?<![\w.])outlook\.com)|office ?365|\bo365\b|"
                       r"\bm365\b|microsoft 365|exchange online")),
    ("exchange",      (r"exchange (?:on.?prem|server|20\d\d)|microsoft esmtp mail service|x-exps|"
                      r"on.?prem\w{0,8} exchange")),
    ("gmail_relay",   r"smtp-relay\.gmail\.com|smtp relay service|workspace relay"),
    ("google_mx",     r"aspmx\.l\.google\.com|\bmx\.google\.com"),
    ("gmail",         (r"smtp\.(?:gmail|googlemail)\.com|\bgsmtp\b|(?<!relay\.)\bgmail\b|"
                      r"support\.google\.com/mail|google workspace")),
    ("ses",           r"email-smtp\.|\bses\b|amazonses|amazon simple email"),
    ("sendgrid",      r"sendgrid"),
    ("mailgun",       r"mailgun"),
    ("postmark",      r"postmark"),
    ("brevo",         r"brevo|sendinblue"),
    ("mailjet",       r"mailjet"),
    ("zoho",          r"\bzoho|zohomail"),
    ("yandex",        r"yandex"),
    ("qq",            r"\bqq\.com|exmail|service\.mail\.qq"),
    ("netease",       r"\b(?:163|126)\.com|\byeah\.net|netease"),
    ("yahoo",         r"yahoo|#auth00\d|\baol\.com"),
    ("icloud",        r"icloud|mail\.me\.com"),
    ("proton",        r"proton"),
    ("ovh",           r"\bovh\b"),
    ("ionos",         r"ionos|1and1|1und1|perfora|kundenserver"),
    ("strato",        r"strato"),
    ("naver",         r"naver"),
    ("posteo",        r"posteo"),
    ("smtp2go",       r"smtp2go"),
    ("resend",        r"\bresend(?:\.com)?\b"),
    ("mailersend",    r"mailersend"),
    ("mailtrap",      r"mailtrap"),
    ("mail_ru",       r"\bmail\.ru\b|\bbk\.ru|inbox\.ru"),
    ("gmx",           r"\bgmx\b|web\.de"),
)
# fmt: on
OWN_PASSWORD_REFUSED: Final = frozenset(
    {"gmail", "yahoo", "icloud", "qq", "netease", "mail_ru", "yandex"}
)
"""Providers that accept no account password from applications, only an application password."""
DOMAINS: Final = {
    "acs": "azurecomm.net", "microsoft365": "outlook.com office365.com", "gmail": "google.com "
    "gmail.com googlemail.com", "ses": "amazonaws.com", "sendgrid": "sendgrid.net sendgrid.com",
    "mailgun": "mailgun.org mailgun.com", "yahoo": "yahoo.com", "zoho": "zoho.com zoho.eu",
    "brevo": "brevo.com sendinblue.com", "mailjet": "mailjet.com", "icloud": "me.com apple.com",
}  # fmt: skip
"""The domains in the providers' own certificates."""


def providers_in(text: str) -> Iterator[str]:
    """Yield the names of the providers that ``text`` is about, the most certain first."""
    low = text.lower()
    for name, words in _NAMES:
        if re.search(words, low):
            yield name


def providers_of(profile: str) -> frozenset[str]:
    """Return the providers that a profile stands for: gmail_relay for ``gmail-relay``."""
    key = profile.replace("-", "_")
    return frozenset({key}) if key in _NAMED_PROVIDERS else frozenset(providers_in(profile))


_NAMED_PROVIDERS: Final = frozenset(name for name, _ in _NAMES)
