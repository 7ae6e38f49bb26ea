"""Signs a message: one DKIM-Signature field for each key.

The fields that are signed are those that a reader sees or relies on (RFC 6376 5.4.1, RFC 8058 4).
Most are signed once more than they occur, so that nobody can add another one unnoticed (RFC 6376
5.4, 8.15).
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gatepost.dkim.canonical_form import BodyHash, Form, relax_field
from gatepost.dkim.signing_keys import SigningKey
from gatepost.mime.from_fields import from_fields
from gatepost.mime.rewritten_author import HeaderField
from gatepost.model.idn import fold_domain

MOST_FIELDS: Final = 200
"""Maximum number of fields that a signature names; other messages are not signed."""
_ALWAYS: Final = (
    b"from", b"to", b"cc", b"subject", b"reply-to",
    b"mime-version", b"content-type", b"content-transfer-encoding",
)  # fmt: skip
"""Signed once more than they occur, also if they do not."""
_IF_PRESENT: Final = (b"date", b"message-id", b"sender", b"in-reply-to", b"references")
"""Signed once more than they occur if they do: servers add some of them."""
_AS_THEY_ARE: Final = (
    b"resent-date", b"resent-from", b"resent-sender", b"resent-to", b"resent-cc",
    b"resent-message-id", b"list-id", b"list-help", b"list-unsubscribe",
    b"list-unsubscribe-post", b"list-subscribe", b"list-post", b"list-owner", b"list-archive",
)  # fmt: skip
"""Signed as often as they occur: lists and others who send again add their own."""
_LINE: Final = 76
"""Octets of a line of the field at most, where it can be folded."""


@dataclass(frozen=True, slots=True)
class Signing:
    """How one signature is made."""

    key: SigningKey
    header: Form = "relaxed"
    body: Form = "relaxed"


class NotSignable(ValueError):
    """The message cannot be signed; the text says why."""


def author_domain(header: bytes, fields: Sequence[HeaderField]) -> str:
    """Return the one domain of the authors in From, as A-labels in lower case.

    ``header`` is without the empty line after it, ``fields`` are those in it. Raises NotSignable if
    there is no such domain, or two readers may find different ones.
    """
    if header.startswith(b"\r\n"):
        raise NotSignable("there is no header")
    try:
        from_fields(header)
    except ValueError as error:
        raise NotSignable(str(error)) from None
    authors = [each for each in fields if each.name == b"from"]
    if len(authors) != 1:
        raise NotSignable(f"{len(authors) or 'no'} From fields")
    domains = {fold_domain(each.domain) for each in authors[0].mailboxes}
    if len(domains) != 1:
        raise NotSignable("From has authors of several domains, or is invalid")
    return domains.pop()


def is_aligned(domain: str, author: str) -> bool:
    """Tell whether a key of ``domain`` signs for the domain of an author: it is that, or one above
    it (RFC 7489 3.1.1, relaxed)."""
    return author == domain or author.endswith(f".{domain}")


def sign(
    fields: Sequence[HeaderField],
    body: Iterable[bytes],
    signings: Sequence[Signing],
    moment: int,
    lifetime: int | None = None,
) -> bytes:
    """Return the signature fields of a message, with their line ends; they go on top of it.

    ``fields`` are those of its header, ``body`` what follows the empty line. ``moment`` is the
    time of signing in seconds of the Unix epoch, ``lifetime`` the seconds after which the
    signatures expire. Raises NotSignable.
    """
    names = signed_names(fields)
    hashes = {each.body: BodyHash(each.body) for each in signings}
    for chunk in body:
        for each in hashes.values():
            each.add(chunk)
    digests = {form: base64.b64encode(each.digest()) for form, each in hashes.items()}
    covered = {
        form: signed_header(fields, names, form) for form in {each.header for each in signings}
    }
    return b"".join(
        [
            _signature(each, names, digests[each.body], covered[each.header], (moment, lifetime))
            for each in signings
        ]
    )


def signed_names(fields: Sequence[HeaderField]) -> tuple[bytes, ...]:
    """Return the names that a signature covers, in the order of the tag ``h``.

    Raises NotSignable if there are too many.
    """
    count = Counter([each.name for each in fields])
    names: list[bytes] = []
    for name in _ALWAYS:
        names += [name] * (count[name] + 1)
    for name in _IF_PRESENT:
        if name in count:
            names += [name] * (count[name] + 1)
    for name in _AS_THEY_ARE:
        if name in count:
            names += [name] * count[name]
    if len(names) > MOST_FIELDS:
        raise NotSignable(f"more than {MOST_FIELDS} fields to sign")
    return tuple(names)


def signed_header(fields: Sequence[HeaderField], names: Sequence[bytes], form: Form) -> bytes:
    """Return the fields with these names in a form, the last of each name first (RFC 6376 5.4.2).

    A name without another field stands for nothing.
    """
    left: dict[bytes, list[HeaderField]] = {}
    for each in fields:
        left.setdefault(each.name, []).append(each)
    found = [left[name].pop() for name in names if left.get(name)]
    if form == "simple":
        return b"".join([each.octets for each in found])
    return b"".join([relax_field(each.name, each.value) + b"\r\n" for each in found])


def signature_digest(covered: bytes, field: bytes, form: Form) -> bytes:
    """Return the SHA-256 that is signed (RFC 6376 3.7): of the header, and of the signature field
    itself, whose tag ``b`` is empty and the last one, without its line end."""
    if form == "relaxed":
        name, _, value = field.partition(b":")
        field = relax_field(name.lower(), value)
    return hashlib.sha256(covered + field).digest()


def _signature(
    signing: Signing,
    names: tuple[bytes, ...],
    digest: bytes,
    covered: bytes,
    times: tuple[int, int | None],
) -> bytes:
    key, (moment, lifetime) = signing.key, times
    expires = "" if lifetime is None else f" x={moment + lifetime};"
    field = (
        f"DKIM-Signature: v=1; a={key.algorithm}-sha256; c={signing.header}/{signing.body};\r\n"
        f" d={key.domain};\r\n s={key.selector}; t={moment};{expires}\r\n"
    ).encode()
    field += _fold_names(names) + b";\r\n bh=" + digest + b";\r\n b="
    signature = base64.b64encode(key.sign(signature_digest(covered, field, signing.header)))
    return field + _fold_signature(signature) + b"\r\n"


@lru_cache(maxsize=64)
def _fold_names(names: tuple[bytes, ...]) -> bytes:
    lines, line = [], b" h="
    for place, name in enumerate(names):
        word = name if place == len(names) - 1 else name + b":"
        if len(line) + len(word) > _LINE:
            lines.append(line)
            line = b"  "
        line += word
    return b"\r\n".join([*lines, line])


def _fold_signature(signature: bytes) -> bytes:
    step = _LINE - len(b" b=")
    parts = [signature[start : start + step] for start in range(0, len(signature), step)]
    return b"\r\n  ".join(parts)
