"""Every configuration is read, or each of its mistakes has its place."""

import json
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.config.http_provider_file import parse_provider
from gatepost.config.load import parse_config
from gatepost.config.problems import ConfigProblems

# fmt: off
KEYS = [
    "hostname", "listener", "address", "unix", "tls", "certificate", "mechanisms", "network",
    "from", "may_relay", "refuse", "proxies", "directory", "kind", "account", "name", "password",
    "senders", "tenants", "credentials", "username", "secret", "file", "target", "servers",
    "credential", "provider", "domain", "rate", "ca_file", "verify", "endpoint", "connections",
    "eight_bit", "retry",
    "table", "first", "warn", "jitter", "default", "route", "to", "recipients", "applications",
    "limits", "idle", "message_size", "storage", "free_space", "dns", "nameservers", "timeout",
    "", "a.b",
]
# fmt: on
WORDS = [
    "smarthost",
    "mx",
    "graph",
    "acs-rest",
    "http-api",
    "api-key",
    "aws-access-key",
    "ses",
    "mailgun",
    "x.toml",
    "capture",
    "accounts",
    "entra",
    "azure",
    "password",
    "127.0.0.1:25",
    "*:465",
    "none",
    "implicit",
    "x",
    "*",
    "<>",
    "5m",
    "never",
    "30/m",
    "1 MiB",
    "10.0.0.0/8",
    "LOGIN",
    "",
    "\n",
    "[",
    "a@b",
    "@",
    "é",
    "https://x",
    "9" * 400 + "d",
    "9" * 400 + " MiB",
    "9" * 400 + "/s",
    "9" * 400,
]  # fmt: skip
SCALARS = st.sampled_from(WORDS) | st.booleans() | st.integers(-5, 10**12) | st.floats(-1, 1e30)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
TABLES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)
NAMED = st.dictionaries(st.sampled_from(["x", "127", "default", "a b"]), TABLES, max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "hostname": VALUES,
        "listener": st.lists(TABLES, max_size=2),
        "directory": TABLES,
        "credentials": NAMED,
        "target": NAMED,
        "retry": NAMED,
        "route": st.lists(TABLES, max_size=3),
        "limits": TABLES,
        "storage": TABLES,
        "dns": TABLES,
        "other": VALUES,
    },
)
PLACE = re.compile(r"g\.toml(:\d+)?")


def toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {toml(each)}" for key, each in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


API_KEYS = st.sampled_from([
    "title", "source", "url", "sign_in", "service", "region", "username", "header", "prefix",
    "default", "words", "kind", "message", "members", "seven_bit", "size", "size_counts",
    "recipients", "status", "id", "rejected", "path", "address", "state", "refused", "code",
    "code_header", "then", "wait", "reply", "text", "why", "throttles", "unit", "other",
])  # fmt: skip
API_WORDS = st.sampled_from([
    "https://x/{a}", "{a}", "{message}", "{recipient}", "{recipients}", "{sender}", "json", "form",
    "base64", "text", "file", "key", "basic", "sigv4", "retry", "pause", "bounce", "operator",
    "554 5.7.1", "a.0.b", "X-Reset", "epoch", "5m", 200, 1, True,
])  # fmt: skip
API_VALUES: st.SearchStrategy[Any] = st.recursive(
    API_WORDS | SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(API_KEYS, inner, max_size=4),
    max_leaves=12,
)
API_TABLES = st.dictionaries(API_KEYS, API_VALUES, max_size=8)
API_FILES = st.fixed_dictionaries(
    {},
    optional={
        "title": API_VALUES,
        "request": API_TABLES | API_VALUES,
        "placeholder": st.dictionaries(st.sampled_from(["a", "A", "kind"]), API_TABLES),
        "body": API_TABLES,
        "limits": API_TABLES,
        "success": API_TABLES,
        "error": API_TABLES | API_VALUES,
        "response": st.lists(API_TABLES, max_size=2),
        "reset": API_TABLES,
        "other": API_VALUES,
    },
)


@given(API_FILES)
def test_so_has_every_mistake_in_the_file_of_an_api(document: dict[str, Any]) -> None:
    text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in document.items())
    try:
        provider = parse_provider(text, "g.toml")
    except ConfigProblems as error:
        for each in error.problems:
            assert PLACE.fullmatch(each.where), each
            assert "\n" not in str(each)
    else:
        assert provider.success.id


@given(DOCUMENTS)
@example({"listener": [], "route": []})
def test_every_mistake_has_its_place(document: dict[str, Any]) -> None:
    text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in document.items())
    try:
        config = parse_config(text, "g.toml")
    except ConfigProblems as error:
        problems = error.problems
    else:
        problems = ()
        assert config.listeners
        assert config.routes
    for each in problems:
        assert PLACE.fullmatch(each.where), each
        assert "\n" not in str(each)
