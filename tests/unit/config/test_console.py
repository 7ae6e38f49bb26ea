"""``[console]``: its values, and its mistakes."""

from ipaddress import ip_network

import pytest

from gatepost.client.named_secret import NamedSecret
from gatepost.config.load import parse_config
from gatepost.config.settings import ConsoleEntraSettings
from gatepost.model.console_access import PasswordUser
from gatepost.model.secret import Secret
from tests.unit.config.small import SMALL, mistakes

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"

# Each follows SMALL, which has 7 lines, and [console].
MISTAKES = [
    ("", "g.toml:8: console.address is missing"),
    ("address = '0.0.0.0:8025'", "g.toml:8: console.certificate is missing: other machines can"),
    ("address = '[::]:8025'", "g.toml:8: console.certificate is missing"),
    ("address = '127.0.0.1:2525'", "g.toml:9: the listener listener-1 already has that address"),
    ("address = '[::1]:1'\nkey = 'k'", "g.toml:10: console.key is not used"),
    ("address = '[::1]:1'\nhosts = ['a:b']", "g.toml:10: console.hosts must be NAME or NAME:PORT"),
    ("address = '[::1]:1'\nproxies = ['unix']", "g.toml:10: console.proxies must be a network"),
    ("address = '[::1]:1'\nuser_header = 'X-User'", "g.toml:10: console.user_header is not used"),
    ("address = '[::1]:1'\nrelease_route = 'x'", "g.toml:10: there is no route x"),
    ("address = '[::1]:1'\nadress = 1", "g.toml:10: unknown key console.adress"),
    ("address = '[::1]:1'\n[[console.user]]\nname = 'a'", "g.toml:10: console.user[0].role is mi"),
    ("address = '[::1]:1'\n[[console.user]]\nname = 'a'\nrole = 'admin'",
     "g.toml:10: console.user[0].password_hash is missing"),
    ("address = '[::1]:1'\n[[console.user]]\nname = 'a'\nrole = 'amdin'\npassword_hash = ''",
     'g.toml:12: console.user[0].role must be "viewer", "support", "operator" or "admin"'),
    ("address = '[::1]:1'\n[[console.user]]\nname = 'a'\nrole = 'admin'\npassword_hash = 'x'",
     "g.toml:13: console.user[0].password_hash must be what `gatepost console --hash` prints"),
    ((f"address = '[::1]:1'\n[[console.user]]\nname = 'a:b'\nrole = 'admin'\n"
      f"password_hash = '{HASH}'"),
     "g.toml:11: console.user[0].name must not contain a colon"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mistake"), MISTAKES)
def test_a_mistake_is_reported_where_it_is(text: str, mistake: str) -> None:
    said = mistakes(f"{SMALL}[console]\n{text}\n")
    assert any(each.startswith(mistake) for each in said), said


def test_everything_is_read() -> None:
    console = parse_config(
        SMALL
        + f"""
name = "out"
[console]
address = "*:8025"
certificate = "c.pem"
hosts = ["mail", "console.test:443"]
proxies = "10.0.0.0/8"
user_header = "X-User"
release_route = "out"
[[console.user]]
name = "ann"
role = "support"
password_hash = "{HASH}"
[[console.user]]
name = "by proxy"
role = "admin"
"""
    ).console
    assert console is not None
    assert (console.host, console.port, console.needs_token) == ("::", 8025, True)
    assert console.hosts == ("mail", "console.test:443")
    assert console.proxies == (ip_network("10.0.0.0/8"),)
    assert console.users == (
        PasswordUser("ann", "support", Secret(HASH)),
        PasswordUser("by proxy", "admin"),
    )


TENANT, OTHER = "66666666-7777-8888-9999-000000000000", "bbbbbbbb-0000-0000-0000-000000000002"
ENTRA = f"""
[[listener]]
address = "127.0.0.1:2525"
tls = "none"
[directory]
kind = "entra"
tenants = ["{TENANT}"]
[[route]]
recipients = "*"
to = "keep"
[target.keep]
kind = "capture"
[console]
address = "127.0.0.1:8025"
[console.entra]
"""
CLIENT = f"client_id = '{OTHER}'\n"

# Each follows ENTRA, which has 15 lines.
ENTRA_MISTAKES = [
    ("admin = 'a'", "g.toml:15: console.entra.client_id is missing"),
    (CLIENT, "g.toml:15: [console.entra] gives nobody a role: viewer, support, operator, admin"),
    (f"{CLIENT}admn = 'a'", "g.toml:17: unknown key console.entra.admn (did you mean admin?)"),
    (f"{CLIENT}admin = []", "g.toml:17: console.entra.admin is an empty list"),
    (f"{CLIENT}admin = 'a b'", "g.toml:17: console.entra.admin must be the value of an app role"),
    (f"{CLIENT}admin = 'a'\ntenant = '{OTHER}'",
     "g.toml:18: console.entra.tenant must be one of directory.tenants"),
    (f"{CLIENT}admin = 'a'\nsecret = 'hunter2'", "g.toml:18: console.entra.secret is a secret"),
    (f"{CLIENT}admin = 'a'\nsecret.file = 'a'\ncertificate.file = 'b'",
     "g.toml:19: console.entra.certificate is not used: there is a secret"),
    ("client_id = 'me'\nadmin = 'a'", "g.toml:16: console.entra.client_id must be an id such as"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mistake"), ENTRA_MISTAKES)
def test_a_mistake_about_entra(text: str, mistake: str) -> None:
    problems = mistakes(f"{ENTRA}{text}\n")
    assert [each for each in problems if each.startswith(mistake)], problems
    assert len(problems) == 1
    assert "hunter2" not in "".join(problems)


def test_entra_needs_its_directory() -> None:
    problems = mistakes(f"{SMALL}[console]\naddress='[::1]:1'\n[console.entra]\n{CLIENT}admin='a'")
    assert problems == ['g.toml:10: [console.entra] needs a directory of kind "entra"']


def test_everything_about_entra_is_read() -> None:
    roles = f"viewer = ['Mail.Read', '{OTHER.upper()}']\nadmin = 'a'\nsecret.file = 's'"
    console = parse_config(f"{ENTRA}{CLIENT}{roles}").console
    assert console is not None
    assert console.entra == ConsoleEntraSettings(
        TENANT,
        OTHER,
        "https://login.microsoftonline.com",
        {"viewer": ("mail.read", OTHER), "support": (), "operator": (), "admin": ("a",)},
        NamedSecret("file", "s"),
    )


def test_one_of_several_tenants_must_be_named() -> None:
    text = ENTRA.replace(f'["{TENANT}"]', f'["{TENANT}", "{OTHER}"]')
    assert mistakes(f"{text}{CLIENT}admin = 'a'") == ["g.toml:15: console.entra.tenant is missing"]
    console = parse_config(f"{text}{CLIENT}admin = 'a'\ntenant = '{OTHER}'").console
    assert console is not None
    assert console.entra is not None
    assert console.entra.tenant == OTHER


def test_no_table_means_none() -> None:
    assert parse_config(SMALL).console is None


def test_the_hash_is_not_shown() -> None:
    user = f"[[console.user]]\nname='a'\nrole='admin'\npassword_hash='{HASH}'"
    config = parse_config(f"{SMALL}[console]\naddress='[::1]:1'\n{user}")
    assert HASH not in repr(config.effective)
