"""Files of providers' HTTP APIs: those that come with Gatepost, and a user's own."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from gatepost.config.http_provider_file import parse_provider, read_provider
from gatepost.config.load import load_config, parse_config
from gatepost.config.problems import ConfigProblems
from gatepost.config.provider_file import shipped_providers
from gatepost.model.route import HttpApiTarget
from tests.unit.config.small import SMALL

MINE: Final = """\
title = "Mine"
[request]
url = "https://api.example/{account}/send"
sign_in = "key"
prefix = "Bearer "
[placeholder.account]
[body]
kind = "json"
message = "base64"
members = { to = "{recipients}", raw = "{message}" }
[success]
id = "id"
[error]
code = "code"
message = ["error.text"]
[[response]]
status = 409
then = "pause"
wait = "10m"
"""
KEYS: Final = """
[credentials.key]
kind = "api-key"
key = { environment = "KEY" }
[credentials.aws]
kind = "aws-access-key"
access_key_id = "AKIDEXAMPLE"
secret_access_key = { environment = "KEY" }
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        parse_provider(text, "mine.toml")
    return [str(each) for each in caught.value.problems]


def target(text: str) -> HttpApiTarget:
    table = f"kind = 'http-api'\n{text}\n"
    config = parse_config(f"{SMALL}{KEYS}".replace('kind = "capture"\n', table))
    [found] = config.routes[0].chain
    assert isinstance(found, HttpApiTarget)
    return found


def test_the_providers_that_come_with_gatepost() -> None:
    assert shipped_providers("apis") == ("infobip", "mailgun", "ses", "sparkpost")
    for name in shipped_providers("apis"):
        assert read_provider(name).name == name


@pytest.mark.parametrize("name", shipped_providers("apis"))
def test_every_value_of_ours_has_its_source_and_date(name: str) -> None:
    file = files("gatepost.profiles").joinpath("apis", f"{name}.toml")
    document = tomllib.loads(file.read_text("utf-8"))
    assert document["as_of"] == "2026-11"
    tables = [document[key] for key in ("request", "body", "limits", "success", "error")]
    for table in (*tables, *document["response"]):
        assert table["source"]


@pytest.mark.parametrize("name", shipped_providers("apis"))
def test_no_limit_of_ours_is_a_guess(name: str) -> None:
    """What is hearsay is left out: 1,000 recipients at Mailgun, 20 MB at SparkPost."""
    limits = read_provider(name).limits
    assert (name, limits.size, limits.recipients) in {
        ("ses", 40 * 2**20, 50), ("mailgun", 25 * 2**20, None), ("sparkpost", None, 1),
        ("infobip", None, 1000),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("provider = 'ses'\nregion = 'eu-west-1'\ncredential = 'aws'",
         "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails"),
        ("provider = 'mailgun'\ndomain = 'mg.example.com'\ncredential = 'key'",
         "https://api.mailgun.net/v3/mg.example.com/messages.mime"),
        ("provider = 'mailgun'\ndomain = 'mg.example.com'\nregion = 'eu'\ncredential = 'key'",
         "https://api.eu.mailgun.net/v3/mg.example.com/messages.mime"),
        ("provider = 'sparkpost'\nregion = 'eu'\ncredential = 'key'",
         "https://api.eu.sparkpost.com/api/v1/transmissions"),
        ("provider = 'infobip'\naccount = 'xyz1'\ncredential = 'key'",
         "https://xyz1.api.infobip.com/email/4/mime"),
        ("provider = 'infobip'\naccount = 'xyz1'\ncredential = 'key'\nendpoint = 'https://p/q'",
         "https://p/q/email/4/mime"),
    ],
)  # fmt: skip
def test_the_url_of_a_target(text: str, url: str) -> None:
    assert target(text).endpoint == url


def test_limits_come_from_the_file_unless_the_target_says_otherwise() -> None:
    ses = "provider = 'ses'\nregion = 'eu-west-1'\ncredential = 'aws'\n"
    assert (target(ses).limits.recipients, target(ses).message_size) == (50, 30 * 2**20)
    less = target(f"{ses}recipients_per_message = 5\nmessage_size = '1 MiB'\nrate = '14/s'")
    assert (less.limits.recipients, less.message_size, less.limits.rate) == (5, 2**20, 840.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("provider = 'sess'", "provider must be one of infobip, mailgun, ses, sparkpost, or a"),
        ("", "target.+.provider is missing"),
        ("provider = 'ses'\ncredential = 'aws'", "target.+.region is missing"),
        ("provider = 'ses'\nregion = 'a/b'\ncredential = 'aws'", "region must be a word"),
        ("provider = 'ses'\nregion = 'r'\ncredential = 'key'",
         'Amazon SES, API v2 needs credentials of the kind "aws-access-key"'),
        ("provider = 'mailgun'\ndomain = 'd'\ncredential = 'aws'",
         'Mailgun needs credentials of the kind "api-key"'),
        ("provider = 'mailgun'\ndomain = 'd'\nregion = 'uk'\ncredential = 'key'",
         'region must be "us" or "eu"'),
        ("provider = 'ses'\nregion = 'r'\ncredential = 'aws'\nrecipients_per_message = 51",
         "Amazon SES, API v2 takes 50 recipients in a request"),
        ("provider = 'ses'\nregion = 'r'\ncredential = 'aws'\ndomain = 'x'",
         "unknown key target.+.domain"),
        ("provider = './missing.toml'\ncredential = 'key'", "cannot be read"),
        ("provider = 'infobip'\naccount = 'x'\ncredential = 'key'\nendpoint = 'http://far.example'",
         "must be an https:// URL"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_target(text: str, problem: str) -> None:
    with pytest.raises(ConfigProblems, match=problem):
        target(text)


@pytest.mark.parametrize("credential", ["key", "aws"])
def test_the_keys_of_apis_are_not_for_smtp(credential: str) -> None:
    text = f"[target.h]\nkind = 'smarthost'\nservers = ['h']\ncredential = '{credential}'\n"
    with pytest.raises(ConfigProblems, match=r"target\.h\.credential: an "):
        parse_config(f"{SMALL}{KEYS}{text}")


@pytest.mark.parametrize("kind", ["acs-rest", "graph"])
def test_they_are_not_for_other_apis(kind: str) -> None:
    text = f"[target.h]\nkind = '{kind}'\nendpoint = 'https://h'\ncredential = 'key'\n"
    with pytest.raises(ConfigProblems, match=r"target\.h\.credential: "):
        parse_config(f"{SMALL}{KEYS}{text}")


# A user's own file.


def test_a_file_of_the_users_own_works_as_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    made = target(f"provider = '{tmp_path}/mine.toml'\naccount = 'acme'\ncredential = 'key'")
    assert made.endpoint == "https://api.example/acme/send"
    assert made.provider.sign_in.prefix == "Bearer "
    assert made.provider.rules[0].wait == 600


def test_all_mistakes_of_both_files_are_reported_at_once(tmp_path: Path) -> None:
    mine, config = tmp_path / "mine.toml", tmp_path / "g.toml"
    mine.write_text(MINE.replace("title", "titel").replace('"pause"', '"paus"'))
    config.write_text(
        f"{SMALL}{KEYS}[target.x]\nkind = 'http-api'\nprovider = '{mine}'\ncredential = 'kay'\n"
        "rate = 'fast'\n"
    )
    with pytest.raises(ConfigProblems) as caught:
        load_config(config, {"KEY": "secret"})
    text = str(caught.value)
    assert f"{mine}:1: unknown key titel (did you mean title?)" in text
    assert f"{mine}:18: response[0].then must be" in text
    assert "there is no [credentials.kay] (did you mean key?)" in text
    assert "secret" not in text


MISTAKES: Final[list[tuple[Mapping[str, str], str]]] = [
    ({"https://api": "http://api"}, "mine.toml:3: request.url must be an https:// URL"),
    ({'"key"': '"bearer"'}, 'mine.toml:4: request.sign_in must be "sigv4", "basic" or "key"'),
    ({'"key"': '"sigv4"'}, "request.service is missing"),
    ({'"key"': '"basic"'}, "request.username is missing"),
    ({"{account}": "{acount}"}, "there is no [placeholder.acount] (did you mean account?)"),
    ({"/{account}": ""}, "mine.toml:6: nothing uses placeholder.account"),
    ({"placeholder.account": "placeholder.rate", "{account}": "{rate}"},
     "placeholder.rate cannot be the name of a placeholder"),
    ({"placeholder.account": "placeholder.Account", "{account}": ""},
     "placeholder.Account cannot be the name of a placeholder"),
    ({'"base64"': '"file"'}, 'only a form has files; JSON has "base64" or "text"'),
    ({'"json"': '"xml"'}, 'body.kind must be "json" or "form"'),
    ({"{message}": "{mesage}"}, "there is no [placeholder.mesage] (did you mean message?)"),
    ({"{message}": "x"}, 'no member is "{message}"'),
    ({"{recipients}": "x"}, "the envelope decides who receives"),
    ({'"{recipients}"': '["{recipient}", "x"]'}, "that has more than one member"),
    ({'"{recipients}"': '[["{recipient}"], 1.5]'}, "that has more than one member"),
    ({'"{recipients}"': "1.5"}, "has a member that is none of string, number"),
    ({"members = {": "members = 5 #"}, "body.members must be a table"),
    ({'"json"': '"form"', '"{recipients}"': '["{recipients}"]'},
     "the members of a form are strings"),
    ({'id = "id"': ""}, "success.id is missing"),
    ({'id = "id"': 'id = "a b"'}, "success.id must be the path of a member"),
    ({'id = "id"': 'id = "id"\nrejected = "n"'}, "limits.recipients must be 1"),
    ({'id = "id"': 'id = "id"\nstatus = [99]'}, "success.status must be a whole number from 100"),
    ({'id = "id"': 'id = "id"\n[success.recipients]\npath = "p"'},
     "success.recipients.address is missing"),
    ({"status = 409": ""}, "a response needs a status, a code or a text"),
    ({'wait = "10m"': ""}, "response[0].wait is missing"),
    ({'"pause"': '"bounce"'}, 'response[0].wait has no effect with then = "bounce"'),
    ({'wait = "10m"': 'wait = "10m"\nreply = "554 5.7.1"'}, 'reply is for then = "bounce"'),
    ({'"pause"\nwait = "10m"': '"bounce"\nreply = "450 4.1.1"'}, "must be the codes of a refusal"),
    ({'wait = "10m"': 'wait = "10m"\nthrottles = true'}, 'throttles is for then = "retry"'),
    ({"[success]": "[reset]\nheader = 'a b'\nunit = 'seconds'\n[success]"},
     "reset.header must be the name of a header field"),
    ({"[success]": "[limits]\nsize = 'big'\n[success]"}, "limits.size must be a size"),
    ({"[[response]]": "[response]"}, "response is a list of tables: [[response]]"),
    ({"[placeholder.account]": "[placeholder.account]\nwords = { a = 'b' }\ndefault = 'c'"},
     "placeholder.account.default is none of words"),
    ({"[error]": "[eror]"}, "unknown key eror (did you mean error?)"),
    ({"409": "409 x"}, "mine.toml:17: "),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "problem"), MISTAKES)
def test_a_mistake_in_a_provider(changes: Mapping[str, str], problem: str) -> None:
    text = MINE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    found = problems_of(text)
    assert any(problem in each for each in found), found


def test_many_mistakes_are_reported_at_once() -> None:
    text = MINE.replace("title", "titel").replace('"key"', '"x"').replace('"pause"', '"y"')
    assert len(problems_of(text)) == 3


@pytest.mark.parametrize(
    "text", ["", "x", "[request]", "request = 5", "body = []", "\0", "[[body]]"]
)
def test_any_text_is_either_read_or_refused(text: str) -> None:
    assert problems_of(text)


def test_a_member_of_any_depth_is_bounded() -> None:
    value: Any = '"{message}"'
    for _ in range(12):
        value = f"[{value}]"
    assert any("has more than 8 levels" in each for each in problems_of(
        MINE.replace('"{message}"', value)
    ))  # fmt: skip
