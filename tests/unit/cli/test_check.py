"""``gatepost check``: its output and exit codes."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gatepost.cli.check import check
from gatepost.cli.output import FAILED, OK

GOOD = """\
[[listener]]
unix = "/run/smtp"
[target.here]
kind = "capture"
[[route]]
to = "here"
"""


def run(tmp_path: Path, text: str, *options: str) -> tuple[int, str, str]:
    path = tmp_path / "g.toml"
    path.write_text(text)
    result = CliRunner().invoke(
        check, ["--config", str(path), *options], standalone_mode=False, catch_exceptions=False
    )
    return result.return_value, result.stdout, result.stderr


def test_every_value_is_a_line(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, GOOD)
    assert (code, err) == (OK, "")
    [line] = [each for each in out.splitlines() if each.startswith("listener[0].unix")]
    text, origin = line.split("# ")
    assert text.strip() == 'listener[0].unix = "/run/smtp"'
    assert origin == f"{tmp_path}/g.toml:2"


def test_every_mistake_is_a_line(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, GOOD.replace("capture", "captur") + "x = 1\n")
    assert (code, out) == (FAILED, "")
    first, second, last = err.splitlines()
    assert first.startswith(f"{tmp_path}/g.toml:4: target.here.kind must be ")
    assert first.endswith("not 'captur' (did you mean capture?)")
    assert second == f"{tmp_path}/g.toml:7: unknown key route[0].x"
    assert last == f"2 mistakes in {tmp_path}/g.toml."


def test_a_store_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    text = f"[storage]\ndirectory = '{tmp_path}/data'\n{GOOD}"
    assert run(tmp_path, text)[2] == ""
    (tmp_path / "data/segments").mkdir(parents=True)
    (tmp_path / "data/segments/00000001").touch()
    code, _, err = run(tmp_path, text)
    assert code == OK
    assert err.startswith("Warning: storage.directory: store.db is missing from ")
    [warning] = json.loads(run(tmp_path, text, "--json")[1])["warnings"]
    assert warning["message"].endswith(
        "content files that are left: 1; a new store will be created"
    )


@pytest.mark.parametrize(("text", "valid"), [(GOOD, True), ("a = ", False), ("", False)])
def test_json_is_one_document(tmp_path: Path, text: str, valid: bool) -> None:
    code, out, err = run(tmp_path, text, "--json")
    document = json.loads(out)
    assert (code, err) == (OK if valid else FAILED, "")
    assert document["valid"] is valid
    assert bool(document["problems"]) is not valid
    assert bool(document["values"]) is valid


UNITS = """\
[limits]
idle = 90
message_size = 26214400
memory = "1000001 B"
[storage]
free_space = "500 MB"
history = "36h"
[[listener]]
unix = "/run/smtp"
[target.hub]
kind = "smarthost"
servers = ["smtp.example.com"]
rate = "30/h"
[retry.often]
table = ["30s", "5m", 1.5]
[[route]]
to = "hub"
retry = "often"
"""


def test_values_have_their_units(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, UNITS)
    assert code == OK, err
    values = dict(line.split("  # ")[0].strip().split(" = ") for line in out.splitlines())
    assert values["limits.idle"] == '"90s"'
    assert values["limits.message_size"] == '"25 MiB"'
    assert values["limits.memory"] == '"1000001 B"'
    assert values["storage.free_space"] == '"500 MB"'
    assert values["storage.history"] == '"36h"'
    assert values["target.hub.rate"] == '"0.5/m"'
    assert values["retry.often.table"] == '["30s", "5m", "1.5s"]'
    assert values["limits.recipients"].isdecimal(), "a number has none"


def test_what_is_shown_means_the_same(tmp_path: Path) -> None:
    shown = run(tmp_path, UNITS)[1]
    for key, unit in (("idle", "limits"), ("message_size", "limits"), ("free_space", "storage")):
        [line] = [each for each in shown.splitlines() if each.startswith(f"{unit}.{key} ")]
        text = line.split("  # ")[0].partition(" = ")[2].strip()
        kept = [each for each in UNITS.splitlines() if not each.startswith(f"{key} = ")]
        kept.insert(kept.index(f"[{unit}]") + 1, f"{key} = {text}")
        assert numbers(tmp_path, "\n".join(kept)) == numbers(tmp_path, UNITS)


def numbers(tmp_path: Path, text: str) -> dict[str, object]:
    found = json.loads(run(tmp_path, text, "--json")[1])["values"]
    return {each["key"]: each["value"] for each in found}


def test_json_has_numbers(tmp_path: Path) -> None:
    found = numbers(tmp_path, UNITS)
    assert found["limits.message_size"] == 25 * 2**20
    assert found["limits.idle"] == 90.0
    assert found["target.hub.rate"] == 0.5


SPLIT = """\
[[listener]]
unix = "/run/smtp"
[credentials.hve]
kind = "password"
username = "news@contoso.com"
password = { environment = "HVE" }
[target.inside]
kind = "smarthost"
servers = ["smtp.hve.mx.microsoft:587"]
credential = "hve"
send_as = "news@contoso.com"
[target.outside]
kind = "smarthost"
servers = ["outside.example:587"]
[[route]]
recipients = ["contoso.com"]
to = "inside"
[[route]]
recipients = ["*.example", "example.net"]
to = "outside"
"""
MESSAGE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=contoso.com; s=a; b=x\r\n"
    b"From: The App <app@contoso.com>\r\nTo: ann@contoso.com, bob@example.net\r\n"
    b"Subject: Hi\r\n\r\nHello\r\n"
)


@pytest.fixture
def message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HVE", "secret")
    path = tmp_path / "a.eml"
    path.write_bytes(MESSAGE)
    return str(path)


def test_a_dry_run_shows_what_each_target_would_get(tmp_path: Path, message: str) -> None:
    code, out, _ = run(tmp_path, SPLIT, "--message", message, "--json")
    assert code == OK
    inside, outside = json.loads(out)["deliveries"]
    assert inside["recipients"] == ["ann@contoso.com"]
    [target] = inside["targets"]
    assert (target["target"], target["mail_from"]) == ("inside", "news@contoso.com")
    assert target["broken_signatures"] == ["contoso.com"]
    assert target["changes"] == [
        {
            "before": "From: The App <app@contoso.com>\r\n",
            "after": "From: The App <news@contoso.com>\r\nReply-To: The App <app@contoso.com>\r\n",
        }
    ]
    assert outside["recipients"] == ["bob@example.net"]
    [target] = outside["targets"]
    assert (target["mail_from"], target["changes"]) == ("app@contoso.com", [])


def test_a_dry_run_for_people(tmp_path: Path, message: str) -> None:
    code, out, _ = run(tmp_path, SPLIT, "--message", message)
    assert code == OK
    assert "inside (smtp.hve.mx.microsoft:587): MAIL FROM:<news@contoso.com>" in out
    assert "    - From: The App <app@contoso.com>\n    + From: The App <news@contoso.com>\n" in out
    assert "The DKIM signature of contoso.com does not hold there." in out


def test_a_dry_run_fails_if_a_recipient_has_no_route(tmp_path: Path, message: str) -> None:
    options = ("--message", message, "--from", "x@contoso.com", "--to", "eve@example.org")
    code, out, _ = run(tmp_path, SPLIT, *options)
    assert code == FAILED
    assert out.startswith("Message from <x@contoso.com>")
    assert "No route accepts mail to eve@example.org" in out


def test_check_says_what_follows_from_send_as(tmp_path: Path, message: str) -> None:
    del message
    out = run(tmp_path, SPLIT)[1]
    [line] = [each for each in out.splitlines() if each.startswith("target.inside.send_as =")]
    assert "signatures (DKIM) of applications do not hold behind it" in line


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ('send_as = "news@contoso.com"\n', "", "the account's own address only"),
        ('recipients = ["contoso.com"]\n', "", "recipients of your organisation only"),
    ],
)
def test_what_high_volume_email_would_refuse_is_a_warning(
    tmp_path: Path, message: str, old: str, new: str, warning: str
) -> None:
    del message
    text = SPLIT.replace(old, new)
    if "recipients" in old:
        text = text.partition('[[route]]\nrecipients = ["*.example"')[0]
    assert any(warning in line for line in run(tmp_path, text)[2].splitlines())


def test_a_signature_does_not_control_the_terminal(tmp_path: Path) -> None:
    out_there = GOOD.replace('"capture"', '"smarthost"\nservers = ["h"]\nsend_as = "a@b.example"')
    message = tmp_path / "m.eml"
    message.write_bytes(b"DKIM-Signature: d=x\x07.example\r\nFrom: a@c.example\r\n"
                        b"To: b@d.example\r\n\r\n")  # fmt: skip
    code, out, _ = run(tmp_path, out_there, "--message", str(message))
    assert (code, "\x07" in out, "DKIM signature of x" in out) == (OK, False, True)


BOUNCES = '''\
[[listener]]
unix = "/run/smtp"
[target.here]
kind = "capture"
[target.out]
kind = "smarthost"
servers = ["h"]
[target.as_one]
kind = "smarthost"
servers = ["h"]
send_as = "one@b.example"
[[route]]
recipients = ["bounces.example"]
to = "here"
[[route]]
to = ["out", "as_one"]
[events]
topic = """/subscriptions/1/resourceGroups/g/providers/Microsoft.Communication\\
/communicationServices/n"""
bounce_domain = "bounces.example"
bounce_targets = ["out", "as_one"]
'''


def test_a_dry_run_shows_the_address_for_bounces(tmp_path: Path) -> None:
    message = tmp_path / "m.eml"
    message.write_bytes(b"From: a@c.example\r\nTo: b@d.example\r\n\r\n")
    code, out, err = run(tmp_path, BOUNCES, "--message", str(message), "--json")
    assert code == OK, err
    [delivery] = json.loads(out)["deliveries"]
    senders = [each["mail_from"] for each in delivery["targets"]]
    assert senders == ["*@bounces.example", "one@b.example"]


def test_a_sender_that_is_no_address_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    message = tmp_path / "m.eml"
    message.write_bytes(b"From: a@c.example\r\nTo: b@d.example\r\n\r\n")
    with pytest.raises(click.UsageError, match="not a mailbox"):
        run(tmp_path, GOOD, "--message", str(message), "--from", "<>")
