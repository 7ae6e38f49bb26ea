"""Requests that are generated from the descriptions of both APIs, sent to a real server."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Emulator

pytestmark = pytest.mark.compliance

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
SECONDS = 600
NOT_CALLED = "events|clock/advance|doctor/probe"
"""What answers late, or changes what the server is."""


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


def description(url: str, token: str) -> dict[str, Any]:
    """Return the description, without the parameter with which a request waits for a minute."""
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        document: dict[str, Any] = json.load(response)
    for item in document["paths"].values():
        for operation in item.values():
            operation["parameters"] = [
                each for each in operation["parameters"] if each["name"] != "wait"
            ]
    return document


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
    file = tmp_path / "api.json"
    file.write_text(json.dumps(description(url + path, token)))
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", file, "--url", url + base,
            "--header", f"Authorization: Bearer {token}", "--checks", CHECKS,
            "--max-examples", "20", "--phases", "coverage,fuzzing",
            "--exclude-path-regex", NOT_CALLED,
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
