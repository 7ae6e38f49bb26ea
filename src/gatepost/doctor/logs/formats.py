"""The formats of logs, as data: how libraries and programs print their sessions and their errors.

A new format is one entry here, and a session in ``tests/unit/doctor/logs/test_formats.py``.
"""

from typing import Final

from gatepost.doctor.logs.log_format import COMMAND, Format

_MAILKIT: Final = r"^\s*(?:\d{4}-\d\d-\d\dT[\d:.]+Z?\s+)?"
_NODEMAILER: Final = (
    r"^(?:(?>.*?DEBUG\b)(?>.*?\] {0}: )|(?>.*?\"(?:msg|message)\":\s*\"{0}: ))"
    r"(?P<text>.*?)(?:\"[,}}].*)?$"
)
_POSTFIX: Final = (
    r"^(?>.*?postfix\S{{0,60}}/\w{{0,20}}(?:smtp\[\d+\]: {0}|smtpd\[\d+\]: {1}))"
    r" [^:]*(?::\d+)?: (?P<text>.*)$"
)

# fmt: off
FORMATS: Final[tuple[Format, ...]] = (
    Format(
        "rainloop", "RainLoop", as_of="2026-11-25",
        source="RainLoop and SnappyMail (webmail): their log marks each line with its service",
        client_line=r"^.*?SMTP\[DATA\]:? > (?P<text>.*)$",
        server_line=r"^.*?SMTP\[DATA\]:? < (?P<text>.*)$",
        hints=("smtp[data]",),
    ),
    Format(
        "thunderbird", "Thunderbird", as_of="2026-11-25",
        source="Thunderbird's and SeaMonkey's log (MOZ_LOG=SMTP:5), old and new",
        client_line=r"^.*?\b(?:SMTP Send:|C:) (?P<text>.*)$",
        server_line=r"^.*?\b(?:SMTP Response:|S:) (?P<text>.*)$",
        hints=("smtp send:", "smtp response:", "mailnews.smtp"),
    ),
    Format(
        "stalwart", "Stalwart", as_of="2026-11-25",
        source="Stalwart's trace: the server writes it, so what it reads is the client's",
        client_line=r"^(?>.*?event=\"read\")(?>.*?data=(?=\"))(?P<text>\".*\").*$",
        server_line=r"^(?>.*?event=\"write\")(?>.*?data=(?=\"))(?P<text>\".*\").*$",
        hints=('event="write"', 'event="read"'),
        is_quoted=True,
    ),
    Format(
        "opensmtpd", "OpenSMTPD", as_of="2026-11-27",
        source="OpenSMTPD's trace: the server writes it, so what comes in is the client's",
        client_line=r"^.*?\bsmtp: (?:0x)?[0-9a-f]+: <<< (?P<text>.*)$",
        server_line=r"^.*?\bsmtp: (?:0x)?[0-9a-f]+: >>> (?P<text>.*)$",
        hints=(": >>> ",),
    ),
    Format(
        "nodemailer", "nodemailer", library="nodemailer", as_of="2026-11-24",
        source="nodemailer with logger: true and debug: true, on a console or as JSON lines",
        client_line=_NODEMAILER.format("C"),
        server_line=_NODEMAILER.format("S"),
        hints=("debug", '"msg"', '"message"'),
        tls_begins=("connection upgraded with starttls", "secure connection established"),
        messages=(
            "nodemailer", "smtp-connection", "code: 'eauth'", '"eauth"', "esocket", "eenvelope",
            "emessage", "econnection", "greeting never received", "invalid login:",
            "missing credentials for", "can't send mail - all recipients were rejected",
            "mail command failed:", "message failed:", "unexpected socket close",
        ),
        version=r"nodemailer[ /@(v]+([\d.]+)",
    ),
    Format(
        "phpmailer", "PHPMailer", library="phpmailer", as_of="2026-11-24",
        source="PHPMailer with SMTPDebug, version 6 and the older 5, as text or as HTML",
        client_line=r"^.*?CLIENT -(?:>|&gt;) S(?:ERVER|MTP):\s*(?P<text>.*?)(?:<br\s*/?>)?$",
        server_line=r"^.*?(?:SERVER -(?:>|&gt;) CLIENT:|SMTP -(?:>|&gt;) FROM SERVER:)\s*"
        r"(?P<text>.*?)(?:<br\s*/?>)?$",
        hints=("server -", "smtp ->", "client -"),
        messages=(
            "phpmailer", "smtp connect() failed", "smtp error: could not authenticate",
            "smtp error: password command failed", "smtp error: auth command failed",
            "smtp error: ehlo", "smtp -> error", "auth not accepted from server",
            "smtp error: data not accepted", "smtp error: from",
            "the following from address failed", "mailer error",
        ),
        version=r"(?i)phpmailer[ /v(]+([\d.]+)",
    ),
    Format(
        "smtplib", "Python smtplib", library="python-smtplib", as_of="2026-11-24",
        source="Python's smtplib with set_debuglevel, and its exceptions; Django uses it, too",
        client_line=r"^(?:[\d:.]+ )?send: (?P<text>.*)$",
        server_line=r"^(?:[\d:.]+ )?(?:reply: |connect: \()(?P<text>b?['\"]\d.*|\d{3}, b?.*)$",
        hints=("send: ", "reply: "),
        is_quoted=True,
        messages=(
            "smtplib.", "smtplib.py", "smtpnotsupportederror", "smtpheloerror",
            "smtpauthenticationerror: (", "smtp auth extension not supported by server",
            "starttls extension not supported by server", "connection unexpectedly closed",
            "please run connect() first", "no suitable authentication",
        ),
    ),
    Format(
        "go-mail", "go-mail", library="go-mail", as_of="2026-11-24",
        source="wneessen/go-mail's debug log and errors",
        client_line=r"^.*?C --> S: (?P<text>.*?)\"?$",
        server_line=r"^.*?C <-- S: (?P<text>.*?)\"?$",
        is_joined=True,
        hints=("c --> s:", "c <-- s:"),
        messages=(
            "wneessen/go-mail", "smtpauthplain", "smtpauthlogin",
            "server does not support smtp auth type", "dial failed:", "smtp auth failed:",
        ),
    ),
    Format(
        "lettre", "lettre", library="lettre", as_of="2026-11-24",
        source="lettre's tracing, old and new, and its errors",
        client_line=r"^(?>.*?lettre\S{0,200}?[\]:\s])(?>.*?(?:>>|Wrote:))\s*(?P<text>.*)$",
        server_line=r"^(?>.*?lettre\S{0,200}?[\]:\s])(?>.*?(?:<<|Read:))\s*(?P<text>.*)$",
        hints=("lettre",),
        is_quoted=True,
        messages=(
            "lettre", "no compatible authentication mechanism", "invalidcontenttype",
            "unknownissuer", "permanent error (", "transient error (", "internal client error",
            "notvalidforname", "corrupt message",
        ),
    ),
    Format(
        "ruby-net-smtp", "Ruby Net::SMTP", library="ruby-net-smtp", as_of="2026-11-24",
        source="Net::SMTP with set_debug_output (-> is what came), mail, ActionMailer",
        client_line=r"^\s*<- (?P<text>\".*)$",
        server_line=r"^\s*-> (?P<text>\".*)$",
        hints=('<- "', '-> "'),
        is_quoted=True,
        tls_begins=("tls connection started",),
        messages=(
            "net::smtp", "net/smtp.rb", "net/protocol.rb", "net::opentimeout", "net::readtimeout",
            "actionmailer", "action_mailer", "openssl::ssl::sslerror", "ssl_connect returned",
            "ssl_connect", "delivery_method", "connection refused - connect(2)",
        ),
    ),
    Format(
        "swaks", "swaks", library="swaks", as_of="2026-11-24",
        source="swaks: -> before TLS, ~> under TLS, an asterisk after refusals",
        client_line=r"^\s?[-~]> ?(?P<text>.*)$",
        server_line=r"^\s?<[-~*][-~* ](?! ?Timeout ) ?(?P<text>.*)$",
        hints=("<-  ", "<~  ", " -> ", " ~> ", "<** ", "<~* "),
        tls_begins=("=== tls started",),
        messages=("=== ", "*** no authentication type", "*** host did not advertise", "swaks"),
    ),
    Format(
        "msmtp", "msmtp", library="msmtp", as_of="2026-11-24",
        source="msmtp -d, and its messages",
        client_line=r"^\s*--> (?P<text>.*)$",
        server_line=r"^\s*<-- (?P<text>.*)$",
        hints=("<-- ", "--> "),
        messages=(
            "msmtp:", "msmtp ", "tls_starttls", "cannot find a usable authentication method",
            "could not send mail (account", "msmtprc",
        ),
        version=r"msmtp(?: version)? ([\d.]+)",
    ),
    Format(
        "postfix", "Postfix", library="postfix", as_of="2026-11-24",
        source="what its smtp client and smtpd log; with -v also the session",
        client_line=_POSTFIX.format(">", "<"),
        server_line=_POSTFIX.format("<", ">"),
        hints=("postfix/",),
        messages=(
            "postfix/", "sasl authentication failed; ", "no worthy mechs", "(in reply to ",
            "helo command rejected", "smtp_sasl", "status=deferred", "status=bounced",
        ),
    ),
    Format(
        "exim", "Exim", library="exim", as_of="2026-11-24",
        source="its main log, and exim -d or -v",
        client_line=r"^.*?SMTP>> (?P<text>.*)$",
        server_line=r"^(?:.*?SMTP<< (?P<first>.*)|(?:\s*\d+)?\s{8,}+(?P<more>[2-5]\d\d[ -].*))$",
        hints=("smtp>>", "smtp<<"),
        messages=(
            "exim", "smtp error from remote mail server", "authenticator failed", "t=remote_smtp",
            "r=smarthost", "h=smtp",
        ),
    ),
    Format(
        "perl-net-smtp", "Perl Net::SMTP", library="perl-net-smtp", as_of="2026-11-24",
        source="Net::SMTP with Debug, which many mail programs in Perl use",
        client_line=r"^.*?GLOB\(0x[0-9a-f]+\)>>> (?P<text>.*)$",
        server_line=r"^.*?GLOB\(0x[0-9a-f]+\)<<< (?P<text>.*)$",
        hints=("glob(0x",),
        messages=(
            "net::smtp=glob", "net/smtp.pm", "authen::sasl", "email::sender", "net::smtp: ",
            "net::smtp->new", "net::smtp::ssl", ".pl line ", ".pm line ",
        ),
    ),
    Format(
        "mailkit", "a session with C: and S:", library="mailkit", as_of="2026-11-24",
        source="MailKit's ProtocolLogger; the same two letters are what people write by hand",
        is_shared=True,
        client_line=_MAILKIT + r"[Cc](?:lient)?\s*:\s?(?P<text>.*)$",
        server_line=_MAILKIT + r"[Ss](?:erver)?\s*:\s?(?P<text>.*)$",
        hints=("c:", "s:", "client:", "server:"),
        messages=(
            "mailkit", "smtpcommandexception", "smtpprotocolexception", "sslhandshakeexception",
            "an error occurred while attempting to establish an ssl or tls connection",
            "the smtp server does not support authentication", "securesocketoptions",
            "the smtp server has unexpectedly disconnected", "connected to smtp://", "mimekit",
            "connected to smtps://",
        ),
    ),
    Format(
        "curl", "curl", library="curl", as_of="2026-11-24",
        source="curl -v and libcurl's errors",
        client_line=r"^> (?P<text>.*)$",
        server_line=r"^< (?P<text>.*)$",
        hints=("* trying", "* connected", "curl"),
        tls_begins=("* ssl connection using", "* server certificate:"),
        messages=("curl: (", "curl error", "libcurl", "curle_", "login denied"),
        version=r"curl[ /]([\d.]+)",
    ),
    Format(
        "symfony", "Symfony Mailer", library="symfony", as_of="2026-11-24",
        source="Symfony Mailer and SwiftMailer, alone or in Laravel: exceptions and debug output",
        client_line=r"^(?:\[\d[^\]]*\] |>)?> (?P<text>.*?)(?:\\r\\n)?$",
        server_line=r"^(?:\[\d[^\]]*\] |<)?< (?P<text>.*?)(?:\\r\\n)?$",
        hints=("> ehlo", "< 220", ">> ehlo", "<< 220", "< 250"),
        messages=(
            "symfony\\component\\mailer", "swift_", "swiftmailer", "expected response code",
            "failed to authenticate on smtp server",
            "connection could not be established with host", "unable to connect with starttls",
            "mailer dsn", "illuminate\\mail", "possible authenticators", "mailer_dsn", "laravel",
        ),
    ),
    Format(
        "javamail", "JavaMail", library="javamail", as_of="2026-11-24",
        source="JavaMail, Jakarta Mail, Angus with mail.debug; Spring uses it",
        client_line=rf"^(?P<text>{COMMAND}|\[redacted#\d+\]$|\*$|\.$)"
        r"|^DEBUG SMTP: (?P<traced>AUTH \S+) command trace suppressed$",
        server_line=r"^(?P<text>[2-5]\d\d(?:[ -].*)?)$",
        hints=("debug smtp", "debug: getprovider", "debug: jakarta mail", "debug: javamail"),
        signed_in=r"debug smtp: auth \S+ succeeded",
        messages=(
            "javax.mail", "jakarta.mail", "com.sun.mail", "org.eclipse.angus", "mail.smtp.",
            "no authentication mechanisms supported by both server and client",
            "mailconnectexception", "authenticationfailedexception",
            "could not convert socket to tls", "javamailsender", "sslhandshakeexception",
            "pkix path building", "spring.mail", "mailsendexception",
        ),
        version=r"(?:JavaMail|Jakarta Mail|Angus Mail) version ([\d.]+)",
    ),
    Format(
        "system-net-mail", "System.Net.Mail", library="system-net-mail", as_of="2026-11-24",
        source="exceptions with generic texts that contain the server's reply",
        client_line=r"^.*?\bSending(?: data)?: (?P<text>.*)$",
        server_line=r"^.*?\bReceived(?: data)?: (?P<text>[2-5]\d\d.*)$",
        hints=("sending",),
        messages=(
            "system.net.mail", "smtpexception", "smtpfailedrecipient", "the server response was",
            "failure sending mail",
            "requires a secure connection or the client was not authenticated",
            "mailbox unavailable.", "usedefaultcredentials", "service not available, closing",
            "unable to read data from the transport connection",
        ),
    ),
    Format(
        "s_client", "a session without direction markers, as from openssl s_client or telnet",
        as_of="2026-11-24",
        source="openssl s_client, telnet, nc: input and output without prefixes",
        client_line=rf"^(?P<text>{COMMAND}|\[redacted#\d+\]$|\*$|\.$)",
        server_line=r"^(?P<text>(?:2(?:00|1[14]|2[01]|35|5[0-3])|3[35]4|[45]\d\d)"
        r"(?:[ -](?!but got ).*)?)$",  # neither a process's number nor an error of PHP
        tls_begins=("verify return code", "new, tlsv1", "ssl-session:"),
        messages=("connected(0000", "s_client", "verify error:num", "verify return:"),
    ),
    Format(
        "django", "Django", library="django", as_of="2026-11-24",
        source="Django's mail backend on top of smtplib: its settings, its frames in tracebacks",
        messages=(
            "django/core/mail", "django.core.mail", "email_use_tls", "email_use_ssl",
            "email_backend", "email_host",
        ),
    ),
    Format(
        "powershell", "PowerShell", library="powershell", as_of="2026-11-24",
        source="Send-MailMessage: System.Net.Mail's texts behind its own",
        messages=("send-mailmessage", "fullyqualifiederrorid", "categoryinfo", "+ ~~~~"),
    ),
    Format(
        "aiosmtplib", "Python aiosmtplib", library="aiosmtplib", as_of="2026-11-24",
        source="aiosmtplib, which prints no sessions: its exceptions; fastapi-mail uses it",
        messages=(
            "aiosmtplib", "fastapi_mail", "smtpconnecttimeouterror",
            "disconnected: connection lost", "connection already using tls",
            "check your credentials or email service configuration",
        ),
    ),
    Format(
        "go-net-smtp", "Go net/smtp", library="go-net-smtp", as_of="2026-11-24",
        source="net/smtp, gomail and others on top of it, which print errors only",
        messages=(
            "net/smtp", "smtp: server doesn't support auth", "unencrypted connection", "gomail",
            "wrong host name", "tls: first record does not look like", "dial tcp", "x509: ",
            "tls: failed to verify", "remote error: tls:", "smtp.plainauth",
            "tls: server selected", "missing port in address", "too many colons in address",
            "goroutine ", "short response:",
        ),
    ),
    Format(
        "marked", "a session with direction markers", as_of="2026-11-25",
        source="other clients: arrows, brackets, Sent: and Received:",
        client_line=r"^(?:>{1,3}|-{1,2}>|={1,2}>|C>|\[(?i:C|CLIENT|SENT|SEND|OUT|TX)\]:?|"
        r"(?i:client|sent|sending|send|out|tx|wrote|write)\s?[:>])\s?(?P<text>.*)$",
        server_line=r"^(?:<{1,3}|<-{1,2}|<={1,2}|S>|\[(?i:S|SERVER|RECEIVED|RECV|IN|RX)\]:?|"
        r"(?i:server|received|recv|got|in|rx|reply|response|read)\s?[:<>])\s?"
        r"(?:S: )?(?P<text>[2-5]\d\d(?:[ -].*)?)$",
        is_shared=True,
    ),
)
# fmt: on
"""In the order in which they are tried: more specific ones first."""
BARE: Final = next(each for each in FORMATS if each.name == "s_client")
"""The format of a session that does not show who speaks."""


def recognise_format(lines: list[str]) -> Format:
    """Return the format of most lines of the dialogue; ``BARE`` if there is none.

    In a library's session, further lines of a reply may be without markers.
    """
    counted = [(each, each.count_dialogue(lines)) for each in _candidates(lines)]
    marked = [each for each in counted if each[0].library and each[1] >= _CERTAIN]
    return max(marked or counted, key=lambda each: each[1], default=(BARE, 0))[0]


_CERTAIN: Final = 3
"""Lines with a library's markers from which on they are no accident."""


def count_dialogue(lines: list[str]) -> int:
    """Return how many lines the best format recognises as dialogue."""
    return max(each.count_dialogue(lines) for each in _candidates(lines))


def _candidates(lines: list[str]) -> list[Format]:
    """Return the formats that occur in ``lines`` by their hints; ``BARE`` always does."""
    low = "\n".join(lines).lower()
    return [
        each for each in FORMATS
        if each.has_dialogue and (not each.hints or any(hint in low for hint in each.hints))
    ]  # fmt: skip
