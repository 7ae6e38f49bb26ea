"""Mailpit's API and pages of messages over the mailbox, for its clients as they are.

Paths, fields and quirks are those of Mailpit v1.30.5; what is added is ignored by its clients.
"""

from gatepost.rest.mailbox.endpoints import MAILBOX_PREFIXES, mailbox_face
from gatepost.rest.mailbox.site import MailboxSite

__all__ = ["MAILBOX_PREFIXES", "MailboxSite", "mailbox_face"]
