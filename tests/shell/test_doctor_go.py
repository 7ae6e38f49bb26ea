"""The Go code that the doctor prints compiles."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.library import Placeholders

pytestmark = pytest.mark.compliance

GO = LIBRARIES["go-net-smtp"]
PACKAGES = (
    "bytes", "crypto/tls", "crypto/x509", "encoding/base64", "errors", "fmt", "io", "log", "mime",
    "mime/quotedprintable", "net", "net/mail", "net/smtp", "net/url", "os", "strings", "time",
)  # fmt: skip
"""What the code may import; of a name that it uses, the last part stands before a dot."""
WHOLE = [topic for topic, fix in GO.fixes.items() if "func " in (fix.code or "")]


def test_most_of_it_is_whole_functions() -> None:
    assert set(WHOLE) >= {"login", "plain", "xoauth2", "starttls", "implicit", "trust"}


@pytest.mark.parametrize("topic", WHOLE)
def test_go_takes_it(topic: str, tmp_path: Path) -> None:
    fix = next(fix for name, fix in GO.fixes.items() if name == topic)
    code = Placeholders("smtp.azurecomm.net", 587).fill(fix.code or "")
    spoken = re.sub(r"//.*", "", code)
    used = [name for name in PACKAGES if re.search(rf"\b{Path(name).name}\.[A-Z]", spoken)]
    imports = "".join(f'\t"{name}"\n' for name in used)
    source = tmp_path / "main.go"
    source.write_text(f"package main\n\nimport (\n{imports})\n\n{code}\nfunc main() {{}}\n")
    offline = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod"}
    run = subprocess.run(
        ["go", "vet", str(source)], env=os.environ | offline, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
