"""A target that takes mail of one address: what it gets."""

from gatepost.model.address import parse_address
from gatepost.model.body import WINDOW, BytesBody, Traits
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.reply import Reply
from gatepost.model.route import SendAs
from gatepost.relay.transport.sender_rewriting import RewrittenMessage, rewrite_sender

APP = parse_address("app@contoso.com")
ANN = Recipient(parse_address("ann@contoso.com"))
HVE = SendAs("news@contoso.com")
MANAGED = SendAs("news@contoso.com", ("*.azurecomm.net",))
CONTENT = b"From: App <app@contoso.com>\r\nTo: ann@contoso.com\r\n\r\nHello\r\n\r\nFrom: x\r\n"


def rewritten(
    content: bytes, send_as: SendAs = HVE, sender: str = "app@contoso.com"
) -> RewrittenMessage:
    envelope = Envelope(parse_address(sender) if sender else None, (ANN,))
    message = rewrite_sender(envelope, BytesBody(content), send_as)
    assert isinstance(message, RewrittenMessage)
    assert message.body.size == len(content_of(message))
    return message


def content_of(message: RewrittenMessage) -> bytes:
    return b"".join(message.body.chunks())


def test_sender_and_author_are_replaced_and_the_text_stays() -> None:
    message = rewritten(CONTENT)
    assert str(message.envelope.sender) == "news@contoso.com"
    assert message.envelope.recipients == (ANN,)
    assert content_of(message) == (
        b"From: App <news@contoso.com>\r\nReply-To: App <app@contoso.com>\r\n"
        b"To: ann@contoso.com\r\n\r\nHello\r\n\r\nFrom: x\r\n"
    )


def test_a_bounce_gets_the_sender_too() -> None:
    assert str(rewritten(CONTENT, sender="").envelope.sender) == "news@contoso.com"


def test_a_content_without_a_header_gets_one() -> None:
    message = rewritten(b"\r\nFrom: inside the text\r\n")
    assert content_of(message) == b"From: <news@contoso.com>\r\n\r\nFrom: inside the text\r\n"


def test_only_some_senders_are_replaced() -> None:
    assert content_of(rewritten(CONTENT, MANAGED)) == CONTENT
    assert rewritten(CONTENT, MANAGED).envelope.sender == APP
    managed = CONTENT.replace(b"app@contoso.com", b"DoNotReply@1-2-3.azurecomm.net")
    message = rewritten(managed, MANAGED, "donotreply@1-2-3.azurecomm.net")
    assert str(message.envelope.sender) == "news@contoso.com"
    assert b"From: App <news@contoso.com>\r\n" in content_of(message)


def test_a_large_content_is_passed_on_in_chunks() -> None:
    content = CONTENT + b"x" * 3 * WINDOW
    message = rewritten(content)
    assert content_of(message).endswith(CONTENT.partition(b"\r\n\r\n")[2] + b"x" * 3 * WINDOW)
    assert max(map(len, message.body.chunks())) <= WINDOW


def test_a_header_without_an_end_is_refused() -> None:
    envelope = Envelope(APP, (ANN,))
    message = rewrite_sender(envelope, BytesBody(b"X: y\r\n" * 400_000), HVE)
    assert isinstance(message, Reply)
    assert message.code == 554


def test_what_was_learned_of_the_content_still_holds() -> None:
    body = BytesBody(CONTENT, Traits(4711, is_seven_bit=True, is_undotted=True))
    message = rewrite_sender(Envelope(APP, (ANN,)), body, HVE)
    assert isinstance(message, RewrittenMessage)
    assert message.body.traits == Traits(None, is_seven_bit=True, is_undotted=True)  # type: ignore[attr-defined]
