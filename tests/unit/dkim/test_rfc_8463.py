"""The keys, the message and the signatures of RFC 8463, Appendix A."""

import base64
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatepost.dkim.canonical_form import BodyHash
from gatepost.dkim.records import find_fault
from gatepost.dkim.signatures import signature_digest, signed_header
from gatepost.dkim.signing_keys import SigningKey, parse_private_key
from gatepost.mime.rewritten_author import split_header

DOMAIN: Final = "football.example.com"
RSA: Final = b"""-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""
ED25519: Final = Ed25519PrivateKey.from_private_bytes(
    base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
)
HEADER: Final = (
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
)
BODY: Final = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
NAMES: Final = b"from to subject date message-id from subject date".split()
BODY_HASH: Final = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
TAGS: Final = (
    b"DKIM-Signature: v=1; a=%b-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=%b; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b="
)
# fmt: off
SIGNATURES: Final = {
    "ed25519": "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
               "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
    "rsa": "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3"
           "DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz"
           "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
}
RECORDS: Final = {
    "ed25519": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "rsa": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
           "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
           "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
           "Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
}
# fmt: on
KEYS: Final = {
    "ed25519": SigningKey(DOMAIN, "brisbane", ED25519),
    "rsa": SigningKey(DOMAIN, "test", parse_private_key(RSA)),
}


def test_the_body_has_the_hash_of_the_example() -> None:
    body = BodyHash("relaxed")
    body.add(BODY)
    assert base64.b64encode(body.digest()).decode() == BODY_HASH


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa"])
def test_the_signature_is_that_of_the_example(algorithm: str) -> None:
    key = KEYS[algorithm]
    covered = signed_header(list(split_header(HEADER)), NAMES, "relaxed")
    field = TAGS % (algorithm.encode(), key.selector.encode())
    signature = key.sign(signature_digest(covered, field, "relaxed"))
    assert base64.b64encode(signature).decode() == SIGNATURES[algorithm]


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa"])
def test_the_record_of_the_example_publishes_the_key(algorithm: str) -> None:
    assert find_fault([RECORDS[algorithm]], KEYS[algorithm]) == ""
    other = KEYS["rsa" if algorithm == "ed25519" else "ed25519"]
    assert "another kind" in find_fault([RECORDS[algorithm]], other)
