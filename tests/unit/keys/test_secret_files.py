"""A changed secret in a credential's file is noticed; a rewritten equal one is not."""

from pathlib import Path

import pytest

from gatepost.client.named_secret import DIRECTORY, NamedSecret
from gatepost.config.settings import (
    AzureIdentityCredential,
    CertificateCredential,
    CredentialSettings,
    EntraCredential,
    PasswordCredential,
)
from gatepost.keys.secret_files import SecretFiles


class Bench:
    """The files of these credentials, and the reports."""

    def __init__(self, *credentials: CredentialSettings):
        self.told: list[str] = []
        self.files = SecretFiles(self.told.extend)
        self.files.follow(credentials)

    def look(self) -> list[str]:
        """Return the credentials that a look reports."""
        self.told.clear()
        self.files.look()
        return list(self.told)


def password(name: str, path: Path) -> PasswordCredential:
    return PasswordCredential(name, "user", NamedSecret("file", str(path)))


def put(path: Path, text: str) -> Path:
    """Replace a file."""
    draft = path.with_suffix(".new")
    draft.write_text(text)
    return draft.replace(path)


def test_another_secret(tmp_path: Path) -> None:
    path = put(tmp_path / "secret", "one")
    bench = Bench(password("a", path), password("b", path), password("c", tmp_path / "none"))
    assert bench.look() == []
    put(path, "two\n")
    assert bench.look() == ["a", "b"]
    assert bench.look() == []


def test_rewriting_the_same_secret_is_no_change(tmp_path: Path) -> None:
    path = put(tmp_path / "secret", "one")
    bench = Bench(password("a", path))
    put(path, "one\n")
    assert bench.look() == []


def test_a_secret_that_comes_back_counts(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    bench = Bench(password("a", path))
    put(path, "one")
    assert bench.look() == ["a"]
    path.unlink()
    assert bench.look() == []
    put(path, "one")
    assert bench.look() == ["a"]


def test_a_pod_s_token_counts_when_it_appears_and_not_each_time_that_it_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(path))
    bench = Bench(AzureIdentityCredential("pod", "workload-identity"))
    put(path, "one")
    assert bench.look() == ["pod"]
    put(path, "two")
    assert bench.look() == []


def test_a_link_that_leads_elsewhere(tmp_path: Path) -> None:
    """Kubernetes replaces the directory with the secrets."""
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(f"of {name}")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "secret").symlink_to("..data/secret")
    bench = Bench(password("a", tmp_path / "secret"))
    (tmp_path / "..data.new").symlink_to("..2")
    (tmp_path / "..data.new").replace(tmp_path / "..data")
    assert bench.look() == ["a"]


def test_every_file_of_a_credential_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    names = ["chain", "key", "client"]
    for name in names:
        put(tmp_path / name, name)
    pair = CertificateCredential("pair", str(tmp_path / "chain"), str(tmp_path / "key"))
    entra = EntraCredential("entra", "t", "c", NamedSecret("systemd", "client"))
    unnoticed = PasswordCredential("env", "user", NamedSecret("environment", "NOBODY"))
    bench = Bench(pair, entra, unnoticed)
    told = []
    for name in names:
        put(tmp_path / name, "another")
        told += bench.look()
    assert told == ["pair", "pair", "entra"]
