"""The cures for what Debian carries are run as they are printed."""

from pathlib import Path

import pytest

from tests.clients.remedies.commands import CURL, MSMTP, SWAKS, run_msmtp, run_shell
from tests.clients.remedies.grounds import Grounds
from tests.clients.remedies.php import PHPMAILER, SYMFONY, run_php
from tests.clients.remedies.proof import Case, Prover, Run
from tests.clients.remedies.ruby import RUBY, run_ruby

pytestmark = pytest.mark.compliance

CASES = {
    "phpmailer": PHPMAILER,
    "symfony": SYMFONY,
    "ruby-net-smtp": RUBY,
    "curl": CURL,
    "swaks": SWAKS,
    "msmtp": MSMTP,
}
RUNNERS: dict[str, Run] = {
    "phpmailer": run_php,
    "symfony": run_php,
    "ruby-net-smtp": run_ruby,
    "curl": run_shell,
    "swaks": run_shell,
    "msmtp": run_msmtp,
}
PROOFS = [
    pytest.param(library, case, id=f"{library}-{case.cause}")
    for library, cases in CASES.items()
    for case in cases
]


@pytest.mark.parametrize(("library", "case"), PROOFS)
def test_cure(library: str, case: Case, grounds: Grounds, tmp_path: Path) -> None:
    prover = Prover(library, RUNNERS[library], tmp_path)
    prover.prove(case, grounds[case.ground])
    assert prover.problems == [], "\n\n".join(prover.problems)
