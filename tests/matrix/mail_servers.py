"""Real MTAs as upstreams: they accept mail only after a sign-in, and keep all of it."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from compliance.dovecot import running_dovecot
from compliance.exim import AUTHENTICATORS, running_exim
from compliance.opensmtpd import running_opensmtpd
from compliance.postfix import running_postfix
from gatepost.profiles import available_profiles, load_profile
from tests.certificates import make_authority
from tests.matrix.run import SCOPES, entra_token
from tests.matrix.upstreams import Upstream, emulator

SIGNED_IN_ONLY = "smtpd_relay_restrictions = permit_sasl_authenticated, reject\n"
CYRUS = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512"
DOVECOT = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")


@contextmanager
def mail_servers() -> Iterator[list[Upstream]]:
    """Run Postfix with Cyrus SASL and with Dovecot, Exim and OpenSMTPD."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        home.chmod(0o755)
        cyrus = stack.enter_context(
            running_postfix(home / "cyrus", CYRUS, settings=SIGNED_IN_ONLY, other_ports=True)
        )
        dovecot = stack.enter_context(running_dovecot(home / "dovecot", DOVECOT))
        postfix = stack.enter_context(
            running_postfix(
                home / "postfix", dovecot=dovecot, settings=SIGNED_IN_ONLY, other_ports=True
            )
        )
        certificates = home / "certificates"
        certificates.mkdir()
        authority = make_authority(certificates)
        own = authority.issue("user.exim.test")
        both = certificates / "own.pem"
        both.write_bytes(Path(own.certificate).read_bytes() + Path(own.key).read_bytes())
        exim = stack.enter_context(
            running_exim(home / "exim", list(AUTHENTICATORS), clients=authority)
        )
        opensmtpd = stack.enter_context(running_opensmtpd(home / "opensmtpd"))
        yield [
            Upstream(
                "postfix-cyrus", cyrus.ports, cyrus.ca_file, cyrus.username, cyrus.password, "",
                lambda: _texts(cyrus.held()),
            ),
            Upstream(
                "postfix-dovecot", postfix.ports, postfix.ca_file, dovecot.username,
                dovecot.password, dovecot.token, lambda: _texts(postfix.held()),
            ),
            Upstream(
                "exim", exim.ports, exim.ca_file, exim.username, exim.password, exim.token,
                lambda: _texts(exim.held()), certificate=str(both),
            ),
            Upstream(
                "opensmtpd", opensmtpd.ports, opensmtpd.ca_file, opensmtpd.username,
                opensmtpd.password, "", lambda: _texts(opensmtpd.held()),
            ),
        ]  # fmt: skip


def provider_profiles() -> list[str]:
    """Return the names of all profiles of providers and servers without faults."""
    found = {name: load_profile(name) for name in available_profiles()}
    return [name for name, each in found.items() if each.kind != "quirk"]


@contextmanager
def profiles(names: Sequence[str]) -> Iterator[list[Upstream]]:
    """Run our emulator with each of these profiles; they start in parallel."""
    with ExitStack() as stack:
        starting = [_profile(name) for name in names]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda each: each.__enter__(), starting))
        for each in starting:
            stack.push(each)
        yield found


def _profile(name: str) -> AbstractContextManager[Upstream]:
    of_entra = partial(entra_token, profile=name) if name in SCOPES else None
    return emulator(name, of_entra, "XOAUTH2" if name == "acs" else "")


def _texts(messages: list[bytes]) -> list[str]:
    return [each.decode(errors="replace") for each in messages]
