"""Logs that are not about mail, or are about delivered mail, have no finding."""

import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.logs.read_log import read_log

DELIVERED = """220 mail.example.com ESMTP Postfix
EHLO me.example.org
250-mail.example.com
250 AUTH PLAIN LOGIN
AUTH PLAIN [hidden]
235 2.7.0 Authentication successful
MAIL FROM:<a@example.com>
250 2.1.0 Ok
RCPT TO:<b@example.org>
250 2.1.5 Ok
DATA
354 End data with <CR><LF>.<CR><LF>
Subject: rate limit and daily quota exceeded, line too long

535 5.7.8 authentication failed
.
250 2.0.0 Ok: queued as 12345
QUIT
221 2.0.0 Bye"""


@pytest.mark.parametrize(
    "text",
    [
        '203.0.113.5 - - [10/Oct/2024:13:55:36 +0000] "POST /auth/token HTTP/1.1" 502 250 "-"',
        '203.0.113.5 - - [10/Oct/2024:13:55:36 +0000] "GET /mail/login HTTP/1.1" 401 535 "-"',
        "Traceback (most recent call last):\n  File \"db.py\", line 5, in login\nKeyError: 'pass'",
        'java.lang.NullPointerException: "s" is null\n\tat com.example.App.main(App.java:5)',
        'FATAL: password authentication failed for user "app"\nConnection refused (port 5432)',
        "SSLError: HTTPSConnectionPool(host='api.example.com', port=443): certificate has expired",
        "FetchError: request to https://registry.example.org/foo failed, connect ECONNREFUSED",
        "sshd[1]: Failed password for root\nsshd[1]: Connection closed by authenticating user",
        "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\na1 NO [AUTHENTICATIONFAILED] failed",
        "A brown fox of 998 pounds jumps over a login and a password each day.",
        "postfix/smtp[2]: 3F2: to=<a@b.example>, status=sent (250 2.0.0 Ok)\npostfix/qmgr[998]: A",
        DELIVERED,
        "CONNECTED(00000003)\nThis TLS version forbids renegotiation.\n250 CHUNKING\n* closing #0",
    ],
)
def test_unrelated_logs_have_no_findings(text: str) -> None:
    assert diagnose_evidence(read_log(text)).findings == ()


STATEMENT = """\
Traceback (most recent call last):
  File "/usr/lib/python3.13/asyncio/base_events.py", line 1193, in create_connection
    transport, protocol = await self._create_connection_transport(
                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ...<2 lines>...
        ssl_shutdown_timeout=ssl_shutdown_timeout)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("x509: certificate signed by unknown authority", "cert_untrusted"),
        ("tls: no supported versions satisfy MinVersion and MaxVersion", "client_tls_disabled"),
        (("user = acs.793747b4-e535-45a4-abbc-a578ae997928\nmsmtp: authentication method LOGIN "
         "needs a password"), "credentials_missing"),
        ("unencrypted connection", "auth_before_tls_refused_by_client"),
        ("Traceback (most recent call last):\nssl.SSLError: [SSL: WRONG_VERSION_NUMBER]",
         "implicit_tls_on_starttls_port"),
        ((f"{STATEMENT}aiosmtplib.errors.SMTPConnectError: Error connecting to localhost on port "
         "4587: [SSL: WRONG_VERSION_NUMBER]"), "implicit_tls_on_starttls_port"),
        (('Traceback (most recent call last):\n  File "/usr/lib/python3.13/urllib/parse.py", line '
         "182, in port\nValueError: Port could not be cast to integer value as 'pa'"),
         "credential_url_encoding"),
        (("Error: Hostname/IP does not match certificate's altnames\n  fingerprint: "
         "'0D:A8:73:22:08:80:99:C6:DD'"), "cert_hostname_mismatch"),
    ],
)  # fmt: skip
def test_a_bare_error_is_taken_for_mail_s(text: str, cause: str) -> None:
    assert diagnose_evidence(read_log(text)).findings[0].id == cause
