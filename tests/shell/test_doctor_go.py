"""The Go code that the doctor prints compiles."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from gatepost.diagnosis.remedies import LIBRARIES
from gatepost.diagnosis.remedies.library import Place

pytestmark = pytest.mark.compliance

GO = LIBRARIES["go-net-smtp"]
PACKAGES = {
    "errors": r"\berrors\.New\b",
    "os": r"\bos\.ReadFile\b",
    "net/smtp": r"\bsmtp\.[A-Z]",
    "crypto/tls": r"\btls\.[A-Z]",
    "crypto/x509": r"\bx509\.[A-Z]",
}
WHOLE = [topic for topic, cure in GO.cures.items() if "func " in (cure.code or "")]


def test_most_of_it_is_whole_functions() -> None:
    assert set(WHOLE) >= {"login", "plain", "xoauth2", "starttls", "implicit", "trust"}


@pytest.mark.parametrize("topic", WHOLE)
def test_go_takes_it(topic: str, tmp_path: Path) -> None:
    cure = next(cure for name, cure in GO.cures.items() if name == topic)
    code = Place("smtp.azurecomm.net", 587).fill(cure.code or "")
    spoken = re.sub(r"//.*", "", code)
    imports = "".join(f'\t"{name}"\n' for name, use in PACKAGES.items() if re.search(use, spoken))
    source = tmp_path / "main.go"
    source.write_text(f"package main\n\nimport (\n{imports})\n\n{code}\nfunc main() {{}}\n")
    offline = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod"}
    run = subprocess.run(
        ["go", "vet", str(source)], env=os.environ | offline, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
