"""Every cell of the matrix with real MTAs, other servers, and every profile."""

from pathlib import Path

import pytest

from tests.matrix.cells import cells, pairwise
from tests.matrix.mail_servers import mail_servers, profiles, provider_profiles
from tests.matrix.run import entra_token, run
from tests.matrix.upstreams import usual_servers

pytestmark = pytest.mark.compliance


def test_mail_servers(tmp_path: Path) -> None:
    with mail_servers() as upstreams:
        everything = cells([each.offer() for each in upstreams])
        with run(tmp_path, everything, upstreams) as result:
            assert result.faults() == []


def test_other_people_s_servers(tmp_path: Path) -> None:
    with usual_servers(tmp_path, entra_token) as upstreams:
        home = tmp_path / "run"
        home.mkdir()
        with run(home, cells([each.offer() for each in upstreams]), upstreams) as result:
            assert result.faults() == []


@pytest.mark.parametrize("part", range(4))
def test_every_profile(part: int, tmp_path: Path) -> None:
    """All pairs of values occur; only a few run at a time, because each is a process."""
    with profiles(provider_profiles()[part::4]) as upstreams:
        chosen = pairwise(cells([each.offer() for each in upstreams]))
        with run(tmp_path, chosen, upstreams) as result:
            assert result.faults() == []
