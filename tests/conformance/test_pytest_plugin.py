"""The fixtures for pytest, as somebody else's test suite uses them: no test sees another one."""

import os
import re
import ssl
import subprocess
import sys

import pytest

HELPERS = '''
"""What each of the suites below uses."""
import contextlib
import io

import gatepost as library


def send(relay, subject="Hello", **given):
    wanted = {"username": relay.username, "password": relay.password, **given}
    message = f"From: {relay.sender}\\r\\nTo: ann@example.net\\r\\nSubject: {subject}\\r\\n\\r\\n"
    tls = library.Tls(mode="implicit", ca_file=relay.ca_file)
    library.send(message.encode(), str(relay.smtps), **wanted, tls=tls)


def run(relay, *arguments):
    from gatepost.cli.main import root

    with contextlib.redirect_stdout(io.StringIO()) as output:
        root.main([*arguments, "--data", str(relay.data)], standalone_mode=False)
    return output.getvalue()
'''


ISOLATION = """
import contextlib
import json
import smtplib
import ssl
import urllib.request
from datetime import timedelta

import pytest
from helpers import library, run, send

seen = []

def told(relay, *arguments):
    return json.loads(run(relay, *arguments, "--json"))

def check_new(relay):
    assert relay.count() == 0
    assert relay.events() == []
    assert told(relay, "clock", "show")["ahead"] == 0
    assert told(relay, "outcome", "list")["outcomes"] == []
    assert told(relay, "suppression", "list")["suppressed"] == []
    assert told(relay, "webhook", "list")["webhooks"] == []
    assert len(told(relay, "app", "list")["apps"]) == 2
    assert relay.username not in seen
    seen.append(relay.username)
    send(relay)
    assert relay.wait().subject == "Hello"

def test_clock(gatepost):
    check_new(gatepost)
    gatepost.advance(timedelta(days=3649))
    gatepost.advance(timedelta(days=1))
    with pytest.raises(library.AuthenticationRefused):
        send(gatepost)

def test_refused_logins(gatepost):
    check_new(gatepost)
    for _ in range(12):
        with pytest.raises(library.AuthenticationRefused):
            send(gatepost, password="wrong")

def test_outcomes(gatepost):
    check_new(gatepost)
    run(gatepost, "outcome", "set", "ann@example.net", "--status", "Bounced")
    send(gatepost)

def test_directory(gatepost):
    check_new(gatepost)
    run(gatepost, "app", "delete", gatepost.username.split(".")[1])
    with pytest.raises(library.AuthenticationRefused):
        send(gatepost)

def test_apis(gatepost):
    check_new(gatepost)
    url = gatepost.ready["https"]["url"]  # its authority is known
    assert urllib.request.urlopen(url + "/health").status == 200
    assert f"endpoint={url}" in gatepost.ready["connection_string"]

kept = []

def test_a_session_is_left_open(gatepost):
    check_new(gatepost)
    client = smtplib.SMTP(gatepost.smtp.host, gatepost.smtp.port)
    client.starttls(context=ssl.create_default_context())
    client.login(gatepost.username, gatepost.password)
    kept.append((gatepost, client))

def test_late_mail_goes_nowhere(gatepost):
    earlier, client = kept.pop()
    with client, contextlib.suppress(OSError):  # smtplib's errors are some
        client.sendmail(earlier.sender, "ann@example.net", "Subject: late")
    with pytest.raises(library.AuthenticationRefused):
        send(gatepost, username=earlier.username, password=earlier.password)
    assert gatepost.count() == 0

def test_last(gatepost):
    check_new(gatepost)
"""

AUTHORITY = """
import os
import re
import ssl

names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
before = {name: os.environ.get(name) for name in names}

def check_known(relay):
    known = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert known > int(os.environ["THE_SYSTEM_S"])
    ours = ssl.create_default_context(cafile=relay.ca_file).get_ca_certs()
    assert ours[0] in ssl.create_default_context().get_ca_certs()

def now():
    return {name: os.environ.get(name) for name in names}

def test_one(gatepost):
    check_known(gatepost)

def test_without():
    assert now() == before

def test_within(request, gatepost):
    check_known(request.getfixturevalue("acs_relay"))

def test_session():
    assert now() != before

def test_own_variable(gatepost, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")

def test_the_session_s_is_back(acs_relay):
    check_known(acs_relay)
"""

SESSION = """
from helpers import send

def test_first(acs_relay):
    send(acs_relay, "kept")

def test_second(gatepost):
    send(gatepost, "lost")

def test_third(gatepost, acs_relay):
    assert gatepost.count() == 0
    assert [each.subject for each in acs_relay.messages()] == ["kept"]
    send(acs_relay, "kept, too")

def test_fourth(acs_relay):
    assert acs_relay.count() == 2
"""

MARKERS = """
import asyncio
import unittest

import pytest
from helpers import library, send

pytestmark = pytest.mark.gatepost(strict=True)

def test_of_the_module(gatepost):
    assert gatepost.ready["tenant_id"]  # Azure
    with pytest.raises(library.ContentRefused, match="rate"):
        for _ in range(50):
            send(gatepost)

@pytest.mark.gatepost(profile="fastmail", strict=False)
def test_of_the_function(gatepost):
    assert gatepost.ready["tenant_id"] is None
    send(gatepost)

@pytest.mark.gatepost(settings={"strict.managed_per_minute": 1})
class TestOfTheClass:
    def test_one(self, gatepost):
        send(gatepost)
        with pytest.raises(library.GatepostError):
            send(gatepost)

    @pytest.mark.gatepost(strict=False, settings={})
    def test_nearest(self, gatepost):
        for _ in range(31):
            send(gatepost)

@pytest.mark.gatepost(profile="own.toml")
def test_a_file(gatepost):
    send(gatepost)

@pytest.mark.gatepost(profile="gmail")
class TestMail(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def use(self, gatepost):
        self.relay = gatepost

    def test_unittest(self):
        send(self.relay)
        assert self.relay.count() == 1

@pytest.fixture(scope="module")
def shared(gatepost_server):
    with gatepost_server.open("ses") as relay:
        yield relay

def test_shared(shared):
    send(shared)

async def ask(relay):
    return relay.count()

def test_shared_still(shared):
    assert asyncio.run(ask(shared)) == 1
"""

WRONG = """
import pytest

@pytest.mark.gatepost(profile="gmial")
def test_profile(gatepost):
    raise AssertionError

@pytest.mark.gatepost(profile="none.toml")
def test_file(gatepost):
    raise AssertionError

@pytest.mark.gatepost(profil="gmail")
def test_name(gatepost):
    raise AssertionError

@pytest.mark.gatepost("gmail")
def test_no_name(gatepost):
    raise AssertionError

@pytest.mark.gatepost(profile=7)
def test_number(gatepost):
    raise AssertionError

@pytest.mark.gatepost(strict="no")
def test_text(gatepost):
    raise AssertionError

@pytest.mark.gatepost(settings={"strict.foo": 1})
def test_setting(gatepost):
    raise AssertionError
"""
TOLD = (
    "(did you mean gmail?)",
    "cannot read the profile",
    "unknown argument 'profil'; there are profile, strict, settings (did you mean profile?)",
    "use names for its arguments, such as profile='gmail'",
    "profile must be a string, not 7",
    "strict must be True or False, not 'no'",
    "unknown key strict.foo",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    """Run all suites in one session, with Gatepost's plugin as it is installed."""
    folder, temporary = tmp_path_factory.mktemp("suite"), tmp_path_factory.mktemp("temporary")
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "own.toml").write_text('extends = "gmail"\n')
    for number, suite in enumerate((ISOLATION, AUTHORITY, SESSION, MARKERS, WRONG)):
        (folder / f"test_{number}.py").write_text(suite)
    command = [
        sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "-p", "no:schemathesis",
        "-p", "no:hypothesispytest", "--strict-markers", "-W", "error", str(folder),
    ]  # fmt: skip
    known = len(ssl.create_default_context().get_ca_certs())
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    environment |= {"TMPDIR": str(temporary), "THE_SYSTEM_S": str(known)}
    return subprocess.run(
        command, check=False, cwd=folder, capture_output=True, text=True, timeout=90,
        env=environment,
    )  # fmt: skip


SUITES = (ISOLATION, AUTHORITY, SESSION, MARKERS)


@pytest.mark.parametrize(
    ("number", "suite"),
    list(enumerate(SUITES)),
    ids=("isolation", "authority", "session", "markers"),
)
def test_a_suite(run: "subprocess.CompletedProcess[str]", number: int, suite: str) -> None:
    names = re.findall(r"def (test_\w+)", suite)
    passed = re.findall(rf"^PASSED test_{number}.py::(?:\w+::)?(\w+)$", run.stdout, re.MULTILINE)
    assert passed == names, run.stdout + run.stderr


def test_a_wrong_marker_fails_its_test_with_one_line(
    run: "subprocess.CompletedProcess[str]",
) -> None:
    names = re.findall(r"def (test_\w+)", WRONG)
    told = re.findall(r"^@pytest\.mark\.gatepost: (.*)$", run.stdout, re.MULTILINE)
    assert len(told) == len(names)
    for line, part in zip(told, TOLD, strict=True):
        assert part in line
    assert "AssertionError" not in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_nothing_is_left(
    run: "subprocess.CompletedProcess[str]", tmp_path_factory: pytest.TempPathFactory
) -> None:
    [temporary] = tmp_path_factory.getbasetemp().glob("temporary0")
    assert list(temporary.glob("gatepost*")) == []
