"""One session as every client prints it: recognised, and reconstructed identically."""

import json
import re
from datetime import date

import pytest

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.doctor.logs.formats import FORMATS
from gatepost.doctor.logs.log_format import Format
from gatepost.doctor.logs.read_log import read_log
from gatepost.model.evidence import Evidence
from tests.processor_time import run_within

DIALOGUE = (
    ("S", "220 mail.example.com ESMTP Postfix"),
    ("C", "EHLO me.example.org"),
    ("S", "250-mail.example.com"),
    ("S", "250-SIZE 10240000"),
    ("S", "250 STARTTLS"),
    ("C", "STARTTLS"),
    ("S", "220 2.0.0 Ready to start TLS"),
    ("C", "EHLO me.example.org"),
    ("S", "250-mail.example.com"),
    ("S", "250-AUTH PLAIN LOGIN"),
    ("S", "250 8BITMIME"),
    ("C", "AUTH LOGIN"),
    ("S", "334 VXNlcm5hbWU6"),
    ("C", "YW5uQGV4YW1wbGUub3Jn"),
    ("S", "334 UGFzc3dvcmQ6"),
    ("C", "bm90LW15LXBhc3N3b3Jk"),
    ("S", "535 5.7.8 Error: authentication failed: no"),
    ("C", "QUIT"),
    ("S", "221 2.0.0 Bye"),
)


def told(client: str, server: str, lines: tuple[tuple[str, str], ...] = DIALOGUE) -> str:
    """The dialogue, each line by the template of who says it."""
    return "\n".join((client if who == "C" else server).format(text) for who, text in lines)


PHPMAILER = (
    "2024-05-05 10:00:00 Connection: opening to mail.example.com:587, timeout=300\n"
    + told("2024-05-05 10:00:00 CLIENT -> SERVER: {}", "2024-05-05 10:00:00 SERVER -> CLIENT: {}")
    + "\nSMTP Error: Could not authenticate."
)
JAVAMAIL = (
    "DEBUG SMTP: useEhlo true, useAuth true\nDEBUG SMTP: trying to connect to host "
    '"mail.example.com", port 587, isSSL false\n'
    + told("{}", "{}")
    + "\njavax.mail.AuthenticationFailedException: 535 5.7.8 Error: authentication failed: no"
)
S_CLIENT = (
    "CONNECTED(00000003)\ndepth=0 CN = mail.example.com\nverify return:1\n---\n"
    "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n    Verify return code: 0 (ok)\n---\n"
    + told("{}", "{}", DIALOGUE[7:])
)
# fmt: off
SESSIONS: list[tuple[str, str, str]] = [
    # log format, library, text
    ("smtplib", "python-smtplib", told("send: '{}\\r\\n'", "reply: b'{}\\r\\n'")),
    ("smtplib", "python-smtplib", told("10:00:00.1 send: '{}\\r\\n'",
                                      "10:00:00.1 reply: b'{}\\r\\n'")),
    ("nodemailer", "nodemailer", told("[2024-05-05 10:00:00] DEBUG [a1] C: {}",
                                      "[2024-05-05 10:00:00] DEBUG [a1] S: {}")),
    ("nodemailer", "nodemailer", "\n".join(json.dumps({"level": 20, "msg": f"{who}: {text}"})
                                           for who, text in DIALOGUE)),
    ("phpmailer", "phpmailer", PHPMAILER),
    ("phpmailer", "phpmailer", PHPMAILER.replace(">", "&gt;").replace("\n", "<br>\n")),
    ("phpmailer", "phpmailer", told("CLIENT -> SMTP: {}", "SMTP -> FROM SERVER:{}")),
    ("mailkit", "mailkit", "Connected to smtp://mail.example.com:587/?starttls=always\n"
                           + told("C: {}", "S: {}")),
    ("javamail", "javamail", JAVAMAIL),
    ("go-mail", "go-mail", told("2024/05/05 10:00:00 DEBUG: C --> S: {}",
                                "2024/05/05 10:00:00 DEBUG: C <-- S: {}")),
    ("lettre", "lettre", told("[DEBUG lettre::transport::smtp::client] >> {}",
                              "[DEBUG lettre::transport::smtp::client] << {}")),
    ("ruby-net-smtp", "ruby-net-smtp", told('<- "{}\\r\\n"', '-> "{}\\r\\n"')),
    ("swaks", "swaks", "=== Trying mail.example.com:587...\n" + told(" -> {}", "<-  {}")),
    ("curl", "curl", "* Connected to mail.example.com (192.0.2.1) port 587\n" + told("> {}", "< {}")
                     + "\ncurl: (67) Login denied"),
    ("msmtp", "msmtp", told("--> {}", "<-- {}") + "\nmsmtp: authentication failed (method LOGIN)"),
    ("marked", "", told("=> {}", "<= {}")),
    ("marked", "", told("[CLIENT] {}", "[SERVER] {}")),
    ("marked", "", told("Sent: {}", "Got: {}")),
    ("marked", "", told("TX: {}", "RX: {}")),
    ("rainloop", "", told("[12:29:47.567][70f77b35] SMTP[DATA]: > {}",
                          "[12:29:47.567][70f77b35] SMTP[DATA]: < {}")),
    ("thunderbird", "", told("[Parent 4711: Main Thread]: D/SMTP SMTP Send: {}",
                             "[Parent 4711: Main Thread]: I/SMTP SMTP Response: {}")),
    ("stalwart", "", told('TRACE smtp::inbound::session: event="read" data="{}\\r\\n" size=9',
                          'TRACE smtp::inbound::session: event="write" data="{}\\r\\n" size=9')),
    ("postfix", "postfix", told("postfix/smtp[7]: > mail.example.com[192.0.2.1]:587: {}",
                                "postfix/smtp[7]: < mail.example.com[192.0.2.1]:587: {}")),
    ("postfix", "postfix", told("postfix/smtpd[7]: < client.example.net[192.0.2.1]: {}",
                                "postfix/smtpd[7]: > client.example.net[192.0.2.1]: {}")),
    ("opensmtpd", "", told("smtp: 0x18dc456d6000: <<< {}", "smtp: 0x18dc456d6000: >>> {}")),
    ("exim", "exim", told("10:00:00 71  SMTP>> {}", "10:00:00 71  SMTP<< {}")),
    ("symfony", "symfony", told("[2024-05-05T10:00:00+00:00] > {}",
                                "[2024-05-05T10:00:00+00:00] < {}")
                           + "\nSymfony\\Component\\Mailer\\Exception\\TransportException"),
    ("symfony", "symfony", "++ Starting Swift_SmtpTransport\n" + told(">> {}", "<< {}")),
    ("perl-net-smtp", "perl-net-smtp", told("Net::SMTP=GLOB(0x55d0)>>> {}",
                                            "Net::SMTP=GLOB(0x55d0)<<< {}")),
    ("system-net-mail", "system-net-mail", told("Information: Sending: {}",
                                                "Information: Received: {}")),
    ("s_client", "", told("{}", "{}")),
]
# fmt: on


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_an_entry_of_the_table(each: Format) -> None:
    assert sum(each.name == other.name for other in FORMATS) == 1
    assert each.title
    assert each.source
    assert date.fromisoformat(each.as_of) > date(2026, 1, 1)
    assert each.library in {"", "exim", "perl-net-smtp", *LIBRARIES}
    assert bool(each.client_line) == bool(each.server_line) == each.has_dialogue
    for pattern in (each.client_line, each.server_line, each.version):
        assert bool(re.compile(pattern).groups) == bool(pattern)
    for text in (*each.hints, *each.messages, *each.tls_begins):
        assert text == text.lower()
    if each.has_dialogue:
        assert any(each.name == log_format for log_format, _, _ in SESSIONS)
    else:
        assert each.messages


@pytest.mark.parametrize(("log_format", "library", "text"), SESSIONS)
def test_a_session(log_format: str, library: str, text: str) -> None:
    seen = read_log(text)
    assert (seen.log_format, seen.client.library) == (log_format, library)
    assert not seen.offered_in_clear
    assert seen.offers_starttls
    assert seen.offered_over_tls == ("PLAIN", "LOGIN")
    [attempt] = seen.attempts
    assert (attempt.mechanism, attempt.form, attempt.tls) == ("LOGIN", "bare", True)
    assert (attempt.accepted, attempt.secret_sent) == (True, True)
    assert (attempt.reply.code, str(attempt.reply.status)) == (535, "5.7.8")
    name, password = attempt.responses
    assert (name.username_form, name.octets) == ("address", 20)
    assert password.secret is not None
    assert password.secret.length == 15
    assert seen.position == "auth"
    assert seen.target is not None
    assert (seen.target.host, seen.target.port) == ("mail.example.com", 587)
    assert "bm90LW15" not in str(seen)


def test_a_session_under_tls_from_the_start() -> None:
    seen = read_log(S_CLIENT)
    assert seen.log_format == "s_client"
    assert seen.offered_over_tls == ("PLAIN", "LOGIN")
    assert seen.attempts[0].tls


@pytest.mark.parametrize(
    ("text", "library"),
    [
        ("smtplib.SMTPAuthenticationError: (535, b'no')", "python-smtplib"),
        ('  File "/x/django/core/mail/backends/smtp.py", line 67, in open', "django"),
        ("aiosmtplib.errors.SMTPConnectTimeoutError: Timed out", "aiosmtplib"),
        ("fastapi_mail.errors.ConnectionErrors: Exception raised", "aiosmtplib"),
        ("Error: Invalid login: 535 no\n  code: 'EAUTH'", "nodemailer"),
        ("SMTP Error: Could not authenticate. PHPMailer 6.5", "phpmailer"),
        ("MailKit.Security.AuthenticationException: 535: no", "mailkit"),
        ("com.sun.mail.smtp.SMTPSendFailedException: 530 no", "javamail"),
        ("org.springframework.mail.MailSendException: x javax.mail", "javamail"),
        ("dial tcp 192.0.2.1:587: i/o timeout", "go-net-smtp"),
        ("lettre::transport::smtp::Error { kind: Permanent }", "lettre"),
        ("Net::SMTPAuthenticationError (535 no)", "ruby-net-smtp"),
        ("curl: (67) Login denied", "curl"),
        ("msmtp: authentication failed (method PLAIN)", "msmtp"),
        ("postfix/smtp[1]: 4F: status=deferred (x)", "postfix"),
        ("H=mail.example.com: SMTP error from remote mail server after MAIL FROM", "exim"),
        ('Expected response code 250 but got code "530"', "symfony"),
        ("System.Net.Mail.SmtpException: Failure sending mail.", "system-net-mail"),
        ("Send-MailMessage : The SMTP server requires\n + CategoryInfo", "powershell"),
        ("sendmail: could not send mail (account default from /etc/msmtprc)", "msmtp"),
        ("Net::SMTP: Unexpected EOF on command channel at send.pl line 3.", "perl-net-smtp"),
        ("nothing that anybody knows", ""),
    ],
)
def test_the_library_behind_an_error(text: str, library: str) -> None:
    assert read_log(text).client.library == library


@pytest.mark.parametrize(
    ("text", "code", "status", "position"),
    [
        ("(535, b'5.7.8 no\\n5.7.8 more')", 535, "5.7.8", "auth"),
        ("SMTPSenderRefused: (530, b'5.7.0 first', 'a@b')", 530, "5.7.0", "mail"),
        ("SMTPRecipientsRefused: {'a@b': (550, b'5.1.1 who')}", 550, "5.1.1", "rcpt"),
        ("Invalid login: 504 5.7.4 Unrecognized", 504, "5.7.4", "auth"),
        ("Message failed: 552 5.3.4 too big", 552, "5.3.4", "data"),
        ("host x said: 550 5.7.1 no (in reply to RCPT TO command)", 550, "5.7.1", "rcpt"),
        ("host x said: 550 5.7.1 no (in reply to end of DATA command)", 550, "5.7.1", "data"),
        ("The server response was: 5.7.57 Client not authenticated", 530, "5.7.57", "mail"),
        ('but got code "535", with message "535 5.7.8 no"', 535, "5.7.8", "auth"),
        ("MAIL FROM failed: '550 Authentication is required'", 550, "None", "mail"),
        ("421 4.7.0 Try again later (EHLO)", 421, "4.7.0", "ehlo"),
    ],
)
def test_a_reply_inside_of_a_sentence(text: str, code: int, status: str, position: str) -> None:
    [stray, *_] = read_log(text).strays
    assert (stray.reply.code, str(stray.reply.status)) == (code, status)
    assert stray.position == position


@pytest.mark.parametrize(
    "text",
    [
        "connect to 192.0.2.1:587",
        "port 465 or 587",
        "Version 4.2.1 of it",
        "12:00:00.550 x",
        "api.access (method='POST' response=500 path='/mail/')",
        '"POST /mail HTTP/1.1" 500 58 error',
    ],
)
def test_a_number_is_no_reply(text: str) -> None:
    assert read_log(text).strays == ()


def test_the_numbers_of_processes_are_no_replies() -> None:
    failed = "335 Connecting to mx.example.com [192.0.2.1]:25 ... failed: Connection refused"
    seen = read_log(f"  333 R: dnslookup for ann@example.com\n  {failed}")
    assert not seen.transcript
    assert failed in seen.remarks


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("550 Authentication is required for relay", None),
        ("553 Sender address rejected: not owned by auth user", None),
        ("550 5.7.1 Authentication failed", "auth"),
        ("554 Unable to authenticate", "auth"),
    ],
)
def test_refused_mail_that_speaks_of_a_login(text: str, position: str | None) -> None:
    [stray] = read_log(f"server: {text}").strays
    assert stray.position == position


def test_two_errors_that_begin_alike() -> None:
    told_code = 'Mail: Expected response code 250 but got code "{0}", with message "{0} 5.7.1 no"'
    seen = read_log(f"{told_code.format(553)}\n{told_code.format(501)}")
    assert [each.reply.code for each in seen.strays] == [553, 501]


def test_further_lines_of_a_reply_without_markers() -> None:
    session = PHPMAILER.replace("2024-05-05 10:00:00 SERVER -> CLIENT: 250 ", "250 ")
    extensions = "\n".join(f"250-X-{number}" for number in range(30))
    first = "2024-05-05 10:00:00 SERVER -> CLIENT: 250-mail.example.com"
    seen = read_log(session.replace(first, f"{first}\n{extensions}"))
    assert (seen.log_format, seen.position) == ("phpmailer", "auth")
    assert [each.reply.code for each in seen.attempts] == [535]


def test_a_session_as_a_tree() -> None:
    """So nodemailer printed it in 2013."""
    seen = read_log(
        "SERVER 1:\n└──220 mail.example.com ESMTP\nCLIENT 1:\n└──EHLO me\n"
        "SERVER 1:\n└──250-mail.example.com\n   250-SIZE 1\n   250 AUTH PLAIN\n"
        "CLIENT 1:\n└──AUTH PLAIN AGEAYg==\nSERVER 1:\n└──535 5.7.8 no\n\nError: no"
    )
    assert seen.offered == ("PLAIN",)
    assert [(each.mechanism, each.reply.code) for each in seen.attempts] == [("PLAIN", 535)]


@pytest.mark.parametrize(
    ("text", "server", "host", "port"),
    [
        ("connect: to ('smtp.example.com', 465) None", "", "smtp.example.com", 465),
        ("smtp://ann@mail.example.com:2525", "", "mail.example.com", 2525),
        ("dial tcp: lookup mail.example.com on 192.0.2.53:53", "", "mail.example.com", 587),
        ("said mx.example.net[192.0.2.1]:25", "smtp.example.com:465", "smtp.example.com", 465),
        ("x", "own server at mail.example.com, port 25", "mail.example.com", 25),
        ("x", "own server :25", None, None),
        ("SMTP_SERVER=mail.example.com\nSMTP_PORT=25", "", "mail.example.com", 25),
        ("address: 'smtp.example.com'\nport: 465", "", "smtp.example.com", 465),
        ("client: 192.0.2.7, server: www.example.com, request: x", "", None, None),
        ("smtp_address=smtp.ann@example.com", "", None, None),
    ],
)
def test_which_server(text: str, server: str, host: str | None, port: int | None) -> None:
    target = read_log(text, server).target
    assert ((target.host, target.port) if target else (None, None)) == (host, port)


def test_words_for_the_server_and_the_client_are_kept() -> None:
    seen = read_log("Client: Gitea 1.21\nServer: Amazon SES\n535 no")
    assert (seen.client.library, seen.client.product) == ("go-net-smtp", "Gitea 1.21")
    assert seen.server_name == "Amazon SES"


@pytest.mark.parametrize(
    "hidden", ["[credentials hidden]", "********", "<password>", "/* secret */"]
)
def test_a_redacted_response_is_not_judged(hidden: str) -> None:
    seen = read_log(f"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {hidden}\nS: 535 no")
    [response] = seen.attempts[0].responses
    assert response.form == "hidden"


def responses(text: str) -> Evidence:
    return read_log(f"C: EHLO a\nS: 250-b\nS: 250 AUTH PLAIN LOGIN XOAUTH2\n{text}\nS: 535 no")


def test_the_form_of_what_was_sent() -> None:
    [plain] = responses("C: AUTH PLAIN b3RoZXIAYW5uAHBhc3M=").attempts[0].responses
    assert plain.authzid
    [empty] = responses("C: AUTH PLAIN AAA=").attempts[0].responses
    assert (empty.username_form, empty.secret and empty.secret.length) == ("empty", 0)
    [twice] = responses("C: AUTH LOGIN WVc1dVFHVjRZVzF3YkdVdWIzSm4=").attempts[0].responses
    assert twice.form == "twice_base64"
    assert responses("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *").attempts[0].cancelled


def test_the_message_itself_is_left_out() -> None:
    seen = read_log(
        "C: MAIL FROM:<a@b.c>\nS: 250 ok\nC: RCPT TO:<d@e.f>\nS: 250 ok\nC: DATA\nS: 354 go\n"
        "C: Subject: private\nC: private words\nC: .\nS: 550 no"
    )
    assert "private" not in str(seen)
    assert seen.content.value is not None
    assert seen.content.value.code == 550


def test_a_long_log_stays_within_bounds() -> None:
    seen = read_log("\n".join(f"line {number}" for number in range(5_000)))
    assert len(seen.remarks) == 400
    assert seen.remarks[-1].startswith("line")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "piece",
    ["x", "password", "a.", "a-", "a:", "login('", "://a:", "Ab1+", "[", " ", "->", "250 ", "a@",
     "eyJ", "eyJa.", "AUTH ", "'", "(535, b'", "*", "C: ", "\\n", "lookup "],
)  # fmt: skip
def test_no_line_takes_long(piece: str) -> None:
    """Patterns that try every start of a long line would take minutes here."""
    log = (piece * (4_000 // len(piece)) + "\n") * 10
    run_within(2, lambda: read_log(log))


def test_javamail_says_that_it_signed_in_where_it_hides_how() -> None:
    """What is answered next belongs to the next command."""
    seen = read_log(
        "DEBUG SMTP: useEhlo true\n220 mail.example.com ESMTP\nEHLO me\n250 AUTH LOGIN\n"
        "DEBUG SMTP: AUTH LOGIN command trace suppressed\nDEBUG SMTP: AUTH LOGIN succeeded\n"
        "MAIL FROM:<account>\n501 5.1.7 no address\nRSET\n250 ok\n"
    )
    assert [each.reply.code for each in seen.attempts] == [235]
    assert seen.mail.value is not None
    assert seen.mail.value.reply.code == 501


def test_go_mail_gives_only_the_first_line_of_a_reply_its_code() -> None:
    seen = read_log(
        "2024/05/05 10:00:00 DEBUG: C --> S: EHLO app.local\n"
        "2024/05/05 10:00:00 DEBUG: C <-- S: 250 mail.example.com\nSTARTTLS\nAUTH LOGIN PLAIN\n"
        "2024/05/05 10:00:01 DEBUG: C --> S: AUTH PLAIN\n"
        "2024/05/05 10:00:01 DEBUG: C <-- S: 535 5.7.8 no\n5.7.8 more\n"
        "2024/05/05 10:00:02 failed to send: no"
    )
    assert seen.offers_starttls
    assert seen.offered == ("LOGIN", "PLAIN")
    assert seen.attempts[0].reply.text == "no\nmore"
