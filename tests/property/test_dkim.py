"""Our signatures compared with dkimpy: it finds them valid, whatever the message has."""

import hashlib
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.dkim.canonical_form import FORMS, BodyHash, Form
from gatepost.dkim.records import record_text
from gatepost.dkim.signatures import Signing, sign
from gatepost.dkim.signing_keys import SigningKey
from gatepost.mime.rewritten_author import split_header
from tests.examples import examples
from tests.rsa_keys import rsa_key

dkim = pytest.importorskip("dkim")
canonicalization = pytest.importorskip("dkim.canonicalization")

KEY: Final = SigningKey("contoso.example", "one", rsa_key("dkim"))
"""An Ed25519 key signs the same digest, which dkimpy verifies only with another package."""
FROM: Final = b"From: Ann <ann@contoso.example>\r\n"
bodies = st.lists(
    st.sampled_from([b"a", b"b", b" ", b"\t", b"\r\n", b"\r\n", b" \r\n", b"\xff"]), max_size=30
)
values = st.lists(
    st.sampled_from(["a", "b", ":", ";", " ", "\t", "\r\n ", "\r\n\t", "=", "\xe4"]), max_size=15
).map("".join)
names = st.sampled_from(
    ["To", "Cc", "Subject", "DATE", "date", "List-Id", "Content-type", "X-Other", "Message-ID"]
)
forms = st.sampled_from(FORMS)


def record_of(name: bytes, timeout: int = 5) -> bytes | None:
    return record_text(KEY).encode() if name == f"{KEY.name}.".encode() else None


@given(bodies, forms)
@settings(max_examples=examples(400))
def test_a_body_has_the_form_that_dkimpy_gives_it(pieces: list[bytes], form: Form) -> None:
    body = b"".join(pieces)
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"  # as DATA sends it
    ours = BodyHash(form)
    for each in pieces:
        ours.add(each)
    policy = canonicalization.Relaxed if form == "relaxed" else canonicalization.Simple
    assert ours.digest() == hashlib.sha256(policy.canonicalize_body(body)).digest()


@given(st.lists(st.tuples(names, values), max_size=8), bodies, forms, forms)
@settings(max_examples=examples(80))
def test_dkimpy_verifies_what_we_sign(
    fields: list[tuple[str, str]], pieces: list[bytes], header_form: Form, body_form: Form
) -> None:
    header = FROM + "".join([f"{name}: x{value}y\r\n" for name, value in fields]).encode()
    body = b"".join(pieces) + b"\r\n"
    signatures = sign(
        list(split_header(header)), [body], [Signing(KEY, header_form, body_form)], 1_700_000_000
    )
    message = signatures + header + b"\r\n" + body
    assert dkim.DKIM(message).verify(dnsfunc=record_of)
    forged = signatures + b"From: Eve <eve@contoso.example>\r\n" + header + b"\r\n" + body
    assert not dkim.DKIM(forged).verify(dnsfunc=record_of)
