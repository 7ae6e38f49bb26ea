"""``[dkim]``: keys, the targets whose mail they sign, and mistakes."""

import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from gatepost.config.load import load_config, parse_config, read_config
from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import DkimKeySettings, DkimSettings
from gatepost.dkim.signing_keys import as_pem, make_private_key
from tests.unit.config.small import mistakes

BASE = """\
hostname = "mail.contoso.example"
[[listener]]
address = "127.0.0.1:2525"
tls = "none"
[[route]]
to = "direct"
[target.direct]
kind = "mx"
"""
KEY = '[[dkim.key]]\ndomain = "Bücher.example"\nselector = "One"\n'


def test_keys_have_a_place_and_names_in_ascii() -> None:
    config = parse_config(f"{BASE}dkim = true\n{KEY}[storage]\ndirectory = '/data'\n")
    file = "/data/dkim/xn--bcher-kva.example/one.pem"
    assert config.dkim == DkimSettings((DkimKeySettings("xn--bcher-kva.example", "one", file),))
    assert config.routes[0].chain[0].dkim == ("*",)  # type: ignore[union-attr]


def test_how_they_sign() -> None:
    text = '[dkim]\ncanonicalization = "relaxed/simple"\nexpires_after = "7d"\n'
    dkim = parse_config(f"{BASE}dkim = 'bücher.example'\n{text}{KEY}file = 'k.pem'\n").dkim
    assert (dkim.header, dkim.body, dkim.lifetime) == ("relaxed", "simple", timedelta(days=7))
    assert dkim.keys[0].file == "k.pem"


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ("dkim = true\n", "g.toml:9: target.direct.dkim: there is no [[dkim.key]]"),
        (f"dkim = ['a.example']\n{KEY}", "there is no [[dkim.key]] with this domain: a.example"),
        (f"dkim = 5\n{KEY}", "must be a domain"),
        (f"dkim = true\n{KEY}{KEY}", "there is already a key one of xn--bcher-kva.example"),
        (f"dkim = true\n{KEY.replace('One', '-')}", "must be a selector"),
        (f"dkim = true\n{KEY.replace('domain', 'doman')}", "unknown key dkim.key[0].doman"),
        (f"dkim = true\n[dkim]\ncanonicalization = 'relaxed'\n{KEY}", '"relaxed/relaxed"'),
    ],
)
def test_mistakes(more: str, mistake: str) -> None:
    assert any(mistake in each for each in mistakes(BASE + more))


def test_targets_that_take_no_mime_have_no_such_key() -> None:
    text = f'{KEY}[target.kept]\nkind = "capture"\ndkim = true\n'
    assert any("unknown key target.kept.dkim" in each for each in mistakes(BASE + text))


def test_a_key_that_signs_nothing_is_warned_of() -> None:
    _, source = read_config(BASE + KEY, "g.toml")
    [warning] = [str(each) for each in source.warnings if "DKIM" in str(each)]
    assert warning == (
        "g.toml:9: the DKIM key of xn--bcher-kva.example signs nothing: no target names it"
    )


def warnings(directory: Path, pem: bytes | None, mode: int = 0o600) -> list[str]:
    file = directory / "k.pem"
    if pem is not None:
        file.write_bytes(pem)
        file.chmod(mode)
    config = directory / "g.toml"
    storage = f"[storage]\ndirectory = '{directory}/data'\n"
    config.write_text(f"{BASE}dkim = true\n{storage}{KEY}file = '{file}'\n")
    found = [str(each) for each in load_config(config, {}).warnings]
    return [each for each in found if "k.pem" in each]


def test_a_good_key_is_not_mentioned(tmp_path: Path) -> None:
    assert warnings(tmp_path, as_pem(make_private_key("ed25519"))) == []


def test_a_weak_key_is_warned_of(tmp_path: Path) -> None:
    [told] = warnings(tmp_path, as_pem(generate_private_key(65_537, 1024)))
    assert "less than 2048 bits" in told


@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")
def test_a_key_that_others_can_read_is_warned_of() -> None:
    with TemporaryDirectory() as directory:  # whose parents everybody can enter
        Path(directory).chmod(0o755)
        [told] = warnings(Path(directory), as_pem(make_private_key("ed25519")), 0o644)
    assert "can be read by everybody on this machine (chmod 600)" in told


@pytest.mark.parametrize(
    ("pem", "mistake"), [(None, "cannot be read"), (b"hello", "it is no private key in PEM format")]
)
def test_an_unreadable_key_is_a_mistake(tmp_path: Path, pem: bytes | None, mistake: str) -> None:
    with pytest.raises(ConfigProblems, match=mistake):
        warnings(tmp_path, pem)
