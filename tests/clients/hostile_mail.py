"""HTML of mail that tries to act: to run scripts, to load something, to leave its frame."""

from collections.abc import Iterator
from typing import Final

_RUN: Final = (
    "top.document.title='owned';alert(1)",
    "parent.location='{0}/top';document.title='owned'",
)
_VECTORS: Final = (
    "<script>{run}</script>",
    "<script src='{0}/a.js'></script>",
    '<img src=x onerror="{run}">',
    '<svg onload="{run}"></svg>',
    "<svg><script>{run}</script></svg>",
    '<svg><a xlink:href="javascript:{run}"><text y=20>x</text></a></svg>',
    "<svg><image href='{0}/a.svg'/><use href='{0}/b.svg#x'/></svg>",
    '<math><mtext><table><mglyph><style><img src=x onerror="{run}"></style></table></math>',
    '<noscript><p title="</noscript><img src=x onerror={run}>"></noscript>',
    '<form><math><mtext></form><form><mglyph><style></math><img src onerror="{run}">',
    "<iframe src='{0}/frame'></iframe><iframe srcdoc=\"<script>{run}</script>\"></iframe>",
    "<object data='{0}/o'></object><embed src='{0}/e'>",
    '<body onload="{run}"><p>x',
    '<details open ontoggle="{run}">x</details>',
    '<input autofocus onfocus="{run}"><select autofocus onfocus="{run}"></select>',
    "<video src='{0}/v' poster='{0}/p' onerror=\"{run}\" autoplay></video><audio src='{0}/a'>",
    "<meta http-equiv=refresh content='0;url={0}/refresh'>",
    "<base href='{0}/'><a href=x>x</a><img src=relative.png>",
    "<form action='{0}/form'><button autofocus>x</button></form>",
    "<link rel=stylesheet href='{0}/s.css'><link rel=preload as=image href='{0}/l.png'>",
    "<link rel=prefetch href='{0}/pre'><link rel=dns-prefetch href='{0}'>",
    "<style>@import url({0}/i.css);body{{background:url({0}/b.png)}}</style><p>x",
    "<style>@font-face{{font-family:x;src:url({0}/f.woff)}}p{{font-family:x}}</style><p>x",
    "<p style=\"background:url('{0}/style.png');position:fixed;inset:0\">x",
    '<p style="behavior:url({0}/h.htc);-moz-binding:url({0}/x.xml)">x',
    "<img src='{0}/i.png'><img srcset='{0}/2x.png 2x'><picture><source srcset='{0}/p'></picture>",
    "<table background='{0}/t.png'><tr><td background='{0}/c.png'>x</table>",
    "<img src='data:text/html,<script>{run}</script>'>",
    "<a href=\"javascript:{run}\">x</a><a href='data:text/html,x'>y</a>",
    "<img src='cid:pixel' onload=\"{run}\">",
    "<template><script>{run}</script></template><xmp><script>{run}</script></xmp>",
    "<!--[if gte mso 9]><script>{run}</script><![endif]--><!--><script>{run}</script>-->",
    "<marquee onstart=\"{run}\">x</marquee><isindex action='{0}/q'>",
    "<a href='{0}/ping' ping='{0}/pinged'>x</a><area href='{0}/area'>",
    "<p id=cookie name=cookie>x</p><img name=body><form id=documentElement>",
    '<textarea><img title="</textarea><img src=x onerror={run}>">',
    '<dialog open onclose="{run}"><form method=dialog><button>x</button></form></dialog>',
)
_AROUND: Final = (
    "{0}",
    "<html><head><title>x</title></head><body>{0}</body></html>",
    "<table><tr><td>{0}",
)


def hostile_html(elsewhere: str) -> Iterator[str]:
    """Yield HTML; ``elsewhere`` is the origin that it tries to reach."""
    for around in _AROUND:
        for run in _RUN:
            for vector in _VECTORS:
                yield around.format(vector.format(elsewhere, run=run.format(elsewhere)))
    yield "<div>" * 20_000 + "deep"
    yield "<p>large</p>" * 60_000
    yield "<b>" * 3_000 + "<script>alert(1)</script>"
