"""The directory's commands with a running relay, and on its store without one."""

import io
import json
import smtplib
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gatepost.cli.main import main
from gatepost.testing import Emulator
from tests.commands import PATIENCE
from tests.nameserver import nameserver

MAIL = "mail.contoso.localhost"
WIDTH = 80
APIS = ("--https", "localhost:0", "--http", "off")


class Ran(NamedTuple):
    """The end of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Directory:
    """Runs the commands on one data directory."""

    data: Path

    def run(self, *words: str) -> Ran:
        """Run it in this process: starting Python each time would take most of the time."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([*words, "--data", str(self.data)])
        assert isinstance(left.value.code, int)
        return Ran(left.value.code, out.getvalue(), err.getvalue())

    def say(self, *words: str) -> str:
        """Return the output for people; the command must succeed."""
        ran = self.run(*words)
        assert ran.code == 0, ran.err
        return ran.out

    def ask(self, *words: str) -> dict[str, Any]:
        """Return the output, which must be JSON only; the command must succeed."""
        ran = self.run(*words, "--json")
        assert (ran.code, ran.err) == (0, "")
        answer: dict[str, Any] = json.loads(ran.out)
        return answer

    def refusal(self, *words: str, code: int = 1) -> dict[str, str]:
        """Return the error of the command."""
        ran = self.run(*words, "--json")
        assert ran.code == code
        answer = json.loads(ran.out)
        assert list(answer) == ["error"]
        error: dict[str, str] = answer["error"]
        assert error["message"] in ran.err
        return error


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "front processes"])
def relay(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(workers=request.param, options=APIS) as relay:
        yield relay


@pytest.fixture
def directory(relay: Emulator) -> Directory:
    return Directory(relay.data)


def connect(relay: Emulator) -> smtplib.SMTP:
    client = smtplib.SMTP(relay.smtp.host, relay.smtp.port, timeout=PATIENCE)
    client.starttls(context=ssl.create_default_context(cafile=relay.ca_file))
    return client


def sign_in(relay: Emulator, username: str, password: str) -> smtplib.SMTP:
    client = connect(relay)
    client.login(username, password, initial_response_ok=False)
    return client


def mail(client: smtplib.SMTP, sender: str) -> tuple[int, bytes]:
    """Return the reply to MAIL FROM, and reset the transaction."""
    answer = client.mail(sender)
    client.rset()
    return answer


def is_refused(relay: Emulator, username: str, password: str) -> str:
    """Return the reason that the relay reports for the refusal."""
    before = len(relay.events("auth_refused"))
    with connect(relay) as client, pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        client.login(username, password, initial_response_ok=False)
    assert caught.value.smtp_code == 535
    deadline = time.monotonic() + PATIENCE
    while len(told := relay.events("auth_refused")) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    return str(told[-1]["reason"])


def test_an_application_from_nothing_to_mail_and_back(
    relay: Emulator, directory: Directory, tmp_path: Path
) -> None:
    """Each command takes effect at the next command of an open session."""
    directory.say("app", "create", "billing")
    kept = tmp_path / "billing.secret"
    made = directory.ask("secret", "create", "--in", "billing", "--save", str(kept))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "value" not in made
    password = kept.read_text()
    username = f"gatepost.{made['app_id']}.{relay.ready['tenant_id']}"
    assert is_refused(relay, username, password).startswith("role_missing: ")

    directory.say("role", "assign", "Email Sender", "--to", "billing", "--on", "gatepost")
    assert directory.ask("app", "show", "billing")["usernames"] == [username]
    client = sign_in(relay, username, password)
    assert mail(client, f"news@{MAIL}") == (
        501, b"5.1.7 The specified sender domain has not been linked.",
    )  # fmt: skip
    directory.say("domain", "create", MAIL)
    assert directory.refusal("resource", "link", "gatepost", MAIL)["code"] == (
        "InvalidLinkedDomains"
    )
    directory.say("domain", "verify", MAIL, "--by-hand")
    directory.say("resource", "link", "gatepost", MAIL)
    assert mail(client, f"news@{MAIL}") == (550, b"5.3.5 Email sender's username is invalid")
    directory.say("sender", "create", "news", "--in", MAIL)
    assert mail(client, f"news@{MAIL}")[0] == 250

    login = ("smtp-username", "create", "login", "--username", f"news@{MAIL}", "--app", "billing")
    directory.say(*login)
    sign_in(relay, f"news@{MAIL}", password).close()

    directory.say("resource", "unlink", "gatepost", MAIL)
    assert mail(client, f"news@{MAIL}")[0] == 501
    assert mail(client, relay.sender)[0] == 250
    directory.say("role", "unassign", "Email Sender", "--from", "billing")
    assert mail(client, relay.sender)[0] == 530
    client.close()
    assert is_refused(relay, username, password).startswith("role_missing: ")
    directory.say("smtp-username", "delete", "login")
    directory.say("domain", "delete", MAIL)
    gone = directory.say("app", "delete", "billing").splitlines()
    assert gone == ["deleted app billing", "  with 1 client secret", "  with 1 service principal"]


def test_a_session_ends_with_its_secret(relay: Emulator, directory: Directory) -> None:
    first = directory.ask("secret", "create", "first", "--in", "Email sender")
    soon = datetime.now(UTC) + timedelta(seconds=10)
    second = directory.ask(
        "secret", "create", "--in", "Email sender", "--expires", soon.isoformat()
    )
    clients = [sign_in(relay, relay.username, each["value"]) for each in (first, second)]
    assert [mail(each, relay.sender)[0] for each in clients] == [250, 250]
    directory.say("secret", "delete", "first")
    assert mail(clients[0], relay.sender)[0] == 530
    time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()))
    assert mail(clients[1], relay.sender)[0] == 530
    assert is_refused(relay, relay.username, second["value"]).startswith("secret_expired: ")
    for client in clients:
        client.close()
    directory.say("secret", "delete", second["id"])


def test_the_id_of_a_secret_is_not_its_value(relay: Emulator, directory: Directory) -> None:
    made = directory.ask("secret", "create", "--in", "Email sender", "--lifetime", "1h")
    assert made["value"] not in directory.say("secret", "show", made["id"])
    assert made["value"] not in directory.say("app", "show", "Email sender")
    assert is_refused(relay, relay.username, made["id"]).startswith("secret_id_pasted")
    directory.say("secret", "delete", made["id"])


def test_the_connection_string_is_that_of_ready_json(relay: Emulator, directory: Directory) -> None:
    shown = directory.ask("resource", "keys")
    assert shown["primary_connection_string"] == relay.ready["connection_string"]


def test_a_server_that_captures_all_mail_has_an_empty_queue(directory: Directory) -> None:
    said = directory.say("queue", "list")
    assert said.startswith(
        f"no mail is queued in {directory.data}: `gatepost up` captures all mail"
    )
    captured = "`gatepost messages list`: what was captured"
    said = f"Error: there is no message 1-1 in the queue ({captured})\n"
    assert directory.run("queue", "why", "1-1").err == said


def test_an_address_that_is_on_no_list_cannot_be_taken_off(directory: Directory) -> None:
    ran = directory.run("suppression", "delete", "nobody@example.net")
    assert (ran.code, ran.err) == (1, "Error: nobody@example.net is not on the list\n")


def test_listings_fit_a_terminal(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.cli.tables.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for noun in ("tenant", "app", "secret", "role", "resource", "domain", "sender"):
        lines = directory.say(noun, "list").splitlines()
        assert len(lines) > 1, noun
        assert max(map(len, lines)) <= WIDTH, noun
    assert directory.say("smtp-username", "list") == "no smtp usernames\n"


REFUSALS = [
    (("app", "show", "Email sendr"), 1, "NotFound", "did you mean 'Email sender'?"),
    (("app", "create", "Email Sender"), 1, "AlreadyExists", "gatepost.localhost"),
    (("secret", "create"), 1, "ParentNeeded", "Administrator"),
    (("role", "create", "x", "--action", "Microsoft.Communication/Mistake"), 1, "", "Mistake"),
    (("resource", "create", "x", "--kind", "queue"), 64, "Usage", "queue"),
    (("domain", "create"), 64, "Usage", "--managed"),
    (("secret", "create", "--lifetime", "long"), 64, "Usage", "90d"),
    (("secret", "create", "--lifetime", "0d"), 64, "Usage", "--expires"),
    (("secret", "create", "--expires", "soon"), 64, "Usage", "2027-01-31"),
    (("secret", "create", "--lifetime", "1d", "--expires", "2030-01-01"), 64, "Usage", "together"),
]


@pytest.mark.parametrize(("words", "code", "name", "said"), REFUSALS)
def test_refusals_give_a_code_and_a_reason(
    directory: Directory, words: tuple[str, ...], code: int, name: str, said: str
) -> None:
    error = directory.refusal(*words, code=code)
    assert error["code"] == (name or error["code"])
    assert said in error["message"]


def test_a_value_is_not_written_over_a_file(directory: Directory, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    ran = directory.run("secret", "create", "--in", "Email sender", "--save", str(there))
    assert ran.code == 1
    assert there.read_text() == "precious"
    missing = tmp_path / "missing"
    directory.refusal("secret", "create", "--in", "nobody", "--save", str(missing))
    assert not missing.exists()


def test_the_clock_ends_delays_and_lifetimes(tmp_path: Path) -> None:
    """For a delay of a minute, a new role and the end of a secret, with ``gatepost clock``."""
    at_once = {"strict.login_delay": 0}
    with Emulator(data=tmp_path / "data", strict=True, settings=at_once) as relay:
        directory = Directory(relay.data)
        app = directory.ask("app", "create", "late")
        secret = directory.ask("secret", "create", "--in", "late", "--lifetime", "1h")
        resource = relay.ready["resource"]
        directory.ask("role", "assign", "Email Sender", "--to", "late", "--on", resource)
        username = f"{resource}.{app['id']}.{app['tenant_id']}"
        login = username, secret["value"]
        assert is_refused(relay, *login).startswith("propagating: ")
        assert directory.ask("clock", "advance", "2m")["ahead"] == 120
        assert relay.wait_event("clock_advanced")["ahead"] == 120
        with sign_in(relay, *login) as client:
            for _ in range(5):
                client.sendmail(relay.sender, ["ann@example.net"], "Subject: x\n\nx")
            with pytest.raises(smtplib.SMTPDataError, match=r"4\.5\.127"):
                client.sendmail(relay.sender, ["ann@example.net"], "Subject: x\n\nx")
            directory.ask("clock", "advance", "61s")
            client.sendmail(relay.sender, ["ann@example.net"], "Subject: x\n\nx")
            directory.ask("clock", "advance", "1h")
            assert client.docmd(f"MAIL FROM:<{relay.sender}>")[0] == 530
        assert is_refused(relay, *login).startswith("secret_expired: ")
        assert directory.say("clock", "show").endswith("1:03:01 ahead\n")


def test_a_domain_is_proven_by_the_dns(tmp_path: Path) -> None:
    """Ownership first; an SPF record that ends with a soft fail does not count (ACS contract
    5.2)."""
    with nameserver("") as (server, zone):
        settings = {
            "directory.domain_verification": "dns",
            "directory.nameservers": [f"{server.host}:{server.port}"],
        }
        with Emulator(data=tmp_path / "data", settings=settings) as relay:
            directory = Directory(relay.data)
            made = directory.ask("domain", "create", MAIL)
            asked = json.loads(directory.run("domain", "verify", MAIL, "--json").out)
            assert (asked["proven"], asked["verification"]["Domain"]) == (
                False,
                "VerificationFailed",
            )
            assert asked["verification"]["SPF"] == "NotStarted", "not before ownership"
            soft = [
                f"{each['host']} {each['type']} {each['value'].replace('-all', '~all')}"
                for each in made["records"]
            ]
            zone.change("\n".join(soft))
            asked = json.loads(directory.run("domain", "verify", MAIL, "--json").out)
            failed = {each["proof"]: each["error"] for each in asked["records"] if each["error"]}
            assert (asked["proven"], list(failed)) == (False, ["SPF"])
            assert "SpfNotHardFail" in failed["SPF"]
            zone.change("\n".join(each.replace("~all", "-all") for each in soft))
            assert directory.ask("domain", "verify", MAIL)["proven"] is True
            directory.ask("resource", "link", relay.ready["resource"], MAIL)


def test_while_no_relay_runs(tmp_path: Path) -> None:
    """Changes made then are there at the start, and are the same as those of a running relay."""
    directory = Directory(tmp_path / "data")
    assert directory.refusal("tenant", "list")["code"] == "ConfigError"
    with Emulator(data=directory.data) as relay:
        username, sender = relay.username, relay.sender
    secret = directory.ask("secret", "create", "--in", "Email sender")
    assert directory.ask("resource", "keys")["primary_connection_string"] is None
    directory.say("sender", "create", "news")
    directory.say("tenant", "create", "contoso.localhost")
    directory.say("clock", "advance", "1h")
    with Emulator(data=directory.data) as relay:
        assert directory.ask("clock", "show")["ahead"] == 3600
        assert relay.wait_event("clock_advanced")["ahead"] == 3600
        client = sign_in(relay, username, secret["value"])
        assert mail(client, sender.replace("DoNotReply", "news"))[0] == 250
        client.close()
        assert len(directory.ask("tenant", "list")["tenants"]) == 2
