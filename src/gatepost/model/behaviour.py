"""How servers differ from what the RFCs say, beyond their words: the rest of a profile."""

from dataclasses import dataclass
from typing import Literal

from gatepost.model.evidence import TlsMode


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """The account that `gatepost up` makes at its first start, where the directory is `accounts`.

    Templates may name `{profile}`, and `{KIND:N}` for N characters of chance: `lower`, `upper`,
    `digits`, `hex`, `alnum`, `base64`, `base64url`; `{guid}` is one.
    """

    username: str = "sender@{profile}.example.com"
    """What it signs in with; `{username}` in the other templates stands for it."""
    password: str = "{alnum:34}"
    sender: str = "sender@{profile}.example.com"
    """The address that it sends from; it may use every address of that domain."""
    token: str = ""
    """An access token that it signs in with by XOAUTH2 or OAUTHBEARER; empty: it has none."""


@dataclass(frozen=True, slots=True)
class AuthRules:
    """AUTH."""

    broken: tuple[str, ...] = ()
    """Mechanisms that EHLO lists, whether or not the directory can verify them, and by which nobody
    gets in."""
    needs_initial_response: tuple[str, ...] = ()
    """Mechanisms that are refused as a wrong password is, when nothing stands behind their name."""
    login_prompts: tuple[str, str] = ("Username:", "Password:")
    """What AUTH LOGIN asks, before base64."""
    username_pattern: str = ""
    """A regular expression for all of a user name; others get USERNAME_MALFORMED."""
    refuses_authzid: bool = False
    """Whoever says in PLAIN whom to act as (RFC 4616), and be it the own name, is refused as a
    wrong password is."""
    command_line: int = 12_288
    """Octets of the AUTH command with its initial response; longer ones get AUTH_LINE_TOO_LONG.
    A response on a line of its own may have `limits.auth_line`."""
    explains_tokens: bool = False
    """A refused token gets a JSON document first (334), as Google's."""
    token_scope: str = ""
    """The OAuth scope that the document names."""
    ends_refused: bool = False
    """The connection is closed without a word in the place of a refusal."""
    ehlo_resets: bool = False
    """EHLO after AUTH forgets who signed in."""


@dataclass(frozen=True, slots=True)
class ServerRules:
    """What a server does beside answering."""

    tls: Literal["both", "starttls", "implicit"] = "both"
    """`both`: port `smtp` begins in clear, `smtps` with TLS; else both ports begin so."""
    certificate: Literal["valid", "expired", "other-name", "self-signed", "incomplete"] = "valid"
    """What is wrong with the certificate."""
    tls_maximum: Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] = "TLSv1.3"
    """The newest version of TLS that it speaks; with one before 1.2, it speaks those before, too.
    """
    greets: Literal["at once", "after the client", "never", "hangs up"] = "at once"
    """`after the client`: a proxy waits for a line of the client first; `never`: nothing is said;
    `hangs up`: the connection is taken and closed, as by a balancer whose server is down."""
    greeting_delay: float = 0.0
    """Seconds until the greeting."""
    refused_names: str = ""
    """A regular expression for names in EHLO and HELO that get HELLO_REFUSED."""
    drops: tuple[str, ...] = ()
    """Commands at which the connection is closed without a word."""
    greylists: bool = False
    """Sender and recipient that were not seen before get GREYLISTED until the next session."""
    line_end: Literal["crlf", "lf"] = "crlf"
    """What ends the lines of its replies."""
    message_ids: Literal["short", "guid"] = "short"
    """The id that a message gets, in the reply to it and everywhere: `short`, or a GUID, which is
    also the `messageId` of its delivery reports."""


@dataclass(frozen=True, slots=True)
class ContentRules:
    """What a message is refused for, at its end."""

    longest_line: int = 0
    """Octets of a line without its end (RFC 5322 2.1.1 allows 998); longer ones get
    CONTENT_LINE_TOO_LONG. 0: any length will do."""
    wants_from: bool = False
    """A header without From, or without an address in it, gets FROM_MISSING."""
    wants_ascii_headers: bool = False
    """A header with octets beyond ASCII gets HEADER_NOT_ASCII, unless MAIL said SMTPUTF8."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """What is the matter with this server, and how `gatepost doctor` is to be asked to see it."""

    cause: str = ""
    """The id of the finding; empty: nothing is."""
    library: str = ""
    """Whom it hits (`--as`); empty: anybody."""
    tls: TlsMode = "auto"
    """What the client is set to (`--tls`)."""
    login: Literal["none", "right", "wrong", "token"] = "none"
    """Whether the doctor signs in (`--username`): with the password, with a wrong one, or with the
    access token."""
    username: str = ""
    """Another name to sign in with than the account's; `own` is the address that it sends from."""
    try_all: bool = False
    """By every mechanism (`--try-all`)."""
    mail_from: str = ""
    """The sender that it tries (`--from`); `own` is the account's."""
    recipients: int = 0
    """How many recipients it tries (`--to`)."""
    send: bool = False
    """Whether it sends a message (`--send`)."""
    password: str = ""
    """A template for the wrong password, where its shape matters."""
