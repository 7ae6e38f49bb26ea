"""Where a token comes from: the environment, or the Azure CLI."""

import json
import logging
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Self

import pytest

from gatepost.errors import ConfigError
from gatepost.migrate.arm_token import ARM, ARM_VARIABLE, find_token


def install_cli(directory: Path, answer: str, status: int = 0) -> None:
    """Put a program `az` in front of all others, which checks its arguments."""
    program = directory / "az"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"assert sys.argv[1:] == ['account', 'get-access-token', '--output', 'json', "
        f"'--resource', {ARM!r}]\n"
        f"print({answer!r}, file=sys.stderr if {status} else sys.stdout)\n"
        f"sys.exit({status})\n"
    )
    program.chmod(0o700)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_the_environment_comes_first(path: Path) -> None:
    install_cli(path, "nothing", 1)
    assert find_token(ARM, ARM_VARIABLE, {ARM_VARIABLE: " abc\n"}).reveal() == "abc"


def test_the_azure_cli_is_asked(path: Path) -> None:
    install_cli(path, json.dumps({"accessToken": "of-az", "expiresOn": "2026-11-24 12:00:00"}))
    token = find_token(ARM, ARM_VARIABLE, {})
    assert token.reveal() == "of-az"
    assert "of-az" not in repr(token)


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        ("Please run 'az login' to set up an account.", 1, "Please run 'az login'"),
        ("not JSON", 0, "its answer has no token"),
        ("[]", 0, "its answer has no token"),
    ],
)
def test_without_a_token_the_error_says_what_to_do(
    path: Path, answer: str, status: int, why: str, without_azure_identity: None
) -> None:
    del without_azure_identity
    install_cli(path, answer, status)
    with pytest.raises(ConfigError, match="sign in with `az login`, or give a token") as caught:
        find_token(ARM, ARM_VARIABLE, {})
    assert why in str(caught.value)


@pytest.fixture
def without_azure_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask services of a cloud for a managed identity."""
    monkeypatch.setitem(sys.modules, "azure.identity", None)


class Credential:
    """azure-identity's, which finds nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def get_token(self, _scope: str) -> None:
        raise RuntimeError


def test_azure_identity_is_quiet_and_may_say_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_cli(path, "no", 1)
    logger = logging.getLogger("azure.identity")
    monkeypatch.setattr(logger, "level", logging.WARNING)
    library = ModuleType("azure.identity")
    library.DefaultAzureCredential = Credential  # type: ignore[attr-defined]
    library.__spec__ = ModuleSpec("azure.identity", None)
    monkeypatch.setitem(sys.modules, "azure.identity", library)
    with pytest.raises(ConfigError, match="azure-identity: RuntimeError"):
        find_token(ARM, ARM_VARIABLE, {})
    assert logger.level == logging.CRITICAL


def test_a_variable_with_two_lines_is_no_token() -> None:
    with pytest.raises(ConfigError, match="must have the token alone"):
        find_token(ARM, ARM_VARIABLE, {ARM_VARIABLE: "abc\ndef"})
