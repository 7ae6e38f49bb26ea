"""Signing in to a relay's console at Entra: the emulated tenant of ``gatepost up`` over HTTPS."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE
from tests.shell.console_client import FORM, Browser, Shown
from tests.shell.serve_process import BASE, ServeProcess, relaying

VISIT = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def configuration(tenant: Emulator, *, admin: str = "admin") -> str:
    """Return what a relay's configuration says about the tenant and the console."""
    ready = tenant.ready
    return f"""
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[directory]
kind = ["accounts", "entra"]
tenants = "{ready["tenant_id"]}"
authority = "{ready["authority"]}"
senders = "*"
[console]
address = "127.0.0.1:0"
[console.entra]
client_id = "{ready["client_id"]}"
admin = "{admin}"
operator = "operator"
viewer = "viewer"
"""


@dataclass
class World:
    """A relay with a console, and the tenant at which people sign in."""

    relay: ServeProcess
    tenant: Emulator

    def browser(self) -> Browser:
        return Browser(self.relay.ready["console"])

    def choose(self, address: str, person: str) -> str:
        """Choose somebody on the tenant's page; return where the browser is sent."""
        parts = urlsplit(address)
        context = ssl.create_default_context(cafile=self.tenant.ready["ca_file"])
        connection = HTTPSConnection(parts.netloc, timeout=PATIENCE, context=context)
        target, body = f"{parts.path}?{parts.query}", urlencode({"as": person})
        connection.request("GET", target)
        page = connection.getresponse().read().decode()
        assert f'value="{person}"' in page
        connection.request("POST", target, body, FORM)
        response = connection.getresponse()
        assert response.status == 303, response.read()
        connection.close()
        return str(response.getheader("location"))

    def sign_in(self, browser: Browser, name: str, path: str = "/") -> Shown:
        """Sign in as NAME of the tenant's domain; return the last page."""
        domain = self.domain
        left = browser.request(f"/sign-in/entra?next={path}")
        back = urlsplit(self.choose(left.headers["location"], f"{name}@{domain}"))
        return browser.request(f"{back.path}?{back.query}", **VISIT)

    @property
    def domain(self) -> str:
        shown = fork_server.run(
            [GATEPOST, "tenant", "list", "--data", str(self.tenant.data)],
            stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        return str(shown.stdout.splitlines()[1].split()[0])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("serve")
    options = ("--https", "127.0.0.1:0", "--http", "off", "--console", "off")
    with Emulator(options=options) as tenant:
        base = f'ca_file = "{tenant.ready["ca_file"]}"\n{BASE}'
        with relaying(home, configuration(tenant), base=base) as relay:
            yield World(relay, tenant)


def test_the_role_is_that_of_the_person(world: World) -> None:
    browser = world.browser()
    shown = world.sign_in(browser, "viewer", "/sessions")
    assert shown.status == 200
    assert shown.links == ["/sessions"]
    assert browser.request("/queue").status == 200
    assert browser.request("/directory").status == 403
    told = world.relay.wait_event("console_signed_in")
    assert told["user"] == f"viewer@{world.domain}"


def test_who_has_no_role_learns_why(world: World) -> None:
    shown = world.sign_in(world.browser(), "nobody")
    assert shown.status == 401
    assert f"You are nobody@{world.domain}" in shown.text
    assert world.relay.wait_event("console_refused")["reason"].startswith("entra_role:")


def test_no_code_and_no_token_is_in_the_log(world: World) -> None:
    world.sign_in(world.browser(), "admin")
    log = (world.relay.directory / "log").read_text()
    assert "eyJ" not in log
    assert "code=" not in log


def test_a_change_of_roles_signs_people_out(world: World) -> None:
    browser = world.browser()
    assert world.sign_in(browser, "admin").status == 200
    world.relay.reloaded(configuration(world.tenant))
    assert browser.request("/settings").status == 200
    world.relay.reloaded(configuration(world.tenant, admin="chief"))
    assert browser.request("/settings").status == 303
    assert world.sign_in(browser, "admin").status == 401
    world.relay.reloaded(configuration(world.tenant))


def test_check_reads_the_secret(world: World, tmp_path: Path) -> None:
    text = world.relay.config.read_text() + 'secret = { environment = "NO_SUCH_VARIABLE" }\n'
    (tmp_path / "gatepost.toml").write_text(text)
    done = fork_server.run(
        [GATEPOST, "check", "--config", "gatepost.toml"], cwd=tmp_path,
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the environment variable NO_SUCH_VARIABLE is not set" in done.stdout + done.stderr
