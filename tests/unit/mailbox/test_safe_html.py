"""The HTML of messages as it is shown: nothing of it acts, and nothing is loaded."""

from functools import partial

import pytest

from gatepost.mailbox.html_limits import LONGEST, is_too_complex
from gatepost.mailbox.safe_html import LARGEST_IMAGE, InlineImage, make_safe
from tests.processor_time import run_within

PNG = b"\x89PNG\r\n"
IMAGES: dict[str, InlineImage] = {
    "logo": ("image/png", PNG),
    "vector": ("image/svg+xml", b"<svg/>"),
    "page": ("text/html", b"<script>"),
    "large": ("image/png", b"x" * (LARGEST_IMAGE + 1)),
    **{f"big{n}": ("image/jpeg", b"x" * LARGEST_IMAGE) for n in range(9)},
}


def body(html: str, *, shows_remote: bool = False) -> str:
    document = make_safe(html, IMAGES.get, shows_remote=shows_remote).document
    shown = document.partition("<body>")[2].removesuffix("</body></html>")
    for rel in ('rel="noopener noreferrer"', 'target="_blank"'):  # they come in any order
        shown = shown.replace(f" {rel}", "")
    return shown


HARMLESS = [
    ("<p style='color:red'>a</p>", '<p style="color:red">a</p>'),
    ("<style>p{color:red}</style>", "<style>p{color:red}</style>"),
    ("<table bgcolor=#eee><tr><td colspan=2>x</td></tr></table>",
     '<table bgcolor="#eee"><tbody><tr><td colspan="2">x</td></tr></tbody></table>'),
    ("<a href='https://a.test/?b=1&amp;c=2'>x</a>",
     '<a href="https://a.test/?b=1&amp;c=2">x</a>'),
    ("<a href='mailto:a@b.test'>x</a>",
     '<a href="mailto:a@b.test">x</a>'),
    ("<img src='cid:logo' alt=l>", '<img src="data:image/png;base64,iVBORw0K" alt="l">'),
    ("<img src='data:image/gif;base64,R0lG'>", '<img src="data:image/gif;base64,R0lG">'),
    ("<font color=red size=2>x</font>", '<font color="red" size="2">x</font>'),
    ("日本語 <b>太字</b>", "日本語 <b>太字</b>"),
]  # fmt: skip
LINK = "<a>x</a>"
HOSTILE = [
    ("a<script>alert(1)</script>b", "ab"),
    ("<img src=x onerror=alert(1)>", "<img>"),
    ("<p onclick=alert(1)>x", "<p>x</p>"),
    ("<a href='javascript:alert(1)'>x</a>", LINK),
    ("<a href='JaVa\tScript:alert(1)'>x</a>", LINK),
    ("<a href=' javascript:x'>x</a>", LINK),
    ("<a href='data:text/html,<script>'>x</a>", LINK),
    ("<a href='vbscript:x'>x</a>", LINK),
    ("<a href='file:///etc/passwd'>x</a>", LINK),
    ("<a href='/sign-out'>x</a>", LINK),
    ("<a href='//evil.test'>x</a>", LINK),
    ("<a href='cid:logo'>x</a>", LINK),
    ("<a href='#top' target=_top>x</a>", LINK),
    ("<form action=//evil.test><input name=q value=1><button>go</button></form>", "go"),
    ("<iframe src=//evil.test>x</iframe>y", "y"),
    ("<object data=x>x</object><embed src=x>y", "y"),
    ("<svg onload=x><script>x</script><a xlink:href=x>x</a></svg>y", "y"),
    ("<math><mtext><table><mglyph><style><img src=x onerror=x></style></mglyph></math>y", ""),
    ("<base href=//evil.test><meta http-equiv=refresh content='0;url=//evil.test'>y", "y"),
    ("<link rel=stylesheet href=//evil.test><link rel=prefetch href=//evil.test>y", "y"),
    ("<img srcset='//evil.test/a 2x' src='//evil.test/b'>", "<img>"),
    ("<video poster=//evil.test src=//evil.test></video><audio src=//evil.test></audio>y", "y"),
    ("<table background=//evil.test><tr><td background=//evil.test>x</table>",
     "<table><tbody><tr><td>x</td></tr></tbody></table>"),
    ("<img src='data:text/html,x'>", "<img>"),
    ("<img src='data:image/png'  srcdoc=x>", '<img src="data:image/png">'),
    ("<img src='cid:page'><img src='cid:none'>", "<img><img>"),
    ("<noscript><p title='</noscript><img src=x onerror=x>'></noscript>", "<img>'&gt;"),
    ("<!--<img src=x>--><!--[if mso]>x<![endif]-->y", "y"),
    ("<isindex action=//evil.test><keygen>y", "y"),
    ("<input type=image src=//evil.test>y", "y"),
    ("<marquee onstart=x>y</marquee>", "y"),
    ("<details open ontoggle=x>y</details>", "<details>y</details>"),
]  # fmt: skip


@pytest.mark.parametrize(("html", "shown"), HARMLESS)
def test_what_is_harmless_stays(html: str, shown: str) -> None:
    assert body(html) == shown


@pytest.mark.parametrize(("html", "shown"), HOSTILE)
def test_what_could_act_goes(html: str, shown: str) -> None:
    cleaned = body(html)
    assert "evil.test" not in cleaned
    assert "script" not in cleaned.lower()
    assert cleaned == shown


def test_links_open_new_tabs_without_a_referrer() -> None:
    document = make_safe("<a href='https://a.test'>x</a>", IMAGES.get).document
    assert 'target="_blank"' in document
    assert 'rel="noopener noreferrer"' in document


def test_the_policy_loads_nothing() -> None:
    policy = make_safe("", IMAGES.get).policy.split("; ")
    assert policy == [
        "default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    ]  # fmt: skip


def test_remote_images_are_counted_and_shown_on_request() -> None:
    html = "<img src='http://a.test/1'><img src='https://a.test/2'><img src='//a.test/3'>"
    hidden = make_safe(html, IMAGES.get)
    assert (hidden.remote, "a.test" in hidden.document) == (2, False)
    shown = make_safe(html, IMAGES.get, shows_remote=True)
    assert 'src="http://a.test/1"' in shown.document
    assert 'src="https://a.test/2"' in shown.document
    assert "img-src data: http: https:;" in shown.policy
    assert "a.test/3" not in shown.document


def test_inline_images_have_limits() -> None:
    html = "".join(f"<img src='cid:big{n}'>" for n in range(9)) + "<img src='cid:large'>"
    safe = make_safe(html, IMAGES.get)
    assert safe.document.count("data:image/jpeg") == 8
    assert safe.left_out == 2
    again = make_safe("<img src='cid:large'>" * 100, IMAGES.get)
    assert again.left_out == 1, "the same image is looked up once"


def test_a_message_stays_on_white_unless_it_knows_dark() -> None:
    assert "background:#fff" in make_safe("<p>x", IMAGES.get).document
    dark = "<meta name='color-scheme' content='light dark'><p>x"
    document = make_safe(dark, IMAGES.get).document
    assert "background:#fff" not in document
    assert 'content="light dark"' in document


def test_the_colours_of_the_body_stay() -> None:
    assert body("<body bgcolor=#123456 style='margin:1px' onload=x>x").startswith(
        '<div style="background-color:#123456;margin:1px">'
    )
    assert body("<body style='a\"><script>x'>x").count("<script") == 0


COMPLEX = [
    "<div>" * 100_000, "<b>" * 100_000, "&" * 1_000_000, f"{'x' * 36}&amp;" * 50_000,
    "<ul><li>" * 100_000, "<table><tr><td>" * 60_000, "x" * (LONGEST + 1), "<p>" * 300_000,
]  # fmt: skip
SIMPLE = [
    "<p>x" * 10_000, "<br>" * 50_000, "<td>&nbsp;</td>" * 50_000, "<li>a" * 20_000,
    "<div><b>x</b></div>" * 20_000, "x" * LONGEST,
]  # fmt: skip


@pytest.mark.parametrize("html", COMPLEX, ids=lambda each: each[:12])
def test_complex_html_is_shown_as_text(html: str) -> None:
    assert is_too_complex(html)
    assert run_within(1, lambda: body(html)).startswith("<pre>")


@pytest.mark.parametrize("html", SIMPLE, ids=lambda each: each[:12])
def test_large_but_simple_html_is_shown(html: str) -> None:
    assert not is_too_complex(html)
    assert "<pre>" not in run_within(2, lambda: body(html))


def test_deep_and_long_takes_bounded_time() -> None:
    for html in ("<b>" * 499 + "</i>" * 190_000, "<div>" * 499 + "</p>" * 190_000):
        run_within(3, partial(make_safe, html, IMAGES.get))


def test_half_characters_are_replaced() -> None:
    assert body("a\udc80b") == "a?b"
