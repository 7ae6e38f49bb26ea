"""A message from its parts."""

from pathlib import Path

import pytest

from gatepost.client.compose_message import Draft, compose
from gatepost.errors import LocalProtocolError

ANN, BOB = "Ann <ann@example.com>", "bob@example.net"


def test_text() -> None:
    message = compose(Draft(ANN, [BOB, "c@example.net"], subject="Grüße", text="Hallo\n"))
    assert (message["From"], message["To"]) == (ANN, "bob@example.net, c@example.net")
    assert (message["Subject"], message["Cc"]) == ("Grüße", None)
    assert message.get_content() == "Hallo\n"


def test_text_and_html_are_alternatives() -> None:
    message = compose(Draft(ANN, [BOB], text="plain", html="<p>rich</p>"))
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


def test_html_alone() -> None:
    assert compose(Draft(ANN, [BOB], html="<p>rich</p>")).get_content_type() == "text/html"


def test_attachments(tmp_path: Path) -> None:
    picture, unknown = tmp_path / "a.png", tmp_path / "notes.zzz"
    picture.write_bytes(b"\x89PNG")
    unknown.write_bytes(bytes(range(256)))
    message = compose(Draft(ANN, [BOB], text="see", attachments=[picture, unknown]))
    attached = list(message.iter_attachments())
    assert [part.get_content_type() for part in attached] == [
        "image/png",
        "application/octet-stream",
    ]
    assert [part.get_filename() for part in attached] == ["a.png", "notes.zzz"]
    assert attached[1].get_content() == bytes(range(256))


@pytest.mark.parametrize(
    "draft",
    [
        Draft(ANN, [BOB], subject="hi\r\nBcc: x@example.net"),
        Draft("a@example.com\nX: y", [BOB]),
        Draft(ANN, ["b@example.net\0"]),
        Draft(ANN, ["b@example.net>"]),
        Draft("Ann <ann@example.com", [BOB]),
        Draft(ANN, ["b c@"]),
    ],
)
def test_invalid_header_fields_are_refused(draft: Draft) -> None:
    with pytest.raises(LocalProtocolError):
        compose(draft)
