"""The request with which a message is handed to a provider's HTTP API. Pure.

Who receives the message is decided by the envelope; Bcc fields are removed from the header.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatepost.errors import LocalProtocolError
from gatepost.mime.eight_bit import NotEncodable, SevenBit
from gatepost.model.body import BytesBody
from gatepost.model.capabilities import Capabilities
from gatepost.model.envelope import Envelope
from gatepost.model.http_provider import HttpProvider, RequestBody, strings_in
from gatepost.model.route import HttpApiTarget
from gatepost.net.http_client import HttpRequest
from gatepost.relay.transport.header_recipients import without_blind_copies
from gatepost.relay.transport.http_api import SENDING

_RECIPIENT: Final = "{recipient}"
_RECIPIENTS: Final = "{recipients}"
_MESSAGE: Final = "{message}"
DELIVERY: Final = "{delivery}"


def capabilities_of(target: HttpApiTarget) -> Capabilities:
    """Return what a message may need there, in the terms of SMTP's extensions."""
    keywords: dict[str, tuple[str, ...]] = {}
    if not target.provider.body.is_seven_bit:
        keywords["8BITMIME"] = ()
    if target.message_size is not None:
        keywords["SIZE"] = (str(target.message_size),)
    return Capabilities(keywords=keywords)


def sent_content(content: bytes, body: RequestBody) -> bytes:
    """Return the content of a message as it is handed over.

    Raises LocalProtocolError if it cannot be written as the API wants it.
    """
    end = content.find(b"\r\n\r\n") + 2
    head = content[:end] if end > 1 else b""
    sent = without_blind_copies(head)
    if sent != head:
        content = sent + content[end:]
    return _as_text(content) if body.message == "text" else content


def filled_in(text: str, target: HttpApiTarget) -> str:
    """Return a text of the provider's file with the target's placeholders replaced."""
    return _replaced(text, {f"{{{name}}}": value for name, value in target.settings})


def request_for(
    target: HttpApiTarget,
    envelope: Envelope,
    content: bytes,
    idempotency_key: str,
    mark: str = "",
) -> HttpRequest:
    """Return the request for a message to the recipients of ``envelope``, still without a proof.

    ``mark`` is what the provider's events repeat; empty: nothing.

    Raises LocalProtocolError if the message cannot be written as the API wants it.
    """
    provider = target.provider
    values: dict[str, Any] = {
        **{f"{{{name}}}": value for name, value in target.settings},
        "{sender}": "" if envelope.sender is None else str(envelope.sender),
        DELIVERY: mark,
        _RECIPIENTS: [str(each.address) for each in envelope.recipients],
    }
    body = provider.body
    if body.kind == "form":
        content_type, octets = _form(body, values, content)
    else:
        content_type, octets = "application/json", _json(body, values, content)
    headers = {"content-type": content_type, **_idempotency(provider, idempotency_key)}
    return HttpRequest("POST", target.endpoint, headers, octets, SENDING, may_break_off=True)


def _idempotency(provider: HttpProvider, key: str) -> Mapping[str, str]:
    return {provider.idempotency_header: key} if provider.idempotency_header else {}


def _json(body: RequestBody, values: Mapping[str, Any], content: bytes) -> bytes:
    """Return the members with the message in them, which may be large, so that it is copied once
    only."""
    mark = hashlib.sha256(content).hexdigest()  # which is nowhere else
    filled = _filled(body.members, {**values, _MESSAGE: mark})
    rest = json.dumps(filled, ensure_ascii=False, separators=(",", ":")).encode()
    written = _written(body, content)
    if body.message == "text":
        written = json.dumps(written.decode(), ensure_ascii=False)[1:-1].encode()
    return rest.replace(mark.encode(), written)


def _written(body: RequestBody, content: bytes) -> bytes:
    """Return the message in Base64, or as text in UTF-8."""
    return base64.b64encode(content) if body.message == "base64" else _as_text(content)


def _as_text(content: bytes) -> bytes:
    """Return the message in UTF-8; one in another charset is encoded. Raises LocalProtocolError."""
    if _is_utf8(content):
        return content
    try:
        return b"".join(SevenBit(BytesBody(content)).chunks())
    except NotEncodable as error:
        problem = f"the content is not UTF-8 and cannot be encoded: {error}"
        raise LocalProtocolError(problem).at("content") from error


def _is_utf8(content: bytes) -> bool:
    """Tell whether a content is UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a member with its placeholders replaced; members that are then empty are left out."""
    if isinstance(value, str):
        return values[value] if value in values else _replaced(value, values)
    if isinstance(value, Mapping):
        members = {name: _filled(each, values) for name, each in value.items()}
        return {
            name: each
            for name, each in members.items()
            if each not in ("", {}) or value[name] == each
        }
    if isinstance(value, list):
        if len(value) == 1 and any(_RECIPIENT in each for each in strings_in(value)):
            people: Sequence[str] = values[_RECIPIENTS]
            return [_filled(value[0], {**values, _RECIPIENT: each}) for each in people]
        return [_filled(each, values) for each in value]
    return value


def _replaced(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with the placeholders in it replaced; what replaces one is not read again."""
    if "{" not in text:
        return text
    before, after = "", text
    while "{" in after:
        plain, brace, rest = after.partition("{")
        name, end, behind = rest.partition("}")
        replacement = values.get(f"{{{name}}}") if end else None
        if isinstance(replacement, str):
            before, after = before + plain + replacement, behind
        else:
            before, after = before + plain + brace, rest
    return before + after


def _form(body: RequestBody, values: Mapping[str, Any], content: bytes) -> tuple[str, bytes]:
    """Return a form as multipart/form-data (RFC 7578): its content type and its octets."""
    boundary = hashlib.sha256(content).hexdigest()  # no content has its own digest in it
    parts: list[bytes] = []
    for name, template in body.members.items():
        disposition = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"'
        if template == _MESSAGE and body.message == "file":
            kind = '; filename="message.eml"\r\ncontent-type: message/rfc822\r\n\r\n'
            parts.append(f"{disposition}{kind}".encode() + content + b"\r\n")
            continue
        if template == _MESSAGE:
            texts = [_written(body, content).decode()]
        elif template == _RECIPIENTS:
            texts = values[_RECIPIENTS]
        else:
            texts = [_replaced(str(template), values)]
        parts += [f"{disposition}\r\n\r\n{each}\r\n".encode() for each in texts if each]
    closing = f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, closing])
