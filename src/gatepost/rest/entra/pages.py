"""The pages on which a person of the emulated tenant signs in: who it is, and what it allows."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from starlette.responses import HTMLResponse, Response

from gatepost.directory.azure.entries import Application
from gatepost.rest.entra.people import EmulatedPerson

_SUBMIT: Final = "document.forms[0].submit()"
HEADERS: Final = {
    "cache-control": "no-store, no-cache",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(_SUBMIT.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:3rem auto;padding:0 1rem}"
    "button,input{font:inherit;padding:.6rem;margin:.2rem 0;width:100%;text-align:left;"
    "box-sizing:border-box}label{display:block}"
)


def show_page(title: str, body: str, status: int = 200) -> Response:
    """Return a page; ``body`` is HTML."""
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        HEADERS,
    )


def self_submitting_form(action: str, fields: Mapping[str, str]) -> str:
    """Return a form that a browser posts at once."""
    form = f'<form method="post" action="{escape(action)}">{hidden_inputs(fields)}'
    return f"{form}<button>Continue</button></form><script>{_SUBMIT}</script>"


def hidden_inputs(fields: Mapping[str, str]) -> str:
    """Return the inputs that a form passes on."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def people_form(people: Iterable[EmulatedPerson], hidden: Mapping[str, str]) -> str:
    """Return the form in which a test chooses who signs in."""
    passed = hidden_inputs(hidden)
    return (
        "<p>This is Gatepost in the place of Microsoft Entra. Choose who signs in; "
        f'nobody has a password.</p><form method="post">{passed}'
        f"{''.join(map(_button, people))}</form>"
        "<h2>Somebody else</h2>"
        f'<form method="post">{passed}<label>Name <input name="name" required></label>'
        '<label>App roles <input name="roles"></label>'
        '<label>Groups (object ids) <input name="groups"></label>'
        "<button>Sign in</button></form>"
    )


def _button(person: EmulatedPerson) -> str:
    roles = ", ".join(person.roles) or "no app role"
    return (
        f'<button name="as" value="{escape(person.name)}"><b>{escape(person.display_name)}</b> '
        f"{escape(person.name)} <i>{escape(roles)}</i></button>"
    )


def consent_form(
    application: Application, permissions: Iterable[str], hidden: Mapping[str, str]
) -> str:
    """Return the form in which a person allows an application something, or does not."""
    listed = "".join(f"<li>{escape(each)}</li>" for each in permissions)
    return (
        f"<p>{escape(application.display_name)} would like to:</p><ul>{listed}</ul>"
        f'<form method="post">{hidden_inputs(hidden)}'
        '<button name="consent" value="accept">Accept</button>'
        '<button name="consent" value="decline">Cancel</button></form>'
    )


def code_form() -> str:
    """Return the form for the code that a device shows."""
    return (
        "<p>Enter the code that your application or device shows.</p>"
        '<form method="post"><label>Code <input name="user_code" required></label>'
        "<button>Next</button></form>"
    )
