"""Domain names in ASCII, by IDNA 2008."""

import pytest

from gatepost.model.idn import a_labels

DOMAINS = [
    ("example.com", "example.com"),
    ("EXAMPLE.com", "EXAMPLE.com"),
    ("müller.example", "xn--mller-kva.example"),
    ("MÜLLER.example", "xn--mller-kva.example"),
    ("mu\u0308ller.example", "xn--mller-kva.example"),
    ("mail.müller.example", "mail.xn--mller-kva.example"),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ("עברית.example", "xn--5dbqzzl.example"),
    ("xn--mller-kva.example", "xn--mller-kva.example"),
    # Letters that the standard of 2003 made into others: another domain, another owner.
    ("fußball.example", "xn--fuball-cta.example"),
    ("βόλος.com", "xn--nxasmm1c.com"),
    ("βόλοσ.com", "xn--nxasmq6b.com"),
    ("_dmarc.müller.example", "_dmarc.xn--mller-kva.example"),
    ("\u212aelvin.example", "kelvin.example"),
    ("\uab70\u13f8.example", "xn--58d4n.example"),
]


@pytest.mark.parametrize(("domain", "spelled"), DOMAINS)
def test_spelled_in_ascii(domain: str, spelled: str) -> None:
    assert a_labels(domain) == spelled


@pytest.mark.parametrize(
    "domain",
    [
        "☃.example", "💌.example", "a\u200db.example", "\ufb01.example", "Ⅷ.example", "-ü.example",
        "ü-.example", "ab--ü.example", "1א.example", "\u0301a.example", "ü。example", "ü\u00a0b.x",
        f"{'ü' * 60}.example", "ｍüller.example",
    ],
)  # fmt: skip
def test_no_name_that_anybody_has(domain: str) -> None:
    with pytest.raises(ValueError, match="not a label"):
        a_labels(domain)
