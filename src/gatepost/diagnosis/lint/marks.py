"""What was noticed about a value while it was read: a cause for each mark, by the role."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gatepost.diagnosis.lint import words
from gatepost.diagnosis.lint.fault import Fault, View
from gatepost.model.finding import Confidence
from gatepost.model.setting import Role, Setting

_VALUE: Final = "credential_mangled_by_config"
_URL: Final = "credential_url_encoding"
_HOST: Final = "host_setting_malformed"
_BARE: Final = "Set the bare host name, and the port in its own setting."


class Mark(NamedTuple):
    """What a mark means for a value that the client signs in with, or for a URL."""

    id: str
    confidence: Confidence
    said: str


# fmt: off
VALUES: Final[Mapping[str, Mark]] = MappingProxyType({
    "dollar":            Mark(_VALUE, "likely", "holds a $ that is taken for a variable"),
    "hash":              Mark(_VALUE, "likely", "holds a # outside of quotes: many readers end "
                                                "the value there"),
    "blank_inside":      Mark(_VALUE, "likely", "holds a blank outside of quotes: readers end "
                                                "the value there or refuse it"),
    "quote_open":        Mark(_VALUE, "certain", "begins with a quote that is not closed"),
    "after_quote":       Mark(_VALUE, "likely", "goes on behind its closing quote"),
    "quote_inside":      Mark(_VALUE, "possible", "holds quotes outside of quotes: shells take "
                                                  "them away"),
    "backslash":         Mark(_VALUE, "likely", "holds a backslash within double quotes: it is "
                                                "read as an escape"),
    "backslash_bare":    Mark(_VALUE, "possible", "holds a backslash outside of quotes: shells "
                                                  "take it away"),
    "backslash_dropped": Mark(_VALUE, "certain", "holds a single backslash: .properties read it "
                                                 "as an escape and drop it"),
    "edge_blank":        Mark(_VALUE, "likely", "begins or ends with a blank"),
    "blank_at_end":      Mark(_VALUE, "possible", "is followed by a blank, which some readers "
                                                  "keep"),
    "newline":           Mark(_VALUE, "likely", "holds a line end"),
    "unstripped":        Mark(_VALUE, "possible", "is a file's text as it is, with the line end "
                                                  "that most files have"),
    "cr":                Mark(_VALUE, "possible", "ends in a carriage return (Windows line "
                                                  "ends): shells, Docker's "
                                                  "--env-file and systemd keep it"),
    "bom":               Mark(_VALUE, "likely", "has an invisible character in or before its "
                                                "name: it is not found under it"),
    "utf16":             Mark(_VALUE, "certain", "stands in a file that is UTF-16: hardly any "
                                                 "reader takes that"),
    "invisible":         Mark(_VALUE, "certain", "holds a character that does not show (no-break "
                                                 "space, zero width)"),
    "control":           Mark(_VALUE, "likely", "holds a control character: an escape was "
                              "read in it"),
    "quotes_kept":       Mark(_VALUE, "likely", "keeps its quotes, which are part of the "
                              "value here"),
    "smart_quotes":      Mark(_VALUE, "likely", "holds typographic quotes, which are part of the "
                                                "value"),
    "number":            Mark(_VALUE, "likely", "is a number or a switch to YAML, and does not "
                                                "come out as it was written"),
    "colon":             Mark(_VALUE, "certain", "holds a colon before a blank outside of quotes: "
                                                 "YAML refuses the file"),
    "comment":           Mark(_VALUE, "possible", "goes on with a #: within a line that is no "
                                                  "comment here"),
    "special_start":     Mark(_VALUE, "certain", "begins with a character that means something "
                                                 "in YAML"),
    "not_base64":        Mark(_VALUE, "likely", "is not base64, as a Secret's data must be"),
    "tuple":             Mark(_VALUE, "certain", "ends in a comma: that makes a tuple of it"),
    "no_colon":          Mark(_VALUE, "certain", "stands without a colon between user name and "
                                                 "password"),
    "twice":             Mark("client_config_conflict", "likely", "is set twice: .NET refuses "
                                                                  "that"),
    "latin1":            Mark("non_ascii_password", "likely", "holds characters outside ASCII, "
                                                            "and .properties are read as Latin-1"),
    "placeholder":       Mark("credentials_missing", "likely", "still holds a placeholder"),
})
URLS: Final[Mapping[str, Mark]] = MappingProxyType({
    "raw_at":      Mark(_URL, "likely", "holds an @ within user name or password that is not "
                                        "encoded (%40)"),
    "raw_slash":   Mark(_URL, "certain", "holds a / within user name or password (%2F): the host "
                                         "ends there"),
    "raw_query":   Mark(_URL, "certain", "holds a ? within user name or password (%3F): the host "
                                         "ends there"),
    "raw_hash":    Mark(_URL, "certain", "holds a # within user name or password (%23): the URL "
                                         "ends there"),
    "raw_percent": Mark(_URL, "certain", "holds a % that begins no escape (%25)"),
    "raw_other":   Mark(_URL, "likely", "holds a character that no URL may hold, within user "
                                        "name or password"),
    "port_word":   Mark(_URL, "likely", "has something else than a number where the port belongs"),
    "dollar":      Mark(_VALUE, "likely", "holds a $ that is taken for a variable (in a URL: %24)"),
    "quote_open":  VALUES["quote_open"],
    "after_quote": VALUES["after_quote"],
    "edge_blank":  Mark(_URL, "likely", "begins or ends with a blank"),
    "newline":     Mark(_URL, "likely", "ends in a line end"),
    "invisible":   Mark(_URL, "certain", "holds a character that does not show (no-break space, "
                                         "zero width)"),
    "cr":          Mark(_URL, "possible", "ends in a carriage return (Windows line ends)"),
    "bom":         VALUES["bom"],
    "utf16":       VALUES["utf16"],
    "tuple":       VALUES["tuple"],
})
HOSTS: Final[Mapping[str, Mark]] = MappingProxyType({
    "scheme":       Mark(_HOST, "certain", " begins with a scheme (smtp://, ssl://): the whole "
                                           "of it is looked up"),
    "path":         Mark(_HOST, "certain", " holds a /: no host name does"),
    "blank":        Mark(_HOST, "certain", " holds a blank"),
    "edge_blank":   Mark(_HOST, "certain", " begins or ends with a blank"),
    "newline":      Mark(_HOST, "certain", " holds a line end"),
    "blank_at_end": Mark(_HOST, "possible", " is followed by a blank, which some readers keep"),
    "comma":        Mark(_HOST, "likely", " holds a comma or semicolon: one host is wanted"),
    "at_sign":      Mark(_HOST, "certain", " holds an @: that is an address, not a host"),
    "host_port":    Mark(_HOST, "likely", " holds the port, too: many clients look the whole of "
                                          "it up"),
    "quotes_kept":  Mark(_HOST, "certain", " keeps its quotes, which are part of the value here"),
    "quote_open":   Mark(_HOST, "certain", " begins with a quote that is not closed"),
    "invisible":    Mark(_HOST, "certain", " holds a character that does not show (no-break "
                                           "space, zero width)"),
    "smart_quotes": Mark(_HOST, "certain", " holds typographic quotes, which are part of the "
                                           "value"),
    "comment":      Mark(_HOST, "certain", " goes on with a #: within a line that is not a comment "
                                           "here"),
    "bracket_port": Mark(_HOST, "certain", " has the port inside of the brackets: write "
                                           "[HOST]:PORT"),
    "tuple":        Mark(_HOST, "certain", " ends in a comma: that makes a tuple of it"),
    "bom":          Mark(_HOST, "likely", " has an invisible character in or before its name: it "
                                          "is not found under it"),
    "utf16":        Mark(_HOST, "certain", " stands in a file that is UTF-16: hardly any reader "
                                           "takes that"),
    "cr":           Mark(_HOST, "possible", " ends in a carriage return (Windows line ends)"),
    "placeholder":  Mark("credentials_missing", "likely", " still holds a placeholder"),
})
# fmt: on
_KEPT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "laravel": frozenset({"backslash_bare", "quote_inside", "cr"}),
        "msmtp": frozenset({"hash", "blank_inside", "quote_inside"}),
    }
)
"""What does no harm in files of this kind."""


def values(view: View) -> Iterator[Fault]:
    """User names and passwords that may not arrive as they were meant."""
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
    said = " holds characters outside ASCII: smtplib cannot send them" if sure == "likely" else (
        " holds characters outside ASCII: some clients cannot send them, and servers differ in how "
        "they read them")  # fmt: skip
    return Fault("non_ascii_password", sure, view.at(setting, said),
                 "Set a password of ASCII characters alone.")  # fmt: skip


def _fault(
    view: View, setting: Setting, mark: Mark | None, name: str, before: str = " "
) -> Iterator[Fault]:
    if mark is None or name in _KEPT.get(view.kind, ()):
        return
    fix = _FIXES.get(mark.id, words.quote)(view.kind)
    if name in ("bom", "utf16"):
        fix = "Save the file as UTF-8 without a byte order mark."
    elif name == "unstripped":
        fix = "Take the line end off: .strip()."
    elif name == "cr":
        fix = "Save the file with Unix line ends (sed -i 's/\\r$//' FILE)."
    elif name in ("edge_blank", "newline", "blank_at_end", "invisible") and mark.id == _VALUE:
        fix = f"Take it off, and type the value by hand. {words.quote(view.kind)}"
    yield Fault(mark.id, mark.confidence, view.at(setting, f"{before}{mark.said}"), fix)


_FIXES: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({
    _URL: lambda kind: "Percent-encode user name and password (@ %40, : %3A, / %2F, ? %3F, # %23, "
          "% %25, + %2B, $ %24)" + (", and double each % in YAML" if kind == "yaml" else "") + ".",
    "credentials_missing": lambda _kind: "Put the real value there.",
    "client_config_conflict": lambda _kind: "Set it once.",
    "non_ascii_password": lambda _kind: "Set a password of ASCII characters alone, or write them "
                                        "as "
                          "\\uXXXX.",
})  # fmt: skip


def urls(view: View) -> Iterator[Fault]:
    """A URL whose user name or password is not encoded."""
    for setting in view.all("url"):
        for mark in setting.marks:
            yield from _fault(view, setting, URLS.get(mark), mark)
        if "raw_plus" in setting.marks and "MAILER_DSN" in setting.key.upper():
            proof = view.at(
                setting, " holds a + within user name or password: Symfony reads it as a blank"
            )
            yield Fault(_URL, "likely", proof, "Write %2B for it.")


def hosts(view: View) -> Iterator[Fault]:
    """A host that is more, or less, than a host name."""
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
    """Grafana and Alertmanager want HOST:PORT in one."""
    key = setting.key.lower()
    return key.endswith(("gf_smtp_host", "smarthost")) or (
        view.kind == "ini" and key == "smtp.host"
    )


def twice(view: View) -> Iterator[Fault]:
    """.NET refuses a file in which a name comes twice."""
    if view.kind == "dotnet":
        for setting in view.config.settings:
            if "twice" in setting.marks and setting.role not in ("username", "password"):
                yield from _fault(view, setting, VALUES["twice"], "twice")


RULES: Final = (twice, values, urls, hosts)
