"""Links and texts of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mailbox.html_text import read_html
from gatepost.mailbox.links import find_links
from gatepost.mailbox.tags import clean_tag, tags_of
from tests.processor_time import run_within

TEXTS = [
    ("see https://x.example/a.", ["https://x.example/a"]),
    ("(https://x.example/a(b)?c=1&d=2)", ["https://x.example/a(b)?c=1&d=2"]),
    ("<http://x.example/>, HTTP://Y.example!", ["http://x.example/", "HTTP://Y.example"]),
    ('"https://x.example/q?a=[1]"; [https://y.example]', ["https://x.example/q?a=[1]", "https://y.example"]),
    ("https://x.example/パス、次", ["https://x.example/パス"]),
    ("こちら「https://x.example/」です。", ["https://x.example/"]),
    ("https://x.example/a https://x.example/a", ["https://x.example/a"]),
    ("javascript:x mailto:a@b ftp://x https:// http:///", []),
    ("https://x.example/a...", ["https://x.example/a"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "urls"), TEXTS)
def test_links_in_text(text: str, urls: list[str]) -> None:
    links = find_links(text, ())
    assert [each.url for each in links] == urls
    assert all((each.text, each.where) == ("", "text") for each in links)


def test_links_in_html() -> None:
    html = """<p><a href="https://x.example/?a=1&amp;b=2">Go <b>there</b></a>
        <a href='https://x.example/?a=1&b=2'><img alt="a &quot;picture&quot;" src=cid:1></a>
        <a href="javascript:x">no</a> <a href="mailto:a@b">no</a> <a>no</a>
        <map><area href="http://y.example" alt="area"></map>
        <a href=" https://z.example/ "></a> <a href="https://x.example/?a=1&b=2">Go there</a>"""
    links = find_links("and https://z.example/ https://text.example", read_html(html).links)
    assert [(each.url, each.text, each.where) for each in links] == [
        ("https://x.example/?a=1&b=2", 'Go there | a "picture"', "html"),
        ("http://y.example", "area", "html"),
        ("https://z.example/", "", "html"),
        ("https://text.example", "", "text"),
    ]


def test_the_text_of_html() -> None:
    html = """<html><head><title>T</title><style>p {}</style></head><body><script>x()</script>
        <h1>Hello&nbsp;&amp; welcome</h1><p>one<br>two</p><table><tr><td>a</td><td>b</td></tr>
        <tr><td>c</td></tr></table><!-- no --><ul><li>x<li>y</ul> 1 &lt; 2"""
    assert read_html(html).text.split("\n") == [
        "Hello & welcome", "", "one", "two", "", "a b", "", "c", "", "x", "", "y", "", "1 < 2",
    ]  # fmt: skip


@pytest.mark.parametrize("piece", ["<a href='", "<", "<p>", "&amp;", '<a href="x>', "<!--", "<td>"])
def test_html_is_read_in_linear_time(piece: str) -> None:
    run_within(2, lambda: read_html(piece * 20_000))


def test_brackets_without_end_take_no_time_without_end() -> None:
    text = f"http://a/{')' * 8_180}\n" * 60
    run_within(0.5, lambda: find_links(text, ()))


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    shown = read_html(text)
    for link in find_links(text, shown.links):
        assert link.url.lower().startswith(("http://", "https://"))


def test_tags() -> None:
    assert clean_tag(" a/b  c\u3042 ") == "a b c"
    assert clean_tag("x" * 200) == "x" * 100
    addresses = ["a+one@x", "b@x", "c+Two+3@x", "+four@x", "d@x+five"]
    assert tags_of("six, SIX ,,sev/en", addresses) == ("six", "sev en", "one", "Two", "3", "four")
