"""What was noticed about a value when it was read: the cause for each mark, by role."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gatepost.diagnosis.settings import fix_spellings
from gatepost.diagnosis.settings.fault import Fault, View
from gatepost.model.finding import Confidence
from gatepost.model.setting import Role, Setting

_VALUE: Final = "credential_mangled_by_config"
_URL: Final = "credential_url_encoding"
_HOST: Final = "host_setting_malformed"
_BARE: Final = "Set the bare host name, and the port in its own setting."


class Mark(NamedTuple):
    """The cause that a mark shows."""

    id: str
    confidence: Confidence
    text: str


# fmt: off
_TEXTS: Final[Mapping[str, str]] = MappingProxyType({
    "dollar": "contains a $ that is taken for a variable",
    "hash": "contains a # outside quotes: many readers end the value there",
    "blank_inside": "contains a space outside quotes: readers end the value there or refuse it",
    "quote_open": "begins with a quote that is not closed",
    "after_quote": "continues after its closing quote",
    "quote_inside": "contains quotes within an unquoted value: shells remove them",
    "backslash": "contains a backslash within double quotes: it is read as an escape",
    "backslash_bare": "contains a backslash outside quotes: shells remove it",
    "backslash_dropped": "contains a single backslash: .properties files read it as an escape and "
                         "drop it",
    "edge_blank": "begins or ends with a space",
    "blank_at_end": "is followed by a space, which some readers keep",
    "newline": "contains a line end",
    "unstripped": "is the unchanged text of a file, with the line end that most files have",
    "cr": "ends in a carriage return (Windows line ends): shells, Docker's --env-file and systemd "
          "keep it",
    "bom": "has an invisible character in or before its name: readers do not find it",
    "utf16": "is in a UTF-16 file, which hardly any reader accepts",
    "invisible": "contains an invisible character (no-break space, zero width)",
    "control": "contains a control character: it was read as an escape",
    "quotes_kept": "keeps its quotes, which are part of the value here",
    "smart_quotes": "contains typographic quotes, which are part of the value",
    "number": "is a number or boolean in YAML, and is changed when it is read",
    "colon": "contains a colon before a space outside quotes: YAML refuses the file",
    "comment": "contains a # in the line, which does not start a comment here",
    "special_start": "begins with a character that has a meaning in YAML",
    "not_base64": "is not base64, as a Secret's data must be",
    "tuple": "ends in a comma: that makes a tuple of it",
    "no_colon": "has no colon between user name and password",
    "twice": "is set twice: .NET refuses that",
    "latin1": "contains non-ASCII characters, and .properties files are read as Latin-1",
    "placeholder": "still contains a placeholder",
    "raw_at": "contains an @ in the user name or password that is not encoded (%40)",
    "raw_slash": "contains a / in the user name or password (%2F): the host ends there",
    "raw_query": "contains a ? in the user name or password (%3F): the host ends there",
    "raw_hash": "contains a # in the user name or password (%23): the URL ends there",
    "raw_percent": "contains a % that does not begin an escape (%25)",
    "raw_other": "contains a character in the user name or password that is not allowed in URLs",
    "port_word": "has no number in the place of the port",
    "scheme": "begins with a scheme (smtp://, ssl://): clients look the whole value up in the DNS",
    "path": "contains a /, which is not allowed in host names",
    "blank": "contains a space",
    "comma": "contains a comma or semicolon: only one host is allowed",
    "at_sign": "contains an @: that is an address, not a host",
    "host_port": "contains the port, too: many clients look the whole value up in the DNS",
    "bracket_port": "has the port inside the brackets: write [HOST]:PORT",
})
"""What is wrong with a value, by mark."""


def _marks(*rows: tuple[str, Confidence, str]) -> Mapping[str, Mark]:
    """Return the marks of a role; ``rows``: a cause, its confidence, and the names of its marks."""
    return MappingProxyType({
        name: Mark(id_, confidence, _TEXTS[name])
        for id_, confidence, names in rows for name in names.split()
    })


VALUES: Final[Mapping[str, Mark]] = _marks(
    (_VALUE, "likely", ("dollar hash blank_inside after_quote backslash edge_blank newline bom "
                       "control quotes_kept smart_quotes number not_base64")),
    (_VALUE, "certain", ("quote_open backslash_dropped utf16 invisible colon special_start tuple "
                        "no_colon")),
    (_VALUE, "possible", "quote_inside backslash_bare blank_at_end unstripped cr comment"),
    ("client_config_conflict", "likely", "twice"),
    ("non_ascii_password", "likely", "latin1"),
    ("credentials_missing", "likely", "placeholder"),
)
URLS: Final[Mapping[str, Mark]] = {**_marks(
    (_URL, "likely", "raw_at raw_other port_word edge_blank newline"),
    (_URL, "certain", "raw_slash raw_query raw_hash raw_percent invisible"),
    (_VALUE, "likely", "after_quote bom"),
    (_VALUE, "certain", "quote_open utf16 tuple"),
    (_URL, "possible", "cr"),
), "dollar": Mark(_VALUE, "likely", f"{_TEXTS['dollar']} (in a URL: %24)")}
HOSTS: Final[Mapping[str, Mark]] = _marks(
    (_HOST, "certain", ("scheme path blank edge_blank newline at_sign quotes_kept quote_open "
                       "invisible smart_quotes comment bracket_port tuple utf16")),
    (_HOST, "possible", "blank_at_end cr"),
    (_HOST, "likely", "comma host_port bom"),
    ("credentials_missing", "likely", "placeholder"),
)
# fmt: on
_HARMLESS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "laravel": frozenset({"backslash_bare", "quote_inside", "cr"}),
        "msmtp": frozenset({"hash", "blank_inside", "quote_inside"}),
    }
)  # fmt: skip
"""Marks that do no harm in files of this kind."""


def values(view: View) -> Iterator[Fault]:
    """User names and passwords that may arrive altered."""
    roles: tuple[Role, ...] = ("username", "password")
    for role in roles:
        for setting in view.all(role):
            for mark in setting.marks:
                yield from _fault(view, setting, VALUES.get(mark), mark, " " + _what(role))
            hidden = {"invisible", "smart_quotes"} & set(setting.marks)
            if setting.secret is not None and not setting.secret.ascii and not hidden:
                yield _non_ascii(view, setting)


def _what(role: str) -> str:
    return "(the password) " if role == "password" else "(the user name) "


def _non_ascii(view: View, setting: Setting) -> Fault:
    sure: Confidence = "likely" if view.kind in ("django", "python") else "possible"
    text = " contains non-ASCII characters: smtplib cannot send them" if sure == "likely" else (
        " contains non-ASCII characters: some clients cannot send them, and servers differ in how "
        "they read them")  # fmt: skip
    return view.fault(setting, "non_ascii_password", sure, text,
                 "Set a password of ASCII characters only.")  # fmt: skip


def _fault(
    view: View, setting: Setting, mark: Mark | None, name: str, before: str = " "
) -> Iterator[Fault]:
    if mark is None or name in _HARMLESS.get(view.kind, ()):
        return
    fix = _FIXES.get(mark.id, fix_spellings.quote)(view.spelling)
    if name in ("bom", "utf16"):
        fix = "Save the file as UTF-8 without a byte order mark."
    elif name == "unstripped":
        fix = "Remove the line end: .strip()."
    elif name == "cr":
        fix = "Save the file with Unix line ends (sed -i 's/\\r$//' FILE)."
    elif name in ("edge_blank", "newline", "blank_at_end", "invisible") and mark.id == _VALUE:
        fix = f"Remove it, and type the value by hand. {fix_spellings.quote(view.spelling)}"
    yield view.fault(setting, mark.id, mark.confidence, f"{before}{mark.text}", fix)


_FIXES: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({
    _URL: lambda kind: "Percent-encode user name and password (@ %40, : %3A, / %2F, ? %3F, # %23, "
          "% %25, + %2B, $ %24)" + (", and double each % in YAML" if kind == "yaml" else "") + ".",
    "credentials_missing": lambda _kind: "Put the real value there.",
    "client_config_conflict": lambda _kind: "Set it once.",
    "non_ascii_password": lambda _kind: "Set a password of ASCII characters only, or write them as "
                          "\\uXXXX.",
})  # fmt: skip


def urls(view: View) -> Iterator[Fault]:
    """A user name or password in a URL is not encoded."""
    for setting in view.all("url"):
        for mark in setting.marks:
            yield from _fault(view, setting, URLS.get(mark), mark)
        if "raw_plus" in setting.marks and "MAILER_DSN" in setting.key.upper():
            text = " contains a + in the user name or password: Symfony reads it as a space"
            yield view.fault(setting, _URL, "likely", text, "Write %2B for it.")


def hosts(view: View) -> Iterator[Fault]:
    """A host setting is not just a host name."""
    for setting in view.all("host"):
        for name in setting.marks:
            if name == "host_port" and _is_host_and_port(view, setting):
                continue
            mark = HOSTS.get(name)
            if mark is None or name in _HARMLESS.get(view.kind, ()):
                continue
            sure: Confidence = mark.confidence
            if name == "host_port" and view.first("port") is not None:
                sure = "certain"
            fix = _BARE
            if view.kind == "postfix":
                fix = (
                    "relayhost = [HOST]:PORT, and nothing behind it: comments need a line of "
                    "their own."
                )
            elif mark.id != _HOST:
                fix = "Put the real value there."
            yield view.fault(setting, mark.id, sure, f" {mark.text}", fix)
    for setting in view.all("port"):
        if "port_malformed" in setting.marks:
            yield view.fault(setting, _HOST, "likely", " is not a port number",
                        "Set the bare number: 587 or 465.")  # fmt: skip


def _is_host_and_port(view: View, setting: Setting) -> bool:
    """Tell whether the program takes HOST:PORT in one setting, as Grafana and Alertmanager do."""
    key = setting.key.lower()
    return key.endswith(("gf_smtp_host", "smarthost")) or (
        view.kind == "ini" and key == "smtp.host"
    )


def twice(view: View) -> Iterator[Fault]:
    """.NET refuses a file with a duplicate name."""
    if view.kind == "dotnet":
        for setting in view.config.settings:
            if "twice" in setting.marks and setting.role not in ("username", "password"):
                yield from _fault(view, setting, VALUES["twice"], "twice")


RULES: Final = (twice, values, urls, hosts)
