"""What was noticed about a value when it was read: the cause for each mark, by role."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gatepost.diagnosis.settings import spellings
from gatepost.diagnosis.settings.fault import Fault, View
from gatepost.model.finding import Confidence
from gatepost.model.setting import Role, Setting

_VALUE: Final = "credential_mangled_by_config"
_URL: Final = "credential_url_encoding"
_HOST: Final = "host_setting_malformed"
_BARE: Final = "Set the bare host name, and the port in its own setting."


class Mark(NamedTuple):
    """What a mark means in a value that the client signs in with, or in a URL."""

    id: str
    confidence: Confidence
    said: str


# fmt: off
VALUES: Final[Mapping[str, Mark]] = MappingProxyType({
    "dollar":            Mark(_VALUE, "likely", "contains a $ that is taken for a variable"),
    "hash":              Mark(_VALUE, "likely", "contains a # outside quotes: many readers end "
                                                "the value there"),
    "blank_inside":      Mark(_VALUE, "likely", "contains a space outside quotes: readers end the "
                                                "value there or refuse it"),
    "quote_open":        Mark(_VALUE, "certain", "begins with a quote that is not closed"),
    "after_quote":       Mark(_VALUE, "likely", "continues after its closing quote"),
    "quote_inside":      Mark(_VALUE, "possible", "contains quotes within an unquoted value: "
                                                  "shells remove them"),
    "backslash":         Mark(_VALUE, "likely", "contains a backslash within double quotes: it is "
                                                "read as an escape"),
    "backslash_bare":    Mark(_VALUE, "possible", "contains a backslash outside quotes: shells "
                                                  "remove it"),
    "backslash_dropped": Mark(_VALUE, "certain", "contains a single backslash: .properties files "
                                                 "read it as an escape and drop it"),
    "edge_blank":        Mark(_VALUE, "likely", "begins or ends with a space"),
    "blank_at_end":      Mark(_VALUE, "possible", "is followed by a space, which some readers "
                                                  "keep"),
    "newline":           Mark(_VALUE, "likely", "contains a line end"),
    "unstripped":        Mark(_VALUE, "possible", "is the unchanged text of a file, with the line "
                                                  "end that most files have"),
    "cr":                Mark(_VALUE, "possible", "ends in a carriage return (Windows line "
                                                  "ends): shells, Docker's "
                                                  "--env-file and systemd keep it"),
    "bom":               Mark(_VALUE, "likely", "has an invisible character in or before its "
                                                "name: readers do not find it"),
    "utf16":             Mark(_VALUE, "certain", "is in a UTF-16 file, which hardly any reader "
                                                 "accepts"),
    "invisible":         Mark(_VALUE, "certain", "contains an invisible character (no-break "
                                                 "space, zero width)"),
    "control":           Mark(_VALUE, "likely", "contains a control character: it was read as an "
                                                "escape"),
    "quotes_kept":       Mark(_VALUE, "likely", "keeps its quotes, which are part of the "
                              "value here"),
    "smart_quotes":      Mark(_VALUE, "likely", "contains typographic quotes, which are part of "
                                                "the value"),
    "number":            Mark(_VALUE, "likely", "is a number or boolean in YAML, and is changed "
                                                "when it is read"),
    "colon":             Mark(_VALUE, "certain", "contains a colon before a space outside quotes: "
                                                 "YAML refuses the file"),
    "comment":           Mark(_VALUE, "possible", "contains a # in the line, which does not start "
                                                  "a comment here"),
    "special_start":     Mark(_VALUE, "certain", "begins with a character that has a meaning in "
                                                 "YAML"),
    "not_base64":        Mark(_VALUE, "likely", "is not base64, as a Secret's data must be"),
    "tuple":             Mark(_VALUE, "certain", "ends in a comma: that makes a tuple of it"),
    "no_colon":          Mark(_VALUE, "certain", "has no colon between user name and password"),
    "twice":             Mark("client_config_conflict", "likely", "is set twice: .NET refuses "
                                                                  "that"),
    "latin1":            Mark("non_ascii_password", "likely", "contains non-ASCII characters, and "
                                                              ".properties files are read as "
                                                              "Latin-1"),
    "placeholder":       Mark("credentials_missing", "likely", "still contains a placeholder"),
})
URLS: Final[Mapping[str, Mark]] = MappingProxyType({
    "raw_at":      Mark(_URL, "likely", "contains an @ in the user name or password that is not "
                                        "encoded (%40)"),
    "raw_slash":   Mark(_URL, "certain", "contains a / in the user name or password (%2F): the "
                                         "host ends there"),
    "raw_query":   Mark(_URL, "certain", "contains a ? in the user name or password (%3F): the "
                                         "host ends there"),
    "raw_hash":    Mark(_URL, "certain", "contains a # in the user name or password (%23): the URL "
                                         "ends there"),
    "raw_percent": Mark(_URL, "certain", "contains a % that does not begin an escape (%25)"),
    "raw_other":   Mark(_URL, "likely", "contains a character in the user name or password that "
                                        "is not allowed in URLs"),
    "port_word":   Mark(_URL, "likely", "has no number in the place of the port"),
    "dollar":      Mark(_VALUE, "likely", "contains a $ that is taken for a variable (in a URL: "
                                          "%24)"),
    "quote_open":  VALUES["quote_open"],
    "after_quote": VALUES["after_quote"],
    "edge_blank":  Mark(_URL, "likely", "begins or ends with a space"),
    "newline":     Mark(_URL, "likely", "ends in a line end"),
    "invisible":   Mark(_URL, "certain", "contains an invisible character (no-break space, "
                                         "zero width)"),
    "cr":          Mark(_URL, "possible", "ends in a carriage return (Windows line ends)"),
    "bom":         VALUES["bom"],
    "utf16":       VALUES["utf16"],
    "tuple":       VALUES["tuple"],
})
HOSTS: Final[Mapping[str, Mark]] = MappingProxyType({
    "scheme":       Mark(_HOST, "certain", " begins with a scheme (smtp://, ssl://): clients look "
                                           "the whole value up in the DNS"),
    "path":         Mark(_HOST, "certain", " contains a /, which is not allowed in host names"),
    "blank":        Mark(_HOST, "certain", " contains a space"),
    "edge_blank":   Mark(_HOST, "certain", " begins or ends with a space"),
    "newline":      Mark(_HOST, "certain", " contains a line end"),
    "blank_at_end": Mark(_HOST, "possible", " is followed by a space, which some readers keep"),
    "comma":        Mark(_HOST, "likely", " contains a comma or semicolon: only one host is "
                                          "allowed"),
    "at_sign":      Mark(_HOST, "certain", " contains an @: that is an address, not a host"),
    "host_port":    Mark(_HOST, "likely", " contains the port, too: many clients look the whole "
                                          "value up in the DNS"),
    "quotes_kept":  Mark(_HOST, "certain", " keeps its quotes, which are part of the value here"),
    "quote_open":   Mark(_HOST, "certain", " begins with a quote that is not closed"),
    "invisible":    Mark(_HOST, "certain", " contains an invisible character (no-break "
                                           "space, zero width)"),
    "smart_quotes": Mark(_HOST, "certain", " contains typographic quotes, which are part of the "
                                           "value"),
    "comment":      Mark(_HOST, "certain", " contains a # in the line, which does not start a "
                                           "comment here"),
    "bracket_port": Mark(_HOST, "certain", " has the port inside the brackets: write [HOST]:PORT"),
    "tuple":        Mark(_HOST, "certain", " ends in a comma: that makes a tuple of it"),
    "bom":          Mark(_HOST, "likely", " has an invisible character in or before its name: "
                                          "readers do not find it"),
    "utf16":        Mark(_HOST, "certain", " is in a UTF-16 file, which hardly any reader accepts"),
    "cr":           Mark(_HOST, "possible", " ends in a carriage return (Windows line ends)"),
    "placeholder":  Mark("credentials_missing", "likely", " still contains a placeholder"),
})
# fmt: on
_KEPT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "laravel": frozenset({"backslash_bare", "quote_inside", "cr"}),
        "msmtp": frozenset({"hash", "blank_inside", "quote_inside"}),
    }
)
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
    said = " contains non-ASCII characters: smtplib cannot send them" if sure == "likely" else (
        " contains non-ASCII characters: some clients cannot send them, and servers differ in how "
        "they read them")  # fmt: skip
    return Fault("non_ascii_password", sure, view.at(setting, said),
                 "Set a password of ASCII characters only.")  # fmt: skip


def _fault(
    view: View, setting: Setting, mark: Mark | None, name: str, before: str = " "
) -> Iterator[Fault]:
    if mark is None or name in _KEPT.get(view.kind, ()):
        return
    fix = _FIXES.get(mark.id, spellings.quote)(view.spelling)
    if name in ("bom", "utf16"):
        fix = "Save the file as UTF-8 without a byte order mark."
    elif name == "unstripped":
        fix = "Remove the line end: .strip()."
    elif name == "cr":
        fix = "Save the file with Unix line ends (sed -i 's/\\r$//' FILE)."
    elif name in ("edge_blank", "newline", "blank_at_end", "invisible") and mark.id == _VALUE:
        fix = f"Remove it, and type the value by hand. {spellings.quote(view.spelling)}"
    yield Fault(mark.id, mark.confidence, view.at(setting, f"{before}{mark.said}"), fix)


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
            proof = view.at(
                setting, " contains a + in the user name or password: Symfony reads it as a space"
            )
            yield Fault(_URL, "likely", proof, "Write %2B for it.")


def hosts(view: View) -> Iterator[Fault]:
    """A host setting is not just a host name."""
    for setting in view.all("host"):
        for name in setting.marks:
            if name == "host_port" and _takes_port(view, setting):
                continue
            mark = HOSTS.get(name)
            if mark is None or name in _KEPT.get(view.kind, ()):
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
            yield Fault(mark.id, sure, view.at(setting, mark.said), fix)
    for setting in view.all("port"):
        if "port_malformed" in setting.marks:
            yield Fault(_HOST, "likely", view.at(setting, " is not a port number"),
                        "Set the bare number: 587 or 465.")  # fmt: skip


def _takes_port(view: View, setting: Setting) -> bool:
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
