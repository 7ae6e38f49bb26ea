"""Requests that are generated from the descriptions of both APIs, sent to a real server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.testing import Emulator

pytestmark = pytest.mark.compliance

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
SECONDS = 600


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/api/v1/swagger.json", ""),
        ("/api/v1/swagger.json", "/inbox/all"),
        ("/api/gatepost/v1/openapi.json", "/api/gatepost/v1"),
    ],
    ids=["mailbox", "inbox", "own"],
)
def test_generated_requests_get_described_responses(
    relay: Emulator, tmp_path: Path, path: str, base: str
) -> None:
    ready = json.loads((relay.data / "ready.json").read_bytes())
    url, token = ready["mailbox_api"], ready["api_token"]
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{url}{path}",
            "--url", url + base, "--header", f"Authorization: Bearer {token}", "--checks", CHECKS,
            "--max-examples", "15", "--phases", "examples,coverage,fuzzing",
            "--exclude-path-regex", "events|clock/advance|doctor/probe",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
