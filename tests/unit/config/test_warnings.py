"""Warnings: configurations that are valid, and hardly intended."""

import errno
import os
import struct
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gatepost.config.load import load_config, read_config
from gatepost.config.problems import ConfigProblems
from gatepost.diagnosis.announced_endings import Ending
from tests.certificates import make_authority
from tests.unit.config.small import SMALL


def test_an_account_that_can_send_nothing_is_warned_of() -> None:
    account = '[[directory.account]]\nname = "a"\npassword = { environment = "A" }\n'
    warnings = parse_warnings(f"{SMALL}{account}")
    assert warnings == [
        "g.toml:8: directory.account[0].senders names nobody: the account cannot send anything"
    ]
    assert not parse_warnings(f'{SMALL}{account}senders = "*"\n')


def test_a_port_for_starttls_is_none_for_implicit_tls() -> None:
    text = "[target.here]\nkind = 'smarthost'\nservers = 'x.example:{}'\ntls = 'implicit'\n"
    small = SMALL.replace('[target.here]\nkind = "capture"\n', "")
    assert small != SMALL
    assert len(parse_warnings(small + text.format(587))) == 1
    assert not parse_warnings(small + text.format(465))


def test_servers_of_both_kinds_of_tls_are_no_one_target() -> None:
    servers = "kind = 'smarthost'\nservers = ['x.example:465', 'x.example:587']\n"
    [told] = parse_warnings(SMALL.replace('kind = "capture"\n', servers))
    assert told == 'g.toml:4: target.here.tls: ports 465 and 2465 are for "implicit"'


def test_a_proxy_that_anybody_may_be_is_warned_of() -> None:
    text = "[[listener]]\nname = 'in'\naddress = '{}:25'\ncertificate = 'c'\nproxies = '{}'\n"
    assert len(parse_warnings(SMALL + text.format("0.0.0.0", "0.0.0.0/0"))) == 1
    assert not parse_warnings(SMALL + text.format("0.0.0.0", "10.0.0.0/8"))
    assert not parse_warnings(SMALL + text.format("127.0.0.1", "0.0.0.0/0"))


def test_a_provider_that_ends_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = Ending(("ends.example",), date(9999, 9, 30), "Example ends its relay", "its letter")
    passwords = Ending(("kept.example",), date(9999, 1, 1), "it takes no passwords", "its letter")
    past = Ending(("ends.example",), date(2020, 1, 1), "Example ended", "its letter")
    monkeypatch.setattr("gatepost.diagnosis.announced_endings.SERVICES", (end, past))
    monkeypatch.setattr("gatepost.diagnosis.announced_endings.PASSWORDS", (passwords,))
    target = "kind = 'smarthost'\nservers = ['{}']\n"
    login = "credential = 'c'\n[credentials.c]\nkind = 'password'\nusername = 'u'\n"
    login += f"password = {{ file = '{tmp_path / 'secret'}' }}\n"
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    path = tmp_path / "g.toml"
    for server, credential, expected in (
        ("smtp.ends.example", "", ["on 9999-09-30: Example ends its relay (its letter)"]),
        ("kept.example", login, ["on 9999-01-01: it takes no passwords (its letter)"]),
        ("kept.example", "", []),
        ("notends.example", login, []),
    ):
        small = SMALL.replace('kind = "capture"\n', target.format(server) + credential)
        path.write_text(f"{small}[storage]\ndirectory = '{tmp_path / 'data'}'\n")
        warnings = [str(each) for each in load_config(path).warnings]
        assert [each for each in warnings if "letter" in each] == [
            f"{path}:4: target.here: {each}" for each in expected
        ]


def parse_warnings(text: str) -> list[str]:
    return [str(each) for each in read_config(text, "g.toml")[1].warnings]


def test_unused_sections_are_warned_about() -> None:
    text = '[target.out]\nkind = "mx"\n[credentials.acs]\nkind = "access-key"\n'
    text += 'key = { file = "k" }\n[retry.slow]\nfirst = "5m"\n'
    config, source = read_config(f"{SMALL}{text}", "g.toml")
    assert config.routes
    assert [str(each) for each in source.warnings] == [
        "g.toml:8: target.out is not used by any route",
        "g.toml:10: credentials.acs is not used by any target",
        "g.toml:13: retry.slow is not used by any route",
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'first = "2h"\nlongest = "3h"\nexpire = "1h"',
            ["g.toml:9: retry.default.first: the first wait"],
        ),
        ('table = ["5d", "6d"]', ["g.toml:9: retry.default.table: the first wait is longer than"]),
        ('warn = "6d"', ["g.toml:9: retry.default.warn is later than retry.default.expire"]),
        ('expire = "1h"', []),
        ('warn = "never"', []),
    ],
)
def test_retry_times_that_never_happen_are_warned_about(said: str, told: list[str]) -> None:
    warnings = parse_warnings(f"{SMALL}[retry.default]\n{said}\n")
    assert len(warnings) == len(told)
    for warning, beginning in zip(warnings, told, strict=True):
        assert warning.startswith(beginning)


@pytest.mark.parametrize(
    ("hostname", "is_told"),
    [("relay", True), ("relay.example.com", False), ("192.0.2.1", False), ("2001:db8::1", False)],
)
def test_mail_exchangers_want_a_whole_host_name(hostname: str, is_told: bool) -> None:
    text = f'hostname = "{hostname}"\n{SMALL.replace("capture", "mx")}'
    said = f"g.toml:1: hostname {hostname} has no domain"
    assert [each.startswith(said) for each in parse_warnings(text)] == [True] * is_told
    assert not parse_warnings(text.replace('"mx"', '"capture"'))


def test_a_route_for_the_same_mail_is_warned_of() -> None:
    """Case does not matter, nor order, nor the names of the two, nor how a domain is spelled."""
    routes = "".join(
        f'[[route]]\nrecipients = {each}\nto = "here"\n'
        for each in (
            '["Bob@a.net", "b.bücher.net"]',
            '["B.xn--bcher-kva.net", "bob@a.net"]',
            '"bob@a.net"',
        )
    )
    text = f'{SMALL.partition("[[route]]")[0]}{routes}[[route]]\nto = "here"\n'
    _, source = read_config(text, "g.toml")
    [told] = [str(each) for each in source.warnings if "never used" in str(each)]
    assert "is for the same mail" in told


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        (
            'to = "acs"',
            "11: bounces are mail from <>, and acs, their route's target, does not",
        ),
        ('to = ["acs", "hub"]', "11: bounces are mail from <>, and acs, their route's target"),
        ('to = ["hub", "acs"]', ""),
        ('senders = "<>"\nto = "hub"\n[[route]]\nto = "acs"', ""),
        (
            'senders = "<>"\nrecipients = "example.net"\nto = "acs"\n[[route]]\nto = "graph"',
            "15: bounces are mail from <>, and graph, their route's target, does not",
        ),
        ('recipients = "example.net"\nto = "acs"\n[[route]]\nto = "hub"', ""),
        (
            'senders = "<>"\nto = "graph"\n[[route]]\nto = "hub"',
            "11: bounces are mail from <>, and graph, their route's target, does not",
        ),
        ('applications = "*"\nto = "hub"', "11: no route takes bounces (mail from <>)"),
        ('senders = "example.net"\nto = "hub"', "11: no route takes bounces (mail from <>)"),
    ],
)
def test_routes_that_lose_bounces_are_warned_about(routes: str, said: str) -> None:
    targets = (
        '[target.acs]\nkind = "acs-rest"\nendpoint = "https://acs.example"\ncredential = "c"\n'
        '[target.graph]\nkind = "graph"\ncredential = "c"\n'
        '[target.hub]\nkind = "capture"\n'
    )
    _, source = read_config(f"{targets}[credentials.c]\n[[route]]\n{routes}\n", "g.toml")
    warnings = [str(each) for each in source.warnings if "bounces" in str(each)]
    assert len(warnings) == bool(said)
    assert all(each.startswith(f"g.toml:{said}") for each in warnings)


@pytest.mark.parametrize(
    ("server", "takes_none"),
    [("SMTP.azurecomm.net:587", True), ("smtp.office365.com", True), ("mail.example.com", False)],
)
def test_a_smarthost_that_takes_no_bounces_is_known(server: str, takes_none: bool) -> None:
    target = f"kind = 'smarthost'\nservers = '{server}'\n"
    warnings = parse_warnings(SMALL.replace('kind = "capture"\n', target))
    assert bool([each for each in warnings if "does not accept it" in each]) is takes_none


def test_a_secret_that_others_can_read_is_warned_of() -> None:
    with TemporaryDirectory() as name:  # not below pytest's own, which nobody else may enter
        secret, path = Path(name, "secret"), Path(name, "g.toml")
        path.write_text(
            f'{SMALL}[[directory.account]]\nname = "a"\nsenders = "*"\n'
            f'password = {{ file = "{secret}" }}\n'
        )
        secret.write_text("s")
        for directory, file, who in (
            (0o755, 0o644, "read by everybody"),
            (0o755, 0o602, "written by everybody"),
            (0o755, 0o640, "read by the file's group"),
            (0o750, 0o660, "read by the file's group"),
            (0o700, 0o666, ""),
            (0o755, 0o600, ""),
        ):
            Path(name).chmod(directory)
            secret.chmod(file)
            warnings = [str(each) for each in load_config(path, {}).warnings]
            assert len(warnings) == bool(who)
            assert all(each.startswith(f"{path}:11: ") and who in each for each in warnings)


# acl(5), as Linux keeps it: version 2, then tag, permissions and id of each entry.
ONE_MORE_READER = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, permissions, user)
    for tag, permissions, user in (
        (0x01, 6, 0xFFFFFFFF),  # the owner
        (0x02, 4, 64048),  # a user
        (0x04, 0, 0xFFFFFFFF),  # the group: nothing
        (0x10, 4, 0xFFFFFFFF),  # the limit for both
        (0x20, 0, 0xFFFFFFFF),  # everybody
    )
)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep these lists elsewhere")
def test_a_secret_that_an_access_list_opens_to_one_user_is_not_for_its_group() -> None:
    """So are the credentials of systemd, for which ``stat`` tells 0440."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        secret, path = Path(name, "secret"), Path(name, "g.toml")
        path.write_text(
            f'{SMALL}[[directory.account]]\nname = "a"\nsenders = "*"\n'
            f'password = {{ file = "{secret}" }}\n'
        )
        secret.write_text("s")
        os.setxattr(secret, "system.posix_acl_access", ONE_MORE_READER)
        assert secret.stat().st_mode & 0o777 == 0o640
        assert not load_config(path, {}).warnings


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep these lists elsewhere")
def test_a_file_system_may_keep_no_access_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> list[str]:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "listxattr", refuse)
    test_a_secret_that_others_can_read_is_warned_of()


@pytest.mark.parametrize(
    ("text", "is_odd"),
    [("s\n", False), ("\ufeffs\r\n", False), ("s\n\n", True), (" s", True), ("s t", False)],
)
@pytest.mark.parametrize("whose", ["account", "credential"])
def test_a_secret_with_more_than_one_line_end_is_warned_of(
    tmp_path: Path, whose: str, text: str, is_odd: bool
) -> None:
    (tmp_path / "secret").write_text(text)
    (tmp_path / "secret").chmod(0o600)
    secret = f'password = {{ file = "{tmp_path}/secret" }}\n'
    account = f'[[directory.account]]\nname = "a"\nsenders = "*"\n{secret}'
    credential = f'[credentials.c]\nkind = "password"\nusername = "u"\n{secret}'
    hub = "kind = 'smarthost'\nservers = 'hub.example'\ncredential = 'c'\n"
    parts = {
        "account": SMALL + account,
        "credential": SMALL.replace('kind = "capture"\n', hub) + credential,
    }
    path = tmp_path / "g.toml"
    path.write_text(parts[whose])
    warnings = [str(each) for each in load_config(path, {}).warnings]
    assert [each for each in warnings if "part of the secret" in each] == warnings
    assert bool(warnings) is is_odd


def test_a_storage_that_others_can_change_is_warned_of() -> None:
    with TemporaryDirectory() as name:
        storage, path = Path(name, "store"), Path(name, "g.toml")
        path.write_text(f'{SMALL}[storage]\ndirectory = "{storage}"\n')
        assert not load_config(path, {}).warnings, "it is made for nobody else"
        storage.mkdir()
        (storage / "key").write_bytes(bytes(32))
        for above, directory, key, who in (
            (0o755, 0o755, 0o600, ""),
            (0o755, 0o777, 0o600, "written by everybody"),
            (0o755, 0o770, 0o600, "written by its group"),
            (0o750, 0o777, 0o600, "written by its group"),
            (0o700, 0o777, 0o600, ""),
        ):
            (storage / "key").chmod(key)
            storage.chmod(directory)
            Path(name).chmod(above)
            warnings = [str(each) for each in load_config(path, {}).warnings]
            assert len(warnings) == bool(who)
            assert all(each.startswith(f"{path}:9: ") and who in each for each in warnings)
        (storage / "key").chmod(0o644)
        with pytest.raises(ConfigProblems, match="the key can be used by everybody"):
            load_config(path, {})


@pytest.mark.parametrize(("kept", "is_warned"), [("0", False), ('"1000000 GiB"', True)])
def test_a_disk_that_is_too_small_for_what_is_kept_free_is_warned_of(
    tmp_path: Path, kept: str, is_warned: bool
) -> None:
    path, storage = tmp_path / "g.toml", tmp_path / "not" / "made" / "yet"
    path.write_text(f'{SMALL}[storage]\ndirectory = "{storage}"\nfree_space = {kept}\n')
    warnings = [str(each) for each in load_config(path, {}).warnings]
    assert [each.startswith(f"{path}:10: {tmp_path} has ") for each in warnings] == (
        [True] if is_warned else []
    )


def test_a_certificate_that_has_expired_is_warned_of(tmp_path: Path) -> None:
    ended = datetime(2026, 1, 2, tzinfo=UTC)
    pair = make_authority(tmp_path).issue("localhost", valid_until=ended)
    path = tmp_path / "g.toml"
    path.write_text(
        SMALL + '[[listener]]\naddress = "127.0.0.1:0"\n'
        f'certificate = "{pair.certificate}"\nkey = "{pair.key}"\n'
    )
    [warning] = load_config(path, {}).warnings
    assert str(warning) == f"{path}:10: certificate {pair.certificate}: it expired on 2026-01-02"


def test_networks_without_clients_are_warned_about() -> None:
    """An address listener has no clients without an address, a socket none with one."""
    here = SMALL.replace("[target", "[[listener.network]]\nfrom = 'unix'\nrefuse = true\n[target")
    socket = (
        "[[listener]]\nunix = '/s'\n{}[[listener.network]]\nfrom = '10.0.0.0/8'\nrefuse = true\n"
    )
    assert parse_warnings(here) == [
        (
            'g.toml:4: listener[0].network[0].from: "unix" matches no client: '
            "the listener has an address"
        )
    ]
    [told] = parse_warnings(SMALL + socket.format(""))
    assert told.endswith('from: clients of a unix socket have no address; write "unix"')
    assert not parse_warnings(SMALL + socket.format("proxies = 'unix'\n"))


def test_cram_md5_beside_a_directory_without_it_is_warned_of() -> None:
    account = "[[directory.account]]\nname = 'a'\nsenders = '*'\ncram_md5 = true\n"
    account += "password = { environment = 'A' }\n"
    assert not parse_warnings(SMALL + account)
    [told] = parse_warnings(f"{SMALL}[directory]\nkind = ['accounts', 'azure']\n{account}")
    assert "directory.account[0].cram_md5 has no effect" in told


def test_clear_text_that_no_listener_speaks_is_warned_of() -> None:
    text = f"{SMALL}[[listener]]\naddress = '127.0.0.1:0'\ncertificate = 'c'\n"
    [told] = parse_warnings(f"{text}allow_clear_text = true\n")
    assert told == 'g.toml:8: listener[1].allow_clear_text has no effect: it is for tls = "none"'
