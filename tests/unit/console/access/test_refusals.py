"""The listener's own refusals: in the reader's language and theme, with the reason."""

import pytest

from tests.unit.console.access.guarded import TOKEN, Guarded, basic

HTML = "text/html; charset=utf-8"
COOKIES = "gatepost-language={}; gatepost-theme=dark"

CASES = [
    (421, {"path": "/", "host": "evil.test"}, "Another host was meant", "ホスト名が違います"),
    (403, {"path": "/", "sec_fetch_site": "cross-site"},
     "This is not permitted", "許可されていません"),
    (404, {"path": "/nothing"}, "There is nothing here", "ページが見つかりません"),
    (405, {"path": "/fails", "method": "DELETE"},
     "This cannot be done here", "この操作はできません"),
    (415, {"path": "/sign-in", "method": "POST", "content_type": "text/plain", "body": b"x"},
     "This form is not known", "形式が違います"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "asked", "english", "japanese"), CASES)
def test_a_page_is_refused_in_both_languages(
    status: int, asked: dict[str, str], english: str, japanese: str
) -> None:
    guarded = Guarded()
    wanted = {**asked, "authorization": f"Bearer {TOKEN}"}
    for language, heading in (("en", english), ("ja", japanese)):
        for headers in ({"cookie": COOKIES.format(language)}, {"accept_language": language}):
            answer = guarded.ask(**{**wanted, **headers})  # type: ignore[arg-type]
            page = answer.body.decode()
            assert answer.status == status
            assert answer.headers["content-type"] == HTML
            assert f'<html lang="{language}"' in page
            assert f"<h1>{heading}</h1>" in page
            assert ('data-theme="dark"' in page) is ("cookie" in headers)
            assert "style=" not in page, "the policy permits no inline style"


def test_the_reason_is_said_and_escaped() -> None:
    page = Guarded().ask("/<script>", authorization=f"Bearer {TOKEN}").body.decode()
    assert "There is nothing at /&lt;script&gt;." in page
    role = Guarded().ask("/", "POST", authorization=basic("a-viewer", "password of viewer"))
    assert role.status == 405


def test_apis_are_refused_in_their_own_form() -> None:
    guarded = Guarded()
    json = guarded.ask("/api/gatepost/v1/nothing", authorization=f"Bearer {TOKEN}")
    assert json.headers["content-type"] == "application/json"
    text = guarded.ask("/api/v1/nothing", authorization=f"Bearer {TOKEN}")
    assert text.headers["content-type"].startswith("text/plain")
