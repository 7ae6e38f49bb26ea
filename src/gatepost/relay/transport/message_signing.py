"""Puts DKIM signatures on messages in the form in which they are sent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gatepost.dkim.canonical_form import Form
from gatepost.dkim.signatures import NotSignable, Signing, author_domain, is_aligned, sign
from gatepost.dkim.signing_keys import SigningKey
from gatepost.mime.rewritten_author import HeaderField, split_header
from gatepost.model.body import Body, BytesBody, is_made_on_the_way, traits_of
from gatepost.relay.transport.api_attempt import aside
from gatepost.relay.transport.message_fitting import MAX_HEADER, Traced, read_header
from gatepost.relay.transport.published_keys import PublishedKeys

AT_ONCE: Final = 65_536
"""Octets of content up to which it is read and hashed at once, unless each chunk must be made."""
_CRLF: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class SignatureTerms:
    """How all signatures of a relay are made."""

    now: Callable[[], datetime]
    header: Form = "relaxed"
    body: Form = "relaxed"
    lifetime: int | None = None
    """Seconds after which a signature expires; None: it does not."""


class MessageSigner:
    """Signs the messages of one target."""

    def __init__(
        self, keys: Sequence[SigningKey], published: PublishedKeys, terms: SignatureTerms
    ) -> None:
        """``keys`` of the same domain and algorithm replace each other: the last one signs whose
        record is published."""
        self.keys, self._published, self._terms = tuple(keys), published, terms

    async def sign(self, body: Body) -> Body:
        """Return the message with a signature of each algorithm on top of it.

        Without a key for its author it is returned as it is. A large content is read once for the
        signatures, and again when it is sent; a small one only once.
        """
        if body.size <= AT_ONCE and not isinstance(body, BytesBody):
            content = await _aside(body, lambda: b"".join(body.chunks()))
            body = BytesBody(content, traits_of(body))
        header = await _aside(body, lambda: read_header(body))
        if len(header) > MAX_HEADER:
            return body
        whole = header if header.endswith(_CRLF) else header + _CRLF
        fields = list(split_header(whole))
        try:
            keys = await self._keys_for(author_domain(whole, fields))
            if not keys:
                return body
            rest = _after(body, len(header) + len(_CRLF))
            return Traced(await _aside(body, lambda: self._sign(fields, rest, keys)), body)
        except NotSignable:
            return body

    async def _keys_for(self, author: str) -> list[SigningKey]:
        aligned = [each for each in self.keys if is_aligned(each.domain, author)]
        nearest = max((len(each.domain) for each in aligned), default=0)
        chosen: dict[str, SigningKey] = {}
        for each in reversed(aligned):
            if len(each.domain) < nearest or each.algorithm in chosen:
                continue
            if await self._published.may_sign(each):
                chosen[each.algorithm] = each
        return list(chosen.values())

    def _sign(
        self, fields: Sequence[HeaderField], rest: Iterator[bytes], keys: Sequence[SigningKey]
    ) -> bytes:
        terms = self._terms
        signings = [Signing(each, terms.header, terms.body) for each in keys]
        return sign(fields, rest, signings, int(terms.now().timestamp()), terms.lifetime)


async def _aside(body: Body, work: Callable[[], bytes]) -> bytes:
    if body.size <= AT_ONCE and not is_made_on_the_way(body):
        return work()
    return await aside(body.size, work)


def _after(body: Body, left_out: int) -> Iterator[bytes]:
    """Yield a content without so many octets at its beginning."""
    for chunk in body.chunks():
        if left_out < len(chunk):
            yield chunk[left_out:] if left_out else chunk
        left_out = max(0, left_out - len(chunk))
