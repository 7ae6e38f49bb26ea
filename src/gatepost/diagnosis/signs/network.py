"""Before the first reply: name resolution, connections, missing greetings."""

import re
from typing import Final

from gatepost.diagnosis.recognise_provider import OWN_PASSWORD_REFUSED
from gatepost.diagnosis.signs.log_statements import IMPLICIT_PORTS, Reading, is_large_provider
from gatepost.diagnosis.signs.sign import Sign, Test, has_words
from gatepost.model.evidence import DialoguePhase

_LOOKED_UP: Final = re.compile(
    r"\b(?:enotfound|eai_again|getaddrinfo\w*|resolve host|lookup|no such host is known\.?|"
    r"unknown host|unknownhostexception|name service error for name=|not resolve)[:( ]*['\"]?"
    r"(?P<name>[^\n'\"]{1,200})"
)
_ODD: Final = re.compile(
    r"\b(?:https?|smtps?|mailto)://|(?<!opening to )(?<!connect to )\b(?:ssl|tls)://|"
    r",\s*(?:smtp|mail)\.|hostname: '(?: [^']*|[^']* )'|"
    r"\b(?:enotfound|lookup|resolve host:?) [^\s,]+(?:,[^\s]| :)|"
    r"\(b?['\"][^'\"\s,:/]*[\s,:/][^'\"]*['\"]\)|"
    r"\b(?:enotfound|eai_again|lookup) (?:['\"]|undefined|null|none\b|true\b|false\b|\d+\b(?!\.))|"
    r"\b(?:enotfound|lookup|resolve host:?|getaddrinfo for) [^\s:]+:\d+\b"
    r"(?!.{0,200}no such host is known)|"
    r"(?:not known|resolution|found)\W*['\"](?: [^'\"]+|[^'\"]+ )['\"]|"
    r"connect: to \(['\"][^'\"\s,/]*[\s,/][^'\"]*['\"], |connect: to \(['\"][^'\":]*:\d+['\"], |"
    r"unknown port|%20|"
    r"\b(?:enotfound|eai_again|lookup|getaddrinfo for)  +\S|"
    r"\b(?:enotfound|eai_again|lookup|getaddrinfo for|resolve host:) "
    r"(?:https?|smtps?|ssl|tls)\b(?![.-])|"
    r"(?:unknown smtp host|unknownhostexception): [^\s:]+:\d|"
    r"\b(?:enotfound|lookup) [^\s:]*(?:\\r|%0d|;|\[|\](?!\s|$))|"
    r"\b(?:enotfound|eai_again|resolve host:?) [^\s,]+,\s*$|"
    r"\bhost(?:name)?['\"]?\s*[=:]\s*['\"][^'\"]*:\d+['\"]"
)
_V6: Final = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?!\w)|"
    r"(?<![\w:.])(?:[0-9a-f]{1,4}:){1,6}:|::\d|\bipv6\b"
)
"""An IPv6 address; neither a time nor an IPv4 address with its port."""
_MASKED: Final = re.compile(
    r"\bx{3,}[ab]\b|^\d{3}[ -]?(?>[*\d]*?\*{5})[*\s\d]*$|^250[ -]x{4,}\s*$|[\"': ]xxxx \S",
    re.IGNORECASE,
)
"""A line of asterisks, or a keyword of X. Asterisks within a line may be a name that somebody hid.
"""


def is_name_odd(reading: Reading) -> bool:
    """The name that was looked up is not just a host name."""
    settings = "" if "@" in reading.context else reading.context  # otherwise a URL with a password
    if any(word in settings for word in _ODD_CONTEXT):
        return True
    return any(_ODD.search(line) for line in reading.text.split("\n")
               if any(word in line for word in (*_DNS, *_ABOUT_TO)))  # fmt: skip


_ABOUT_TO: Final = ("connect: to (", "=== trying ")
"""What smtplib and swaks print before they look a name up."""
_ODD_CONTEXT: Final = ("://", "trailing", "leading space", "with a space", "with port", "comma",
                       "whitespace", "with a blank")  # fmt: skip
_SERVICES: Final = frozenset(
    [
        "localhost",
        "mail",
        "smtp",
        "mailhog",
        "mailpit",
        "mailcatcher",
        "mailserver",
        "postfix",
        "exim",
        "smtpd",
        "relay",
        "mta",
        "mailer",
        "mx",
        "smtp-relay",
        "smtp-server",
        "host",
    ]
)
"""Names without a dot that exist in container and local networks."""


def is_name_part_of_secret(reading: Reading) -> bool:
    """The name that was looked up has no dot, and looks like a part of a user name or password."""
    for line in reading.statements:
        match = re.search(
            r"(?:ENOTFOUND|EAI_AGAIN|lookup|resolve host:?) ([^\s:,'\"]+)", line.quotation
        )
        if match is not None:
            name = match[1]
            return "." not in name and name.lower() not in _SERVICES and not (
                re.fullmatch(r"[a-z][a-z-]*", name)
            )  # fmt: skip
    return False


def is_name_from_url(reading: Reading) -> bool:
    """The client is set up by a URL, and the name that was looked up has no dot."""
    words = ("url", "dsn", "smtp://", "smtps://", "uri", "connection string")
    text = reading.text + reading.context
    match = re.search(r"\b(?:enotfound|eai_again|lookup) ([^\s:,'\"]+)", reading.text)
    return any(word in text for word in words) and match is not None and "." not in match[1]


_RETIRED: Final = (
    "smtp.1and1.", "smtp.1und1.de", "sendinblue.com", "smtp.live.com", "smtp.critsend.com",
    "in.mailjet.com", "smtp.aim.com", "smtp.verizon.net", "smtp.cox.net",
)  # fmt: skip
"""Hosts that providers have retired."""


def has_retired_host(reading: Reading) -> bool:
    """The log names a host that its provider has retired."""
    text = f"{reading.text} {reading.context}"
    return any(host in text for host in _RETIRED)


def is_name_redacted(reading: Reading) -> bool:
    """The name that was looked up is a part of a secret."""
    match = _LOOKED_UP.search(reading.text)
    return match is not None and ("redacted" in match["name"] or "@" in match["name"]
                                  or "%" in match["name"])  # fmt: skip


def has_ipv6(reading: Reading) -> bool:
    """The log has an IPv6 address, or names IPv6."""
    return _V6.search(reading.text) is not None


def is_masked(reading: Reading) -> bool:
    """Greeting or EHLO are masked with asterisks or X, as firewalls do."""
    before, lines = "", reading.seen.transcript
    for line in lines:
        hides_its_name = line.text.startswith("250-") and not before.startswith("250-")
        is_reply = re.match(r"(?:334|[45]\d\d)", line.text) is not None
        if line.speaker == "S" and _MASKED.search(line.text) and not (hides_its_name or is_reply):
            return True
        before = line.text
    return any(words in reading.text for words in ("220 *****", "220*****"))


def has_greeted(reading: Reading) -> bool:
    """The server has sent something."""
    seen = reading.seen
    return (
        seen.greeting.value is not None
        or seen.in_clear.value is not None
        or (seen.over_tls.value is not None or bool(seen.attempts))
        or (not seen.transcript and seen.position in _AFTER_GREETING)
    )


_AFTER_GREETING: Final = ("ehlo", "starttls", "auth", "mail", "rcpt", "data")


def ended_at(*phases: DialoguePhase) -> Test:
    """Return a test: the client waited for the reply to this command, by its log or traceback."""
    return lambda r: r.seen.position in phases and not r.refusals and _is_unanswered(r)


def _is_unanswered(reading: Reading) -> bool:
    """The last line of the dialogue is a command."""
    lines = [line for line in reading.seen.transcript if line.text.upper() != "QUIT"]
    return not lines or lines[-1].speaker == "C"


def is_set_to_tls_first(reading: Reading) -> bool:
    """The client is set to TLS from the first octet, by its log."""
    words = ("smtp_ssl", "smtps://", "ssl://", "secure: true", "isssl true", "use_tls=true")
    return any(word in reading.text or word in reading.context for word in words)


_V4_FAILS: Final = re.compile(
    r"(?:\[|\b)\d{1,3}(?:\.\d{1,3}){3}\]?(?::\d+)?\b[^\n]{0,40}"
    r"(?:timed out|timeout|refused|no route)|"
    r"(?:etimedout|econnrefused|ehostunreach|enetunreach) \d{1,3}(?:\.\d{1,3}){3}:"
)


def has_ipv4_failed(reading: Reading) -> bool:
    """The server's IPv4 address fails, too, in the same log."""
    return _V4_FAILS.search(reading.text) is not None


_SET_IMPLICIT: Final = re.compile(
    r"\b(?:\w*encryption|smtp_?secure|smtp_?security)['\"]?\s*(?:=>|[:=])\s*['\"]?(?:ssl|smtps|ssl/tls)\b|"
    r"\bsecure['\"]?\s*[:=]\s*true|\bprotocol['\"]?\s*[:=]\s*['\"]?smtps\b|"
    r"\buse_ssl['\"]?\s*[:=]\s*['\"]?true|smtp_ssl\("
)
_SET_STARTTLS: Final = re.compile(
    r"\b(?:\w*encryption|smtp_?secure|smtp_?security)['\"]?\s*(?:=>|[:=])\s*['\"]?(?:tls|starttls)\b|"
    r"\bsecure['\"]?\s*[:=]\s*false|starttls['\"]?\s*[:=]\s*['\"]?(?:true|required|always)|"
    r"\buse_tls['\"]?\s*[:=]\s*['\"]?true|\btls: :always"
)


def is_set_to_implicit_tls(reading: Reading) -> bool:
    """The log has a setting for implicit TLS, and nothing from the server."""
    return is_server_silent(reading) and _SET_IMPLICIT.search(reading.text) is not None


def is_set_to_starttls(reading: Reading) -> bool:
    """The log has a setting for STARTTLS, and nothing from the server."""
    return is_server_silent(reading) and _SET_STARTTLS.search(reading.text) is not None


def is_server_silent(reading: Reading) -> bool:
    """The log has nothing from the server."""
    return not has_greeted(reading) and not reading.refusals


def is_opened_in_silence(reading: Reading) -> bool:
    """The log shows that the connection was opened, and nothing from the server."""
    words = ("connection: opened", "connection opened", "connection established", "connected to",
             "connected in", "tcp connected")  # fmt: skip
    return is_server_silent(reading) and any(word in reading.text for word in words)


# errno -3008, -4039, -4077, -4078: libuv's numbers on Windows, which Node prints
_DNS = (
    "enotfound", "eai_again", "getaddrinfo", "name or service not known", "no such host",
    "could not resolve host", "couldn't resolve host", "name resolution", "unknownhostexception",
    "unknown host", "nodename nor servname", "host or domain name not found", "name service error",
    "server misbehaving", "the remote name could not be resolved", "unknown mx host",
    "failed to lookup address", "dns lookup failed", "dial tcp: lookup", "php_network_getaddresses",
    "name does not resolve", "host not found", "errno*-3008",
)  # fmt: skip
_TIMEOUT = (
    "timed out", "execution expired", "10060",
    "connection attempt failed because the connected party did not properly respond", "timeout",
    "timedout", "deadline exceeded", "deadline has elapsed", "errno*-4039", "errno*-110",
)  # fmt: skip
_REFUSED = (
    "econnrefused", "connection refused", "actively refused", "10061", "no route to host",
    "ehostunreach", "connect to*failed", "failed to connect to", "couldn't connect to host",
    "unable to connect to the remote server", "smtp connect() failed",
    "connection could not be established", "could not connect", "network unreachable",
    "error connecting to", "can't connect to", "cannot connect to", "can not connect to",
    "errno*-4078", "errno*-111",
)  # fmt: skip
_EOF = (
    "eof", "unexpectedly closed", "unexpected socket close", "connection closed", "econnreset",
    "connection reset", "lost connection", "empty response", "closed by remote host",
    "connection lost", "end of file reached", "incomplete response", "server closed the connection",
    "connection was closed", "closed connection", "disconnected", "net_io_connectionclosed",
    "closed unexpectedly", "response reading failed", "server returned nothing", "empty reply",
    "errno*-4077", "errno*-104",
)  # fmt: skip
_HANG = (
    *_TIMEOUT, "hang", "no response", "greeting never received", "waiting for*greeting",
    "never returns", "stuck", "blocks forever", "initial server greeting",
)  # fmt: skip
_NO_GREETING = (
    "greeting never received", "initial server greeting", "did not receive greeting",
    "waiting for*greeting", "no banner", "without*banner", "before*greeting",
    "closed connection in response to initial connection", "waiting for server response",
    "waiting for server ready", "no greeting", "reading the greeting", "reading greeting",
    "awaiting*banner", "banner*timed out", "greeting*timed out",
)  # fmt: skip
_NEVER_CONNECTED = (
    "dial tcp*i/o timeout", "dial tcp*timed out", "connect etimedout", "connect econnrefused",
    "connect to*connection timed out", "connect to*operation timed out", "net::opentimeout",
    "failed to connect to*timed out", "connection attempt failed because", "connect timed out",
    "timed out connecting to", "stream_socket_client()*timed out", "in create_connection",
)  # fmt: skip
"""TCP was not connected, so the protocol on the port does not matter."""
_SYSCALL: Final = re.compile(r"\bsyscall\W{1,6}connect\b")
"""How Node prints the system call that failed, on a line of its own."""
_READING = (
    "with 0 bytes received", "socket_timeout", "network read error*timed out", "read timed out",
    "getline(): timeout", "read tcp*i/o timeout", "waiting for server response",
    "read operation timed out", "timed out waiting for the greeting",
    "unable to read data*did not properly respond", "temporarily unavailable (os error 11)",
)  # fmt: skip
"""TCP was connected, but no greeting came."""
_BEGINS_IN_CLEAR: Final = re.compile(r"(?::|\bport\b\W{0,4})(?:25|587|1025)\b")
_OF_TLS = ("handshake", "certificate", "ssl routines", "wrong version", "tls_")


def is_hanging(reading: Reading) -> bool:
    """TCP was connected, no greeting came, and the client timed out."""
    waited = any(word in reading.text for word in _TIMEOUT)
    in_reading = any(has_words(reading.text, word) for word in _READING)
    stood = is_opened_in_silence(reading) or ended_at("greeting")(reading)
    return is_server_silent(reading) and (in_reading or (waited and stood))


def is_greeting_withheld(reading: Reading) -> bool:
    """The client timed out and sent something; then the greeting came."""
    lines = reading.seen.transcript[:2]
    waited = any(word in reading.text for word in _TIMEOUT)
    return waited and [(s.speaker, s.text[:3]) for s in lines[1:]] == [("S", "220")] and (
        lines[0].speaker == "C"
    )  # fmt: skip


def has_ended_unheard(reading: Reading) -> bool:
    """TCP was connected, and the connection ended before a greeting."""
    return not is_hanging(reading) and is_opened_in_silence(reading)


def has_connect_failed(reading: Reading) -> bool:
    """Node reports that connect() failed."""
    return is_server_silent(reading) and _SYSCALL.search(reading.text) is not None


LISTED = (
    "blocked using", "spamhaus", "blocklisted", "blacklisted", "on a block list",
    "on our block list", "on a blacklist", "dnsbl", "rbl.", "barracudacentral", "spamcop",
    "sorbs.net", "banned sending ip", "poor reputation", "listed by*list", "address*listed in",
    "on block list", "blocked*block list", "5.7.511", "5.7.606", "black listed", "bad dns ptr",
    "no ptr record", "reverse dns", "reverse hostname", "rdns", "cannot find your hostname",
    "refused to talk to me: 554", "ip address is blocked", "sending ip*blocked",
    "ip*has been blocked",
)  # fmt: skip

# fmt: off
SIGNS: Final = (
    Sign("dns_failure", ("temporary failure", "eai_again", "server misbehaving", "try again"),
         when=lambda r: any(w in r.text for w in _DNS)),
    Sign("host_setting_malformed", _DNS, when=is_name_odd),
    Sign("host_setting_malformed", ("to undefined:", "to null:", "to none:", "to nil:"),
         when=is_server_silent),
    Sign("host_setting_malformed", ("the name ends with a space",), when=is_large_provider),
    # an answer of a filter, or no host at all; Node then uses its own machine
    Sign("host_setting_malformed", ("0.0.0.0:",), when=lambda r: (is_server_silent(r) and r.host
         == "0.0.0.0" and any(w in r.text for w in _REFUSED))),
    Sign("credential_url_encoding", _DNS, when=is_name_redacted),
    Sign("credential_url_encoding", _DNS, when=is_name_part_of_secret),
    Sign("credential_url_encoding", _DNS, when=is_name_from_url),
    # TCP was connected: the client waited for the greeting
    Sign("starttls_on_implicit_tls_port", ("net::readtimeout", "response: -1"),
         when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", ("timed out", "timeout"),
         client=("system-net-mail", "powershell"), ports=(465,), when=is_server_silent),
    Sign("port_blocked", _TIMEOUT, when=is_server_silent),
    Sign("port_blocked", _TIMEOUT, ports=(25,), when=is_server_silent),
    Sign("port_blocked", _REFUSED, when=is_server_silent),
    Sign("port_blocked", _REFUSED, when=is_opened_in_silence, against=True),
    # nobody has judged what was not sent
    Sign("bad_credentials", (*_EOF, *_TIMEOUT), when=is_opened_in_silence, against=True),
    Sign("credential_mangled_by_config", (*_EOF, *_TIMEOUT), when=is_opened_in_silence,
         against=True),
    Sign("port_blocked", context=("digitalocean", "hetzner", "ec2", "gcp", "droplet", "vultr",
         "linode", "cloud", "hosting", "render.com", "railway", "heroku", "vps", "blocked", "aws"),
         when=lambda r: is_server_silent(r) and any(w in r.text for w in (*_TIMEOUT, *_REFUSED)),
         proof="cloud and hosting providers block outgoing mail ports"),
    Sign("port_blocked", _NEVER_CONNECTED, when=is_server_silent,
         unless=("unable to read data",)),
    Sign("starttls_on_implicit_tls_port", _NEVER_CONNECTED, when=is_server_silent,
         unless=("unable to read data",), against=True),
    Sign("port_blocked", ("syscall",), when=has_connect_failed),
    Sign("starttls_on_implicit_tls_port", ("syscall",), when=has_connect_failed, against=True),
    Sign("ipv6_unreachable", ("enetunreach", "network is unreachable", "address not available",
         "eaddrnotavail", "cannot assign requested address", "ehostunreach", "no route to host"),
         when=has_ipv6),
    Sign("ipv6_unreachable", when=has_ipv4_failed, proof="-", against=True),
    Sign("ipv6_unreachable", ("enetunreach", "network is unreachable"),
         when=lambda r: not has_ipv6(r) and not has_ipv4_failed(r)),
    Sign("ipv6_unreachable", _TIMEOUT, when=lambda r: has_ipv6(r) and is_server_silent(r)),
    Sign("address_family_not_tried",
         ("listens on 127.0.0.1", "127.0.0.1*only", "only on ipv4", "only on ipv6"), when=has_ipv6),
    # not the name: EHLO itself is unknown
    Sign("smtp_inspection_middlebox", when=is_masked,
         proof="what the server says is overwritten with asterisks or X, as firewalls do"),
    # what Exim, Postfix and Dovecot say, and no large provider does
    Sign("connection_redirected_by_network",
         ("incorrect authentication data", "esmtp exim", "esmtp postfix",
          "error: authentication failed", "we do not authorize the use of this system"),
         when=is_large_provider),
    Sign("mesh_server_first_hang", when=is_greeting_withheld,
         proof="the greeting came only when the client had said something"),
    Sign("mesh_server_first_hang", ("kubernetes", "k8s", "pod "), when=is_server_silent),
    Sign("mesh_server_first_hang", _HANG, context=("kubernetes", "k8s", "cluster"),
         when=is_server_silent),
    Sign("mesh_server_first_hang", _NO_GREETING, when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", _HANG, ports=IMPLICIT_PORTS, when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", _EOF, ports=IMPLICIT_PORTS, when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", _NO_GREETING, when=is_server_silent),
    Sign("implicit_tls_on_starttls_port", (*_REFUSED, *_TIMEOUT, *_EOF), ports=(587, 25, 2587),
         when=is_set_to_implicit_tls),
    Sign("starttls_on_implicit_tls_port", (*_TIMEOUT, *_EOF), ports=IMPLICIT_PORTS,
         when=is_set_to_starttls),
    Sign("starttls_on_implicit_tls_port", ("unexpectedly closed", "econnreset", "eof",
         "unexpected socket close", "connection reset", "connection closed", "empty response",
         "disconnected"), when=is_server_silent),
    # connected but silent: one sign, however it shows
    *(Sign(id_, when=is_hanging, proof="the client connected, and the server sent nothing",
           against=id_ == "port_blocked")
      for id_ in ("starttls_on_implicit_tls_port", "mesh_server_first_hang",
                  "backend_down_behind_proxy", "port_blocked")),
    *(Sign(id_, when=has_ended_unheard, unless=_OF_TLS,
           proof="the connection came about, and ended before the server said anything",
           against=id_ == "port_blocked")
      for id_ in ("starttls_on_implicit_tls_port", "backend_down_behind_proxy", "port_blocked")),
    Sign("starttls_on_implicit_tls_port",
         when=lambda r: (is_server_silent(r) and _BEGINS_IN_CLEAR.search(r.text) is not None),
         proof="-", against=True),
    Sign("starttls_on_implicit_tls_port", ("465",), when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", _EOF, context=(" 465",), when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", when=is_set_to_tls_first, against=True),
    Sign("starttls_on_implicit_tls_port", ("securesmtp", "smtps:", "smtps ", "ssl/tls",
         "use_ssl", "secure: false", "secure=false", "secure:false"), when=is_server_silent),
    Sign("starttls_on_implicit_tls_port", _HANG, client=("system-net-mail", "powershell"),
         ports=(465,), when=is_server_silent),
    Sign("backend_down_behind_proxy", _EOF, when=is_server_silent),
    Sign("backend_down_behind_proxy",
         context=("proxy", "socat", "bridge", "nginx", "tunnel", "balancer", "docker"),
         when=lambda r: is_server_silent(r) and any(w in r.text for w in _EOF),
         proof="there is something between client and server"),
    Sign("backend_down_behind_proxy", ("haproxy", "socat", "nginx", "load balancer", "bridge"),
         when=is_server_silent),
    # a traceback shows how far the client came
    Sign("helo_rejected", _EOF, when=ended_at("ehlo")),
    Sign("server_tls_misconfigured", _EOF, when=ended_at("starttls")),
    Sign("tls_version_too_old", _EOF, when=ended_at("starttls")),
    Sign("bad_credentials", _EOF, when=ended_at("auth")),
    Sign("server_auth_backend_down", _EOF, when=ended_at("auth")),
    Sign("auth_throttled", _EOF, when=ended_at("auth")),
    # before it sent a user name or password
    Sign("server_auth_backend_down", _EOF, when=lambda r: (ended_at("auth")(r)
         and bool(r.seen.attempts) and not r.seen.attempts[-1].responses)),
    Sign("app_password_required", _EOF,
         when=lambda r: ended_at("auth")(r) and bool(r.providers & OWN_PASSWORD_REFUSED)),
    Sign("rate_limited", _EOF, when=ended_at("mail", "rcpt", "data")),
    Sign("too_large", _EOF, when=ended_at("data")),
    Sign("helo_rejected", ("eof",), client=("go-net-smtp",), when=is_server_silent),
    Sign("helo_rejected", _EOF, provider=("gmail_relay",), when=is_server_silent),
    Sign("cert_expired", ("eof",), when=is_server_silent),
    Sign("provider_endpoint_changed", (*_HANG, *_REFUSED, *_EOF, *_DNS), when=has_retired_host,
         proof="the provider has retired this host"),
)
# fmt: on
