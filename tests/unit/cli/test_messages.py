"""``gatepost messages``: selections, and attachments as files."""

import asyncio
import json
import stat
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.attachments import LONGEST, names_of, safe_name
from gatepost.mime.readable_contents import Attachment
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.store.sqlite import open_store
from tests.commands import gatepost


def letter(subject: str, *names: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content("text")
    message.add_alternative("<b>html</b>", subtype="html")
    for name in names:
        message.add_attachment(name.encode(), "application", "pdf", filename=name)
    return message.as_bytes()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def fill() -> None:
        store = open_store(tmp_path / "data")
        try:
            for id_, sender, to, account, names in (
                ("1-1", "ann@example.org", "bob@example.net", "scanner", ()),
                ("1-2", "", "carol@example.net", "printer", ("a.pdf", "../../b.pdf", "A.pdf")),
            ):
                envelope = Envelope(
                    parse_address(sender) if sender else None, (Recipient(parse_address(to)),)
                )
                body = BytesBody(letter(f"Hello {id_}", *names))
                await store.put(Submission(
                    id_, envelope, body, b"", datetime.now(UTC), account, f"Hello {id_}"
                ))  # fmt: skip
        finally:
            store.close()

    (tmp_path / "data").mkdir(0o700)
    asyncio.run(fill())
    return tmp_path / "data"


def ask(data: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert gatepost("messages", *arguments, "--data", str(data), "--json") == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), ["1-2", "1-1"]),
        (("--from", "Ann@example.org"), ["1-1"]),
        (("--from", "<>"), ["1-2"]),
        (("--to", "carol@example.net"), ["1-2"]),
        (("--subject", "1$"), ["1-1"]),
        (("--account", "printer"), ["1-2"]),
        (("--account", "printer", "--from", "ann@example.org"), []),
    ],
)
def test_filters(
    filters: tuple[str, ...], expected: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ask(data, capsys, "list", *filters)["messages"]
    assert [each["id"] for each in found] == expected
    assert ask(data, capsys, "count", *filters) == {"count": len(expected)}
    code = 0 if expected else 1
    first = ask(data, capsys, "wait", *filters, "--timeout", "0", code=code)
    assert first.get("id") == (expected[0] if expected else None)


def test_a_bad_expression_is_wrong_usage(data: Path) -> None:
    for command in ("list", "count", "wait"):
        assert gatepost("messages", command, "--subject", "(", "--data", str(data)) == 64


def test_wait_shows_the_whole_message(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waited = ask(data, capsys, "wait", "--account", "printer")
    assert waited == ask(data, capsys, "show", "1-2")
    assert (waited["text"], waited["html"]) == ("text\n", "<b>html</b>\n")
    assert len(waited["attachments"]) == 3


def test_attachments_become_files(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "new" / "here"
    told = ask(data, capsys, "save-attachments", "last", "--to", str(directory))
    assert told["id"] == "1-2"
    assert [each["filename"] for each in told["saved"]] == ["a.pdf", "../../b.pdf", "A.pdf"]
    paths = [Path(each["path"]) for each in told["saved"]]
    assert [each.name for each in paths] == ["a.pdf", "b.pdf", "A-2.pdf"]
    assert [each.read_text() for each in paths] == ["a.pdf", "../../b.pdf", "A.pdf"]
    assert sorted(directory.iterdir()) == sorted(paths)
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in paths)


def test_no_file_is_replaced_without_force(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory, other = tmp_path / "here", tmp_path / "other"
    directory.mkdir()
    other.write_text("mine")
    (directory / "b.pdf").symlink_to(other)
    save = ("messages", "save-attachments", "1-2", "--data", str(data), "--to", str(directory))
    assert gatepost(*save) == 1
    assert "already exists" in capsys.readouterr().err
    assert [each.name for each in directory.iterdir()] == ["b.pdf"]
    assert gatepost(*save, "--force") == 0
    assert other.read_text() == "mine"
    assert (directory / "b.pdf").read_text() == "../../b.pdf"
    assert gatepost("messages", "save-attachments", "1-1", "--data", str(data)) == 0
    assert capsys.readouterr().out.endswith("no attachments\n")
    assert gatepost("messages", "save-attachments", "1-9", "--data", str(data)) == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"), ("../../etc/passwd", "passwd"), ("C:\\x\\y.exe", "y.exe"),
        ("/", ""), ("..", ""), (".", ""), ("", ""), (" . . ", ""), (".bashrc", "bashrc"),
        ("a\x00b\nc\u202egpj.exe", "a_b_c_gpj.exe"), ("-rf", "_-rf"), ("~root", "_~root"),
        ("con.txt", "_con.txt"), ("NUL", "_NUL"), ('a<b>:"|?*', "a_b______"), ("x. ", "x"),
        ("grüße 你好.pdf", "grüße 你好.pdf"), ("e\u0301.txt", "\u00e9.txt"),
    ],
)  # fmt: skip
def test_names_are_made_safe(given: str, name: str) -> None:
    assert safe_name(given) == name


def test_long_names_keep_their_suffix() -> None:
    name = safe_name("ü" * 500 + ".pdf")
    assert name.endswith("ü.pdf")
    assert len(name.encode()) <= LONGEST
    assert len(safe_name("." + "x" * 500).encode()) <= LONGEST


def test_names_are_unique_and_invented_if_necessary() -> None:
    def of(*names: str, kind: str = "application/pdf") -> list[str]:
        return list(names_of([Attachment(each, kind, "", 0) for each in names]))

    assert of("", "") == ["attachment-1.pdf", "attachment-2.pdf"]
    assert of("", kind="message/rfc822") == ["attachment-1.eml"]
    assert of("", kind="application/octet-stream") == ["attachment-1"]
    assert of("a", "A", "a-2", "a") == ["a", "A-2", "a-2-2", "a-3"]
    assert len(set(of(*["x.pdf"] * 20_000))) == 20_000
