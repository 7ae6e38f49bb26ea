"""The page of the e-mail API has every refusal, version, header and reason that the code has."""

import re

import pytest

from gatepost.rest.email import refusals
from gatepost.rest.email.api_versions import SUPPORTED
from gatepost.rest.email.handlers import description
from tests.docs.pages import ROOT, read_page

SOURCES = ROOT / "src" / "gatepost" / "rest" / "email"
PAGE = read_page(ROOT / "docs" / "reference" / "email-api.md").text
EVENTS = read_page(ROOT / "docs" / "reference" / "events.md").text
CODE = "".join(path.read_text("utf-8") for path in SOURCES.glob("*.py"))


def test_every_code_of_a_refusal() -> None:
    found = set(re.findall(r"ApiError\(\s*(?:\d+), \"(\w+)\"|ApiError\(\s*\d+,\s*\"(\w+)\"", CODE))
    codes = {first or second for first, second in found}
    assert {"Denied", "DomainNotLinked", "UnsupportedMediaType"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in PAGE] == []


def test_every_status() -> None:
    statuses = {
        status
        for path in description()["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    assert [
        each for each in sorted(statuses) if f"| {each} |" not in PAGE and f" {each}," not in PAGE
    ] == []


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_version(version: str) -> None:
    assert version in PAGE


def test_every_header_that_steers() -> None:
    names = re.findall(r"_is_true\(by_name, \"([\w-]+)\"\)", CODE)
    assert len(names) == 3
    assert [name for name in names if f"`x-ms-acsemail-{name}`" not in PAGE] == []


def test_every_reason_of_a_denial() -> None:
    reasons = set(re.findall(r"\"(\w+): ", (SOURCES / "access.py").read_text("utf-8")))
    reasons |= set(re.findall(r"\"(\w+): ", (SOURCES / "signatures.py").read_text("utf-8")))
    reasons |= set(re.findall(r"reason=\"(credentials_\w+): ", CODE))
    assert {"signature_wrong", "role_missing"} <= reasons
    assert [each for each in sorted(reasons) if f"`{each}`" not in EVENTS] == []


def test_the_texts_are_those_that_are_answered() -> None:
    for error in (
        refusals.InvalidProperty("content.subject"),
        refusals.invalid_address("x"),
        refusals.denied(""),
    ):
        assert f"`{error}`" in PAGE
