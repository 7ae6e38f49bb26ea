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
    """The user name; `{username}` in the other templates stands for it."""
    password: str = "{alnum:34}"
    """The password."""
    sender: str = "sender@{profile}.example.com"
    """The account's sender address; the account may use every address of that domain."""
    token: str = ""
    """An access token for XOAUTH2 or OAUTHBEARER. Empty: there is none."""


@dataclass(frozen=True, slots=True)
class AuthRules:
    """AUTH."""

    broken: tuple[str, ...] = ()
    """Mechanisms that EHLO lists although nobody can sign in with them."""
    needs_initial_response: tuple[str, ...] = ()
    """Mechanisms that are refused like a wrong password if there is no initial response."""
    login_prompts: tuple[str, str] = ("Username:", "Password:")
    """The prompts of AUTH LOGIN, before base64."""
    username_pattern: str = ""
    """A regular expression for the whole user name; others get USERNAME_MALFORMED."""
    refuses_authzid: bool = False
    """PLAIN with an authorization identity (RFC 4616), even with the own user name, is refused like
    a wrong password."""
    command_line: int = 12_288
    """Octets of the AUTH command with its initial response; longer ones get AUTH_LINE_TOO_LONG. A
    response on its own line may have `limits.auth_line`."""
    explains_tokens: bool = False
    """Before a refusal of a token, the server sends a JSON document (334), as Google does."""
    token_scope: str = ""
    """The OAuth scope in this document."""
    ends_refused: bool = False
    """The server closes the connection instead of refusing a login."""
    ehlo_resets: bool = False
    """EHLO after AUTH ends the login."""


@dataclass(frozen=True, slots=True)
class ServerRules:
    """What a server does beside answering."""

    tls: Literal["both", "starttls", "implicit"] = "both"
    """`both`: STARTTLS on port `smtp`, and implicit TLS on port `smtps`; otherwise the same on
    both."""
    certificate: Literal["valid", "expired", "other-name", "self-signed", "incomplete"] = "valid"
    """What is wrong with the certificate."""
    tls_maximum: Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] = "TLSv1.3"
    """The newest version of TLS that the server supports; if it is older than 1.2, older versions
    are supported, too."""
    greets: Literal["at once", "after the client", "never", "hangs up"] = "at once"
    """`after the client`: the greeting waits for a line of the client, as with some proxies;
    `never`: there is no greeting; `hangs up`: the connection is accepted and closed, as by a load
    balancer whose server is down."""
    greeting_delay: float = 0.0
    """Seconds until the greeting."""
    refused_names: str = ""
    """A regular expression for names in EHLO and HELO that get HELLO_REFUSED."""
    drops: tuple[str, ...] = ()
    """Commands at which the connection is closed without a reply."""
    greylists: bool = False
    """A new pair of sender and recipient gets GREYLISTED until the next session."""
    line_end: Literal["crlf", "lf"] = "crlf"
    """The line end of replies."""
    message_ids: Literal["short", "guid"] = "short"
    """The format of message ids, in the reply and elsewhere: `short`, or `guid`, which is also the
    `messageId` of delivery reports."""


@dataclass(frozen=True, slots=True)
class ContentRules:
    """What a message is refused for, at its end."""

    longest_line: int = 0
    """Octets of a line without its end (RFC 5322 2.1.1 allows 998); longer ones get
    CONTENT_LINE_TOO_LONG. 0: no limit."""
    wants_from: bool = False
    """A header without From, or without an address in it, gets FROM_MISSING."""
    wants_ascii_headers: bool = False
    """A header with non-ASCII octets gets HEADER_NOT_ASCII, except after MAIL with SMTPUTF8."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """What is the matter with this server, and how `gatepost doctor` is to be asked to see it."""

    cause: str = ""
    """The id of the finding. Empty: there is no fault."""
    library: str = ""
    """The library that has the problem (`--as`). Empty: any."""
    tls: TlsMode = "auto"
    """The client's TLS setting (`--tls`)."""
    login: Literal["none", "right", "wrong", "token"] = "none"
    """Whether the doctor signs in (`--username`): with the right password, a wrong one, or the
    access token."""
    username: str = ""
    """Another user name than the account's; `own` is the account's sender address."""
    try_all: bool = False
    """Try every mechanism (`--try-all`)."""
    mail_from: str = ""
    """The sender to try (`--from`); `own` is the account's."""
    recipients: int = 0
    """The number of recipients to try (`--to`)."""
    send: bool = False
    """Send a message (`--send`)."""
    password: str = ""
    """A template for the wrong password, if its format matters."""
