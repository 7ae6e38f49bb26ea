"""The reference of Gatepost's own API has every endpoint, with its role and parameters."""

import re

import pytest

from gatepost.model.console_access import ConsoleEndpoint
from gatepost.rest.console_api.endpoint_table import ENDPOINTS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "reference" / "console-api.md").read_text()
ROWS = re.findall(r"^\| ((?:GET|POST|PUT|DELETE) .+?) \| (\w+) \|", PAGE, re.MULTILINE)


def documented() -> set[tuple[str, str]]:
    """Return the method and path of each endpoint on the page; a method stands for all that
    follows it."""
    found = set()
    for cell, _ in ROWS:
        method = ""
        for word, path in re.findall(r"(GET|POST|PUT|DELETE)|`([^`]+)`", cell):
            method = word or method
            if path:
                found.add((method, "/" + path.partition("?")[0]))
    return found


def shown(endpoint: ConsoleEndpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path.replace(":path}", "}")


def test_every_endpoint_is_on_the_page() -> None:
    assert documented() == {shown(each) for each in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_its_role_and_parameters_are_on_the_page(endpoint: ConsoleEndpoint) -> None:
    method, path = shown(endpoint)
    [(cell, role)] = [
        row for row in ROWS if method in row[0] and re.search(f"`{re.escape(path[1:])}[`?]", row[0])
    ]
    assert role == endpoint.role
    own = [each for each in endpoint.query if each not in ("limit", "after")]
    for name in own if method == "GET" and "lane" not in own else ():
        assert f"{name}=" in cell
