"""The library that a client uses, by the user's words for it."""

import re
from dataclasses import replace
from typing import Final

from gatepost.diagnosis.remedies.find_remedies import library_called
from gatepost.model.evidence import Evidence

_NAMES: Final[tuple[tuple[str, str], ...]] = (
    # the first match counts: a library before its language
    ("aiosmtplib", r"aiosmtplib|fastapi"),
    ("django", r"django|sentry|netbox|paperless|healthchecks|authentik"),
    (
        "nodemailer",
        r"nodemailer|node\.?js|\bnode\b|strapi|ghost|n8n|uptime.?kuma|nextauth|directus",
    ),
    ("phpmailer", r"phpmailer|wordpress|moodle|joomla"),
    ("symfony", r"symfony|laravel|swift ?mailer|drupal|illuminate"),
    ("javamail", r"java ?mail|jakarta|angus|spring|jenkins|keycloak|sonarqube|\bjava\b|android"),
    ("mailkit", r"mailkit|mimekit|jellyfin|ombi|radarr|sonarr"),
    ("powershell", r"powershell|send-mailmessage"),
    ("system-net-mail", r"system\.net\.mail|smtpclient \(\.net\)|\.net framework"),
    ("ruby-net-smtp", r"ruby|rails|action ?mailer|net::smtp|mastodon|discourse|gitlab|redmine"),
    ("lettre", r"lettre|\brust\b|vaultwarden"),
    ("go-mail", r"wneessen|\bgo-mail\b(?!/mail)"),
    ("go-net-smtp", r"gomail|net/smtp|\bgo\b|golang|gitea|grafana|alertmanager|jordan-wright"),
    ("msmtp", r"msmtp"),
    ("swaks", r"swaks"),
    ("postfix", r"postfix"),
    ("exim", r"exim"),
    ("curl", r"\bcurl\b|libcurl|emayili"),
    ("python-smtplib", r"smtplib|python|flask|superset|airflow|odoo|frappe|home assistant"),
    ("mailkit", r"\.net\b|c#"),
)


def library_behind(product: str) -> str:
    """Return the library behind a program in the user's words, by its name in
    ``diagnosis.remedies``; empty if it is unknown."""
    if not product:
        return ""
    return next((name for name, words in _NAMES if re.search(words, product, re.IGNORECASE)), "")


def library_named(words: str) -> str:
    """Return the same for the name of a library, or of a program."""
    library = library_called(words)
    return library.name if library else library_behind(words)


def with_client(seen: Evidence, words: str) -> Evidence:
    """Return evidence about a client that the user names afterwards: for its fixes only."""
    if not words:
        return seen
    return replace(seen, client=replace(seen.client, product=library_named(words) or words))
