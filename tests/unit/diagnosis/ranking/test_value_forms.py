"""What values in a log tell: forms of hosts and addresses, and what else was sent."""

import pytest

from gatepost.diagnosis.ranking.value_forms import find_values


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("getaddrinfo enotfound mail.example.com", "name"),
        ("getaddrinfo enotfound mail.example.com mail.example.com:465", "name"),
        ("getaddrinfo eai_again mailhost", "short"),
        ("getaddrinfo enotfound 1234", "number"),
        ("could not resolve host: smtp://mail.example.com", "url"),
        ("could not resolve host: me@mail.example.com", "address"),
        ("java.net.unknownhostexception: mail.example.com,mail.example.net", "list"),
        ("getaddrinfo enotfound 'mail.example.com '", "blank"),
        ("syscall: 'getaddrinfo', hostname: 'mail.example.com '", "blank"),
        ('"syscall":"getaddrinfo","hostname":"mail.example.com,"', "list"),
        ("dial tcp: lookup mail.example.com on 127.0.0.11:53: no such host", "name"),
        ("dial tcp: lookup mail.example.com:587: no such host", "with port"),
    ],
)
def test_the_form_of_a_host_that_was_looked_up(text: str, form: str) -> None:
    assert set(find_values(text)) == {f"value host {form}"}


def test_the_host_of_a_provider_is_a_name_as_well() -> None:
    found = set(find_values("getaddrinfo enotfound smtp.gmail.com"))
    assert found == {"value host of a provider", "value host name"}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("mail from:<>", "empty"),
        ("rcpt to:<me@example.com>", "plain"),
        ("rcpt to:<<me@example.com>>", "doubled"),
        ("rcpt to:<me>", "no domain"),
        ("rcpt to:<me@example.com,you@example.com>", "list"),
        ("mail from:<me @example.com>", "odd"),
    ],
)
def test_the_form_of_an_address(text: str, form: str) -> None:
    assert list(find_values(text)) == [f"value address {form}"]


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("unknown command 'get / http/1.1'", "value sent http"),
        (r"unknown command '\x16\x03\x01'", "value sent tls"),
        (r"pipelining after connect: \377\373\037", "value sent telnet"),
        ("the issuer is avast web/mail shield root", "value issuer inspection"),
        ("host => 'ssl://mail.example.com'", "value host url"),
    ],
)
def test_other_values(text: str, feature: str) -> None:
    assert list(find_values(text)) == [feature]


def test_a_failure_of_the_resolver_names_no_host() -> None:
    assert list(find_values("php_network_getaddresses: getaddrinfo failed: name or service")) == []
