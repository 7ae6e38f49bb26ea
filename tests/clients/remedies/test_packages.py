"""The fixes for libraries of Debian are run as they are printed."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from compliance.postfix import running_postfix
from tests.clients.remedies.commands import CURL, MSMTP, SWAKS, run_msmtp, run_shell
from tests.clients.remedies.go import GO, GoPrograms
from tests.clients.remedies.grounds import Grounds
from tests.clients.remedies.java import JAVAMAIL, SPRING, Java
from tests.clients.remedies.laravel import LARAVEL, run_laravel
from tests.clients.remedies.php import PHPMAILER, SYMFONY, run_php
from tests.clients.remedies.proof import Case, Prover, Run, and_kin
from tests.clients.remedies.ruby import PROGRAMS, RUBY
from tests.clients.remedies.smarthost import POSTFIX, Smarthost
from tests.clients.remedies.worker import Worker

pytestmark = pytest.mark.compliance

CASES = {
    "go-net-smtp": and_kin(GO),
    "phpmailer": and_kin(PHPMAILER),
    "symfony": and_kin(SYMFONY),
    "laravel": and_kin(LARAVEL),
    "javamail": and_kin(JAVAMAIL),
    "spring": and_kin(SPRING),
    "ruby-net-smtp": and_kin(RUBY),
    "curl": and_kin(CURL),
    "swaks": and_kin(SWAKS),
    "msmtp": and_kin(MSMTP),
    "postfix": POSTFIX,
}
RUNNERS: dict[str, Run] = {
    "phpmailer": run_php,
    "symfony": run_php,
    "laravel": run_laravel,
    "curl": run_shell,
    "swaks": run_shell,
    "msmtp": run_msmtp,
}
BUILT = {
    "go-net-smtp": "go_programs", "javamail": "java", "spring": "spring", "ruby-net-smtp": "ruby",
    "postfix": "postfix",
}  # fmt: skip
"""Fixtures of what is built first."""
PROOFS = [
    pytest.param(library, case, id=f"{library}-{case.cause}")
    for library, cases in CASES.items()
    for case in cases
]


@pytest.fixture(scope="module")
def go_programs(grounds: Grounds, tmp_path_factory: pytest.TempPathFactory) -> GoPrograms:
    home = tmp_path_factory.mktemp("go")
    prover = Prover("go-net-smtp", RUNNERS["curl"], home)  # it only writes the programs
    orders = [
        order
        for case in CASES["go-net-smtp"]
        for order in (
            prover.fault(case, grounds[case.ground]), prover.healed(case, grounds[case.ground])
        )
    ]  # fmt: skip
    return GoPrograms(home, [order.code for order in orders])


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Java]:
    running = Java(tmp_path_factory.mktemp("java"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def spring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Java]:
    running = Java(tmp_path_factory.mktemp("spring"), "SpringPrograms")
    yield running
    running.close()


@pytest.fixture(scope="module")
def ruby() -> Iterator[Worker]:
    running = Worker(PROGRAMS, {})
    yield running
    running.close()


@pytest.fixture(scope="module")
def postfix() -> Iterator[Smarthost]:
    with TemporaryDirectory(prefix="smarthost-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)  # Postfix changes users
        with running_postfix(Path(directory) / "home") as running:
            yield Smarthost(running)


@pytest.mark.parametrize(("library", "case"), PROOFS)
def test_fix(
    library: str, case: Case, grounds: Grounds, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = RUNNERS.get(library) or request.getfixturevalue(BUILT[library]).run
    prover = Prover(library, run, tmp_path)
    prover.prove(case, grounds[case.ground])
    assert prover.problems == [], "\n\n".join(prover.problems)
