"""``[dkim]`` and ``[[dkim.key]]``: the keys that sign mail, and which targets' mail they sign."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from gatepost.config import value_syntax as values
from gatepost.config.problems import nearest
from gatepost.config.settings import DkimKeySettings, DkimSettings
from gatepost.config.table_reader import TableReader
from gatepost.dkim.canonical_form import FORMS
from gatepost.model.idn import fold_domain
from gatepost.model.route import Target, dkim_domains_of

DIRECTORY: Final = "dkim"
"""Of keys, in the storage directory."""
SUFFIX: Final = ".pem"
_ALL: Final = "*"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_-]{1,63})*")
MOST: Final = 253
"""Octets of a name in the DNS (RFC 1035 2.3.4, as text)."""


def read_dkim(root: TableReader, directory: Path) -> DkimSettings:
    """Return the keys, and how they sign; ``directory`` is where mail is stored."""
    table, usual = root.table("dkim"), DkimSettings()
    forms = table.take(
        "canonicalization",
        values.one_of(tuple([f"{header}/{body}" for header in FORMS for body in FORMS])),
        f"{usual.header}/{usual.body}",
    )
    lifetime = table.take("expires_after", values.positive_span, None)
    keys: list[DkimKeySettings] = []
    for each in table.tables("key"):
        key = _key(each, directory)
        if any((key.domain, key.selector) == (one.domain, one.selector) for one in keys):
            problem = f"there is already a key {key.selector} of {key.domain}"
            each.fault("selector", f"{each.name('selector')}: {problem}")
        keys.append(key)
        each.finish()
    table.finish()
    header, _, body = forms.partition("/")
    return DkimSettings(tuple(keys), cast("Any", header), cast("Any", body), lifetime)


def _key(table: TableReader, directory: Path) -> DkimKeySettings:
    name = table.need("domain", domain, "domain.invalid")
    selected = table.need("selector", selector, "selector")
    file = table.take("file", values.path, str(key_file(directory, name, selected)))
    return DkimKeySettings(name, selected, file)


def key_file(directory: Path, domain: str, selector: str) -> Path:
    """Return where a key is, in the directory where mail is stored."""
    return directory / DIRECTORY / domain / f"{selector}{SUFFIX}"


def domain(value: Any) -> str:
    """A domain, as A-labels in lower case."""
    return _name(value, "must be a domain")


def selector(value: Any) -> str:
    """A selector, as A-labels in lower case (RFC 6376 3.1)."""
    return _name(value, "must be a selector, such as a date")


def _name(value: Any, problem: str) -> str:
    if isinstance(value, str):
        folded = fold_domain(value)
        if len(folded) <= MOST and _NAME.fullmatch(folded):
            return folded
    raise ValueError(problem)


def signing_domains(value: Any) -> tuple[str, ...]:
    """True (all domains that have a key), false, or some domains."""
    if isinstance(value, bool):
        return (_ALL,) if value else ()
    return values.many(domain)(value)


def check_dkim(root: TableReader, dkim: DkimSettings, targets: Mapping[str, Target]) -> None:
    """Report domains without a key, and warn of keys that sign nothing."""
    known = {each.domain for each in dkim.keys}
    named: set[str] = set()
    for name, table in root.named("target").items():
        domains = dkim_domains_of(targets[name]) if name in targets else ()
        named.update(domains)
        if _ALL in domains and not known:
            table.fault("dkim", f"{table.name('dkim')}: there is no [[dkim.key]]")
        for each in domains:
            if each != _ALL and each not in known:
                problem = f"there is no [[dkim.key]] with this domain: {each}"
                table.fault("dkim", f"{table.name('dkim')}: {problem}", nearest(each, known))
    if _ALL not in named:
        tables = root.table("dkim").tables("key")
        for table, key in zip(tables, dkim.keys, strict=False):
            if key.domain not in named:
                table.warn(f"the DKIM key of {key.domain} signs nothing: no target names it")
