"""The way out of ACS with unchanged clients: what they send arrives at the providers behind."""

import json
import smtplib
from collections.abc import Iterator
from typing import Any

import pytest
from azure.communication.email import EmailClient

from tests.clients.leaving import (
    APP_MAIL,
    INSIDE,
    LOGIN,
    LONG,
    OUTSIDE,
    SUPPRESSED,
    Exit,
    leaving,
    message,
    run,
    write,
)


@pytest.fixture(scope="module")
def exit_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exit]:
    with leaving(tmp_path_factory.mktemp("exit")) as exit_:
        yield exit_


def test_a_dry_run_tells_everything_and_writes_nothing(exit_: Exit) -> None:
    dry, first, _ = exit_.reports
    assert dry["read"] == first["read"]
    assert dry["read"]["domains"] == 2
    assert "configuration" not in dry
    assert any("azurecomm.net is Microsoft's domain" in each for each in dry["not_carried"])
    assert any("smtp.azurecomm.net becomes this relay" in each for each in dry["to_change"])


def test_a_second_run_changes_nothing(exit_: Exit) -> None:
    _, first, second = exit_.reports
    assert first["configuration"] == "written"
    assert first["directory"]["added"] > 5
    assert second["configuration"] == "unchanged"
    assert (second["directory"]["added"], second["directory"]["changed"]) == (0, 0)
    assert second["directory"]["unchanged"] == sum(first["directory"].values())


def test_check_accepts_what_was_written(exit_: Exit) -> None:
    run(exit_.directory, "check", "--config", "gatepost.toml")


@pytest.mark.parametrize("username", ["", LOGIN, LOGIN.upper()])
def test_an_unchanged_application_is_split_between_both_providers(
    exit_: Exit, username: str
) -> None:
    subject = f"From smtplib as {username or 'the resource'}"
    exit_.send(username or exit_.old.username, message(subject))
    inside = exit_.hve.wait(to=INSIDE, subject=subject, timeout=LONG)
    got = inside.parse()
    assert inside.mail_from == exit_.hve.sender
    assert inside.rcpt_to == (INSIDE,)
    assert got["from"] == f"The App <{exit_.hve.sender}>"
    assert got["reply-to"] == f"The App <{APP_MAIL}>"
    assert (got["to"], got["cc"]) == (INSIDE, f"Bob <{OUTSIDE}>")
    people, outside = exit_.at_ses(subject)
    assert people == (OUTSIDE,)
    assert outside["from"] == f"The App <{APP_MAIL}>"
    assert outside["reply-to"] is None
    assert outside.get_content() == got.get_content()


def test_a_sender_of_microsofts_domain_is_replaced(exit_: Exit) -> None:
    managed = str(exit_.old.ready["from"])
    exit_.send(exit_.old.username, message("From a managed domain", managed))
    _, outside = exit_.at_ses("From a managed domain")
    assert outside["from"] == f"The App <{APP_MAIL}>"
    assert outside["reply-to"] == f"The App <{managed}>"


def test_whoever_is_on_a_suppression_list_gets_nothing(exit_: Exit) -> None:
    unwanted = message("To one who wants none")
    del unwanted["Cc"]
    unwanted["Cc"] = f"{OUTSIDE}, {SUPPRESSED}"
    exit_.send(exit_.old.username, unwanted)
    people, _ = exit_.at_ses("To one who wants none")
    assert people == (OUTSIDE,)


def test_a_wrong_secret_is_refused_as_before(exit_: Exit) -> None:
    place = exit_.relay.listener("submission")
    with smtplib.SMTP("localhost", place["port"]) as client:
        client.starttls(context=exit_.trust)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(LOGIN, "wrong")


def test_a_sender_of_others_is_refused_as_before(exit_: Exit) -> None:
    with pytest.raises(smtplib.SMTPException):
        exit_.send(exit_.old.username, message("forged", "ceo@other.example"))


def test_an_unchanged_sdk_sends_with_its_old_access_key(
    exit_: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(exit_.relay.authority.ca_file))
    old = str(exit_.old.ready["connection_string"])
    key = old.partition("accesskey=")[2]
    port = exit_.relay.ready["api"].rpartition(":")[2]
    client = EmailClient.from_connection_string(
        f"endpoint=https://localhost:{port}/;accesskey={key}"
    )
    with client:
        result = client.begin_send(
            {
                "senderAddress": APP_MAIL,
                "recipients": {"to": [{"address": INSIDE}, {"address": OUTSIDE}]},
                "content": {"subject": "From the SDK", "plainText": "hello"},
            }
        ).result()
    assert result["status"] == "Succeeded"
    inside = exit_.hve.wait(to=INSIDE, subject="From the SDK", timeout=LONG)
    assert inside.mail_from == exit_.hve.sender
    people, _ = exit_.at_ses("From the SDK")
    assert people == (OUTSIDE,)


def verify(exit_: Exit, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
    """Send a sample through the old server and the new routes."""
    secret = write(exit_.directory / "old-secret", exit_.old.password)
    text = run(
        exit_.directory, "migrate", "verify", "--config", "gatepost.toml", "--from", APP_MAIL,
        "--old", f"localhost:{exit_.old.smtp.port}", "--old-username", exit_.old.username,
        "--old-password-file", secret, "--old-ca-file", exit_.old.ca_file, "--json", *arguments,
        exit_code=exit_code,
    )  # fmt: skip
    document = json.loads(text)
    return {each["way"]: each for each in document["ways"]}


def test_verify_shows_what_the_old_and_the_new_way_do_with_the_same_message(exit_: Exit) -> None:
    mailboxes = ("--mailbox", str(exit_.old.data), "--mailbox", str(exit_.hve.data))
    ways = verify(exit_, "--to", INSIDE, *mailboxes)
    old, new = ways["ACS"], ways["inside"]
    assert (old["result"], new["result"]) == ("accepted", "accepted")
    assert old["signed_in"].startswith(exit_.old.username)
    assert new["signed_in"].startswith(exit_.hve.sender)
    assert old["tls"].startswith("TLSv1.3")
    assert old["received"]["mail from"] == APP_MAIL
    assert old["received"]["changed fields"] == ""
    assert new["received"]["mail from"] == exit_.hve.sender
    assert new["received"]["from"] == f"Gatepost sample <{exit_.hve.sender}>"
    assert new["received"]["reply-to"] == f"Gatepost sample <{APP_MAIL}>"
    assert new["received"]["changed fields"] == "from"
    assert new["received"]["added fields"] == "reply-to"
    assert {old["received"]["text"], new["received"]["text"]} == {"as it was sent"}


def test_verify_goes_through_every_route_that_the_recipients_take(exit_: Exit) -> None:
    before = len(exit_.ses.messages)
    ways = verify(exit_, "--to", INSIDE, "--to", OUTSIDE)
    assert list(ways) == ["ACS", "inside", "outside"]
    assert ways["ACS"]["recipients"] == [INSIDE, OUTSIDE]
    assert ways["outside"]["recipients"] == [OUTSIDE]
    assert ways["outside"]["reply"].startswith("250 2.0.0 HTTP 200 accepted as ses-")
    assert len(exit_.ses.messages) == before + 1


def test_verify_tells_of_a_way_that_refuses(exit_: Exit) -> None:
    exit_.ses.mood = "refused"
    try:
        ways = verify(exit_, "--to", OUTSIDE, exit_code=1)
    finally:
        exit_.ses.mood = "ok"
    assert ways["ACS"]["result"] == "accepted"
    assert ways["outside"]["result"] == "refused"
    assert "not verified" in ways["outside"]["reply"]
