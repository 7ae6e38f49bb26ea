"""The fixes for libraries of Python and Node.js are run as they are printed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.clients.node.packages import needs_node
from tests.clients.remedies.grounds import Grounds
from tests.clients.remedies.javascript import NODEMAILER
from tests.clients.remedies.proof import Case, Prover, and_kin
from tests.clients.remedies.python import AIOSMTPLIB, DJANGO, SMTPLIB
from tests.clients.remedies.worker import NODE, PYTHON, Workers

CASES = {
    "python-smtplib": and_kin(SMTPLIB),
    "aiosmtplib": and_kin(AIOSMTPLIB),
    "django": and_kin(DJANGO),
    "nodemailer": and_kin(NODEMAILER),
}
PROOFS = [
    pytest.param(
        library, case, id=f"{library}-{case.cause}",
        marks=[needs_node] if library == "nodemailer" else [],
    )
    for library, cases in CASES.items()
    for case in cases
]  # fmt: skip

# Python and Node.js are here without system packages, but ninety sessions take long.
pytestmark = pytest.mark.compliance


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Mapping[str, Workers]]:
    python, node = Workers(PYTHON, "SSL_CERT_FILE"), Workers(NODE, "NODE_EXTRA_CA_CERTS")
    yield {**dict.fromkeys(CASES, python), "nodemailer": node}
    python.close()
    node.close()


@pytest.mark.parametrize(("library", "case"), PROOFS)
def test_fix(
    library: str,
    case: Case,
    grounds: Grounds,
    interpreters: Mapping[str, Workers],
    tmp_path: Path,
) -> None:
    prover = Prover(library, interpreters[library].run, tmp_path)
    prover.prove(case, grounds[case.ground])
    assert prover.problems == [], "\n\n".join(prover.problems)
