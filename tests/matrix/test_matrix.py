"""The matrix with the servers of Python and npm packages: all pairs of values occur."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.client.settings import Token
from gatepost.testing import Emulator
from tests.certificates import make_authority
from tests.clients.node import packages
from tests.matrix.bridge import bridging
from tests.matrix.cells import BY_TOKEN, cells, pairwise, verdict_of
from tests.matrix.run import entra_token, run, wait_until
from tests.matrix.tokens import token_services
from tests.matrix.upstreams import Upstream, emulator, usual_servers


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Upstream]]:
    with usual_servers(tmp_path_factory.mktemp("upstreams"), entra_token) as found:
        yield found


@packages.needs_node
def test_every_two_values_meet(upstreams: list[Upstream], tmp_path: Path) -> None:
    chosen = pairwise(cells([each.offer() for each in upstreams]))
    with run(tmp_path, chosen, upstreams) as result:
        assert result.faults() == []
        assert result.legal
        assert result.illegal
        assert result.mistakes


@pytest.mark.compliance
def test_applications_with_a_token_come_in(tmp_path: Path) -> None:
    """XOAUTH2 and OAUTHBEARER with the keys of an Entra tenant as intake; any mechanism
    upstream."""
    given: list[Emulator] = []

    def token_of(relay: Emulator) -> str:
        given.append(relay)
        return entra_token(relay)

    with emulator("acs-xoauth2", token_of) as upstream:
        [provider] = given
        ready = provider.ready
        legal = [
            each for each in cells([upstream.offer()]) if verdict_of(each, upstream.offer()) is None
        ]
        directory = f"""
[directory]
kind = "entra"
tenants = "{ready["tenant_id"]}"
authority = "{ready["authority"]}"
senders = "*"
"""
        services_home = tmp_path / "services"
        services_home.mkdir()
        authority = make_authority(services_home)
        (services_home / "ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
        with (
            token_services(services_home, authority, [upstream]) as services,
            bridging(tmp_path / "relay", legal, [upstream], services, directory) as bridge,
        ):
            expected = set()
            for intake in BY_TOKEN:
                bridge.hand_in(intake, legal, (provider.username, Token(upstream.token)))
                expected |= {bridge.address(cell, intake) for cell in legal}
            wait_until(lambda: expected <= bridge.delivered())
            assert bridge.delivered() == expected
            assert {each["mechanism"] for each in bridge.relay.events("signed_in")} == set(BY_TOKEN)
    assert {each.kind for each in legal} >= {"password", "entra-secret", "managed-identity"}
