"""The HTML of a message as a document of its own that cannot act, for a frame without rights.

Three layers, each of which suffices: nh3 removes what could act, the frame is sandboxed without
scripts and without our origin, and ``policy`` lets nothing be loaded. CSS passes nh3, so only the
policy stops what a style sheet names.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote

from gatepost.mailbox.html_limits import LONGEST, is_too_complex
from gatepost.model.units import MIB

SANDBOX: Final = "allow-popups allow-popups-to-escape-sandbox"
"""What the frame may do: open a link in a new tab."""
LARGEST_IMAGE: Final = MIB
LARGEST_IMAGES: Final = 8 * MIB
"""Octets of inline images, of one and of all together; others are placeholders."""

InlineImage = tuple[str, bytes]
"""Content type and octets."""

_POLICY: Final = (
    "default-src 'none'; img-src {images}; style-src 'unsafe-inline'; base-uri 'none'; "
    f"form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
)
_MORE_TAGS: Final = {"style", "font", "big", "tfoot", "address", "section", "main"}
_NO_TAGS: Final = {"map", "area"}
_WITHOUT_CONTENT: Final = {
    "script", "title", "noscript", "template", "iframe", "object", "applet", "textarea", "select",
    "svg", "math", "xmp", "noembed", "noframes",
}  # fmt: skip
"""Elements whose content is no text of the message."""
_EVERYWHERE: Final = {
    "style", "class", "id", "dir", "lang", "title", "align", "valign", "width", "height", "bgcolor",
    "color", "border", "role", "aria-label", "aria-hidden",
}  # fmt: skip
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": _EVERYWHERE,
    "a": {"href", "name"},
    "img": {"src", "alt", "hspace", "vspace"},
    "table": {"cellpadding", "cellspacing", "frame", "rules", "summary"},
    "td": {"colspan", "rowspan", "nowrap", "headers"},
    "th": {"colspan", "rowspan", "nowrap", "headers", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
    "font": {"face", "size"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"value"},
    "hr": {"size", "noshade"},
    "style": {"type", "media"},
}
_SCHEMES: Final = {"http", "https", "mailto", "tel", "cid", "data"}
_LINKS: Final = ("http:", "https:", "mailto:", "tel:")
_IMAGES: Final = re.compile(r"image/(?:png|jpe?g|pjpeg|gif|webp|bmp|avif|svg\+xml|x-icon)")
_OWN_COLOURS: Final = re.compile(r"color-scheme", re.IGNORECASE)
_BODY_START: Final = 8_192
"""Characters in which the start tag of the body must end."""
_PLAIN: Final = ":root{background:#fff;color:#1a1a1a}"
_STYLE: Final = (
    "body{margin:0;padding:16px;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}pre{white-space:pre-wrap}"
    "img:not([src]){display:inline-block;min-width:24px;min-height:24px;"
    "outline:1px dashed #8888;outline-offset:-1px}"
)


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """A document that may be shown, with the policy that it needs."""

    document: str
    policy: str
    """The Content-Security-Policy."""
    remote: int
    """Images from other servers that are not shown."""
    left_out: int
    """Inline images that are too large."""


def make_safe(
    html: str,
    images: Callable[[str], InlineImage | str | None],
    *,
    shows_remote: bool = False,
    opens_tabs: bool = True,
) -> SafeHtml:
    """Return a document with what a message's HTML shows.

    ``images`` returns an inline image by its Content-ID, or its URL on this server, or None. With
    ``shows_remote`` the browser may load images of other servers, with ``opens_tabs`` links open a
    new tab. HTML that is too complex is shown as text. 100 kB take 5 ms.
    """
    cleaner = _Cleaner(images, shows_remote=shows_remote, opens_tabs=opens_tabs)
    text = html.encode("utf-8", "replace").decode()
    if is_too_complex(text):
        content = f"<pre>{escape(text[:LONGEST])}</pre>"
    else:
        content = cleaner.clean(_body_style(text) + text)
    scheme = "light dark" if _OWN_COLOURS.search(text) else "only light"
    style = _STYLE if scheme == "light dark" else _STYLE + _PLAIN
    document = (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="{scheme}"><style>{style}</style></head>'
        f"<body>{content}</body></html>"
    )
    sources = "data: http: https:" if shows_remote else "data:"
    if cleaner.has_urls:
        sources = f"'self' {sources}"
    policy = _POLICY.format(images=sources)
    return SafeHtml(document, policy, cleaner.remote, cleaner.left_out)


class _Cleaner:
    """Decides about the attributes that name something to load or to open."""

    def __init__(
        self,
        images: Callable[[str], InlineImage | str | None],
        *,
        shows_remote: bool,
        opens_tabs: bool,
    ) -> None:
        self._images, self._shows_remote, self._opens_tabs = images, shows_remote, opens_tabs
        self.has_urls = False
        self._octets = 0
        self._seen: dict[str, str | None] = {}
        self.remote = self.left_out = 0

    def clean(self, html: str) -> str:
        """Return what may be shown of HTML."""
        import nh3  # noqa: PLC0415 - large, and most mail has no HTML

        return nh3.clean(
            html,
            tags=(nh3.ALLOWED_TAGS | _MORE_TAGS) - _NO_TAGS,
            clean_content_tags=set(_WITHOUT_CONTENT),
            attributes=_ATTRIBUTES,
            attribute_filter=self.filter,
            link_rel="noopener noreferrer" if self._opens_tabs else None,
            set_tag_attribute_values={"a": {"target": "_blank"}} if self._opens_tabs else {},
            url_schemes=set(_SCHEMES),
            url_relative="pass_through",  # ``filter`` lets only our own pass
        )

    def filter(self, tag: str, attribute: str, value: str) -> str | None:
        """Return the value of an attribute, or None to remove it."""
        if attribute == "href":
            return value if value.strip().lower().startswith(_LINKS) else None
        if attribute == "src":
            return self._image(value.strip()) if tag == "img" else None
        return value

    def _image(self, source: str) -> str | None:
        scheme = source.partition(":")[0].lower()
        if scheme == "cid":
            name = source[4:]
            if name not in self._seen:
                self._seen[name] = self._embed(name)
            return self._seen[name]
        if scheme == "data":
            return source if _IMAGES.match(source[5:].lower()) else None
        if scheme in ("http", "https"):
            if self._shows_remote:
                return source
            self.remote += 1
        return None

    def _embed(self, name: str) -> str | None:
        """Return the URL of an inline image: a sandboxed frame sends no cookie for others."""
        image = self._images(unquote(name))
        if isinstance(image, str):
            self.has_urls = True
            return image
        if image is None or not _IMAGES.fullmatch(image[0].lower()):
            return None
        content_type, content = image
        self._octets += len(content)
        if len(content) > LARGEST_IMAGE or self._octets > LARGEST_IMAGES:
            self._octets -= len(content)
            self.left_out += 1
            return None
        return f"data:{content_type.lower()};base64,{base64.b64encode(content).decode()}"


def _body_style(html: str) -> str:
    """Return the start tag of an element with the style of the body, which is lost in a fragment;
    empty if it has none."""
    start = html.lower().find("<body")
    if start < 0:
        return ""
    parser = _BodyParser()
    parser.feed(html[start : start + _BODY_START])
    kept = {name: parser.attributes[name] for name in _BODY if parser.attributes.get(name)}
    if "background-color" not in kept.get("style", "") and "bgcolor" in kept:
        kept["style"] = f"background-color:{kept['bgcolor']};{kept.get('style', '')}"
    style = escape(kept.get("style", ""))
    return f'<div style="{style}">' if style else ""


_BODY: Final = ("style", "bgcolor")


class _BodyParser(HTMLParser):
    """Reads the attributes of the first tag."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: Mapping[str, str] = {}
        self._has_read = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the attributes of ``<body>``."""
        if tag == "body" and not self._has_read:
            self.attributes = {name: value or "" for name, value in attrs}
        self._has_read = True
