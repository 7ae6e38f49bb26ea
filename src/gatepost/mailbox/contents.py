"""What a mailbox derives from a message: addresses, texts, files, codes and links."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Final

from gatepost.mailbox.codes import OneTimeCode, find_codes
from gatepost.mailbox.html_text import HtmlText, read_html
from gatepost.mailbox.links import MessageLink, find_links
from gatepost.mailbox.mailpit_documents import (
    AddressDocument,
    AttachmentDocument,
    Checksums,
    CodeDocument,
    LinkDocument,
    ListUnsubscribe,
)
from gatepost.mailbox.tags import tags_of
from gatepost.mime.address_lists import read_addresses
from gatepost.mime.decoded_fields import decode_field, readable
from gatepost.mime.part_tree import Part
from gatepost.mime.readable_contents import Contents, is_attached, read_contents
from gatepost.model.message import StoredMessage

SNIPPET: Final = 250
"""Maximum characters of a snippet."""
_TEXTS: Final = ("text/plain", "text/html")


@dataclass(frozen=True)
class ReadMessage:
    """A message and the contents that are read of it, each when it is first needed."""

    message: StoredMessage
    content: bytes
    """The client's content, without trace fields."""

    @cached_property
    def fields(self) -> Mapping[str, Sequence[str]]:
        """The values of each field by its name in lower case, unfolded, not decoded."""
        values: dict[str, list[str]] = {}
        for name, value in self.contents.raw:
            values.setdefault(name.lower(), []).append(value.strip())
        return values

    def field(self, name: str) -> str:
        """Return the first value of a field, decoded; empty if it is missing."""
        return decode_field(self.fields.get(name, ("",))[0])

    def addresses(self, name: str) -> tuple[AddressDocument, ...]:
        """Return the addresses of all fields with this name."""
        if (known := self._addresses.get(name)) is None:
            known = self._addresses[name] = tuple(
                [
                    AddressDocument(each.name, each.address)
                    for value in self.fields.get(name, ())
                    for each in read_addresses(value)
                ]
            )
        return known

    @cached_property
    def _addresses(self) -> dict[str, tuple[AddressDocument, ...]]:
        return {}

    @cached_property
    def sender(self) -> AddressDocument:
        """The first address of From; empty without one."""
        return next(iter(self.addresses("from")), AddressDocument())

    @cached_property
    def bcc(self) -> tuple[AddressDocument, ...]:
        """Those of Bcc, and every recipient of the envelope that is in no field."""
        named = self.addresses("bcc")
        shown = {
            each.address.lower() for name in ("to", "cc", "bcc") for each in self.addresses(name)
        }
        hidden = [readable(each) for each in dict.fromkeys(self.message.rcpt_to)]
        return named + tuple(
            [AddressDocument("", each) for each in hidden if each.lower() not in shown]
        )

    @cached_property
    def message_id(self) -> str:
        """The Message-ID without angle brackets."""
        return self.field("message-id").strip().strip("<>")

    @cached_property
    def date(self) -> datetime:
        """The time of the Date field; without one, when it was received."""
        try:
            date = parsedate_to_datetime(self.field("date"))
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return self.message.received_at

    @cached_property
    def contents(self) -> Contents:
        """The parsed message."""
        return read_contents(self.content)

    @cached_property
    def text(self) -> str:
        """The first text of kind text/plain."""
        return self.contents.text or ""

    @cached_property
    def html(self) -> str:
        """The first text of kind text/html."""
        return self.contents.html or ""

    @cached_property
    def html_text(self) -> HtmlText:
        """What the HTML shows."""
        return read_html(self.html)

    @cached_property
    def files(self) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        """Inline parts and attachments with a name or a Content-ID."""
        inline, attached = list[Part](), list[Part]()
        texts = set(_TEXTS)
        for part in self.contents.root.leaves() if self.contents.root else ():
            if part.content_type in texts and not is_attached(part):
                texts.remove(part.content_type)
            elif part.filename or part.content_id:
                is_inline = part.disposition == "inline" or (
                    part.content_id and part.disposition != "attachment"
                )
                (inline if is_inline else attached).append(part)
        return tuple(inline), tuple(attached)

    @cached_property
    def codes(self) -> Sequence[OneTimeCode]:
        """Its one-time codes, best first."""
        return find_codes(self.field("subject"), self.text, self.html_text.text)

    @cached_property
    def links(self) -> Sequence[MessageLink]:
        """Its links."""
        return find_links(self.text, self.html_text.links)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags with which it arrives."""
        addresses = [
            each.address for name in ("from", "to", "cc") for each in self.addresses(name)
        ] + [each.address for each in self.bcc]
        return tags_of(",".join(map(decode_field, self.fields.get("x-tags", ()))), addresses)

    @cached_property
    def snippet(self) -> str:
        """The beginning of the text, or of what the HTML shows."""
        words = " ".join((self.text or self.html_text.text)[: SNIPPET * 8].split())
        return words if len(words) <= SNIPPET else f"{words[: SNIPPET - 3]}..."

    @property
    def list_unsubscribe(self) -> ListUnsubscribe:
        """How to leave the list from which it came."""
        header, post = self.field("list-unsubscribe"), self.field("list-unsubscribe-post")
        links = [each.strip(" <>\t") for each in header.split(",")] if header else []
        bad = [
            each
            for each in links
            if not each.lower().startswith(("http://", "https://", "mailto:"))
        ]
        return ListUnsubscribe(
            header,
            tuple([each for each in links if each not in bad]),
            f"not a link: {', '.join(bad)}" if bad else "",
            post,
        )

    def words(self) -> Iterator[str]:
        """Yield what a word of a search is compared with."""
        for name in ("from", "to", "cc", "reply-to"):
            yield from _words(self.addresses(name))
        yield from _words(self.bcc)
        yield self.field("subject")
        yield readable(self.message.mail_from)
        yield self.html_text.text if self.html else self.text
        inline, attached = self.files
        yield from (each.filename for each in (*inline, *attached))


def attachment_document(part: Part) -> AttachmentDocument:
    """Return what is shown of a file."""
    content = part.content
    return AttachmentDocument(
        part.id,
        part.filename,
        part.content_type,
        part.content_id,
        len(content),
        Checksums(
            hashlib.md5(content, usedforsecurity=False).hexdigest(),
            hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            hashlib.sha256(content).hexdigest(),
        ),
    )


def code_document(code: OneTimeCode) -> CodeDocument:
    """Return what is shown of a code."""
    return CodeDocument(code.value, code.where, round(code.score, 2), code.context)


def link_document(link: MessageLink) -> LinkDocument:
    """Return what is shown of a link."""
    return LinkDocument(link.url, link.text, link.where)


def header_document(raw: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the values of a header by name; only the first letter and those behind hyphens are
    capitals, as in Go's net/textproto."""
    values: dict[str, list[str]] = {}
    for name, value in raw:
        values.setdefault("-".join(each.capitalize() for each in name.split("-")), []).append(
            value.strip()
        )
    return values


def _words(mailboxes: Iterable[AddressDocument]) -> Iterator[str]:
    for each in mailboxes:
        yield f"{each.name} {each.address}"
