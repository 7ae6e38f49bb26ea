"""AUTH in the library's own form, and the handling of the secret when a server disconnects."""

import base64
from collections.abc import Iterator

import pytest

from gatepost.doctor import Checks, Patience, Settings, diagnose
from gatepost.model.finding import Diagnosis
from tests.certificates import Authority, Pair, make_authority
from tests.shell.scripted_server import Script, Server, serving

PASSWORD = "correct horse battery"
QUICK = Patience(connect=5, others=1, greeting=10, silence=0.6, reply=10, pause=0)
PLAIN = "AUTH PLAIN " + base64.b64encode(f"\0me\0{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("127.0.0.1")


def visit(
    server: Server, authority: Authority, library: str = "", *, try_all: bool = False
) -> Diagnosis:
    return diagnose(
        server.address, "me", PASSWORD, settings=Settings(library, "auto", authority.ca_file),
        checks=Checks(try_all=try_all), patience=QUICK,
    )  # fmt: skip


def ids(seen: Diagnosis) -> list[str]:
    return [finding.id for finding in seen.findings]


@pytest.fixture
def plain(pair: Pair) -> Iterator[Server]:
    script = Script(in_clear=("STARTTLS",), over_tls=("AUTH PLAIN",), pair=pair)
    with serving(script) as server:
        yield server


@pytest.mark.parametrize(("library", "waits"), [("", False), ("phpmailer", True), ("go", False)])
def test_plain_goes_out_as_the_library_sends_it(
    plain: Server, authority: Authority, library: str, waits: bool
) -> None:
    visit(plain, authority, library)
    assert plain.count("AUTH PLAIN") == 1
    assert ("AUTH PLAIN" in plain.heard) is waits
    assert plain.count(PLAIN.split()[2]) == 1


def test_plain_alone_is_refused_and_with_its_response_taken(
    authority: Authority, pair: Pair
) -> None:
    script = Script(
        in_clear=("STARTTLS",), over_tls=("AUTH PLAIN",), pair=pair,
        replies={"AUTH PLAIN": "535 5.7.8 no", "AUTH PLAIN A": "235 ok"},
    )  # fmt: skip
    with serving(script) as server:
        seen = visit(server, authority, "phpmailer")
        assert ids(seen) == ["initial_response_required"]
        assert seen.findings[0].confidence == "certain"


def test_other_mechanisms_are_tried_without_the_password(authority: Authority, pair: Pair) -> None:
    script = Script(
        in_clear=("STARTTLS",), pair=pair, replies={"AUTH PLAIN": "504 5.5.4 not that one"}
    )
    with serving(script) as server:
        seen = visit(server, authority)
        assert ids(seen) == ["mechanism_advertised_but_broken"]
        assert [line for line in server.heard if line == "*" or line.startswith("AUTH")] == [
            PLAIN, "AUTH PLAIN", "AUTH LOGIN", "*",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("hangs_up_at", "sent", "found"),
    [("user", False, "server_auth_backend_down"), ("password", True, "bad_credentials")],
)
def test_whether_the_password_had_gone_out_when_the_server_hung_up(
    authority: Authority, pair: Pair, hangs_up_at: str, sent: bool, found: str
) -> None:
    script = Script(
        in_clear=("STARTTLS",), over_tls=("AUTH LOGIN",), pair=pair, hangs_up_at=hangs_up_at
    )
    with serving(script) as server:
        seen = visit(server, authority)
        assert ids(seen) == [found]
        assert [each.secret_sent for each in seen.evidence.attempts] == [sent]


def test_a_password_once_for_each_mechanism(authority: Authority, pair: Pair) -> None:
    """JavaMail sends an authzid with PLAIN; LOGIN has already shown that the password is wrong."""
    refused = "535 5.7.8 Authentication failed"
    script = Script(
        in_clear=("STARTTLS",), pair=pair, replies={"AUTH PLAIN": refused, "password": refused}
    )
    with serving(script) as server:
        assert ids(visit(server, authority, "javamail", try_all=True)) == ["bad_credentials"]
        assert server.count("AUTH LOGIN") == 1
        assert server.count("AUTH PLAIN") == 1


def test_a_name_at_which_the_server_hangs_up(authority: Authority, pair: Pair) -> None:
    script = Script(in_clear=("STARTTLS",), pair=pair, hangs_up_at="EHLO localhost")
    with serving(script) as server:
        seen = visit(server, authority, "go")
        assert ids(seen)[:1] == ["helo_rejected"]
        assert "the connection ended" in seen.findings[0].proof[0]
