"""Faults in Python: smtplib, aiosmtplib, and Django, where a program is its settings."""

from typing import Final

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from tests.clients.remedies.proof import Case

DJANGO_FIXES: Final = LIBRARIES["django"].fixes

_OPEN: Final = """\
import smtplib
import ssl
smtp = smtplib.SMTP("{host}", {port}, timeout=30)
"""
_TLS: Final = _OPEN + "smtp.starttls(context=ssl.create_default_context())\n"
_LOGIN: Final = _TLS + "smtp.login(username, password)\n"
_SEND: Final = "\nsmtp.send_message(message)\nsmtp.quit()\n"

_OLD_TLS: Final = """\
context = ssl.create_default_context()
context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
"""
_LONG_TEXT: Final = '"word " * 400'
_RAW_HEADERS: Final = (
    'f"From: {sender}\\r\\nSubject: Gr\u00fc\u00dfe\\r\\n\\r\\nhello\\r\\n".encode()'
)

SMTPLIB: Final = (
    Case(
        "mechanism_not_offered",
        "acs",
        _TLS + "smtp.ehlo()\nsmtp.user, smtp.password = username, password\n"
        'smtp.auth("PLAIN", smtp.auth_plain)\n',
    ),
    Case("starttls_required", "acs", _OPEN + "smtp.login(username, password)\n"),
    Case(
        "implicit_tls_on_starttls_port",
        "acs",
        "import smtplib, ssl\n"
        'smtplib.SMTP_SSL("{host}", {port}, context=ssl.create_default_context())\n',
    ),
    Case(
        "starttls_on_implicit_tls_port",
        "acs",
        _TLS.replace("timeout=30", "timeout=0.5"),
        door="smtps",
        told_by="probe",
    ),
    Case(
        "cert_untrusted",
        "acs",
        _TLS,
        _OPEN + "{fix}smtp.login(username, password)" + _SEND,
        trusting=False,
    ),
    Case(
        "cert_hostname_mismatch",
        "acs",
        _TLS,
        "import smtplib, ssl\n{fix}smtp.starttls(context=ssl.create_default_context())\n"
        "smtp.login(username, password)" + _SEND,
    ),
    Case("auth_not_performed", "acs", _TLS + "smtp.send_message(message)\n"),
    Case("login_initial_response_rejected", "login", _LOGIN),
    Case(
        "auth_command_too_long",
        "token",
        _TLS + "def xoauth2(challenge=None):\n"
        '    return "" if challenge else f"user={username}\\1auth=Bearer {token}\\1\\1"\n'
        'smtp.ehlo()\nsmtp.auth("XOAUTH2", xoauth2)\n',
        _TLS + "{fix}" + _SEND,
    ),
    Case("non_ascii_password", "utf8", _LOGIN),
    Case(
        "credential_url_encoding",
        "words",
        "from urllib.parse import urlsplit\n"
        'parts = urlsplit(f"smtp://{username}:{password}@{host}:{port}")\n'
        "print(parts.port)\n",
        "{fix}import smtplib, ssl\nfrom urllib.parse import unquote, urlsplit\n"
        "parts = urlsplit(url)\nsmtp = smtplib.SMTP(parts.hostname, parts.port)\n"
        "smtp.starttls(context=ssl.create_default_context())\n"
        "smtp.login(unquote(parts.username), unquote(parts.password))" + _SEND,
    ),
    Case(
        "helo_rejected",
        "names",
        _OPEN.replace("timeout", 'local_hostname="localhost", timeout')
        + "smtp.starttls(context=ssl.create_default_context())\n",
    ),
    Case(
        "account_name_used_as_sender",
        "acs",
        _LOGIN + "smtp.send_message(message, from_addr=username)\n",
        _LOGIN + "{fix}smtp.quit()\n",
    ),
    Case(
        "sender_domain_not_linked",
        "acs",
        _LOGIN + 'smtp.send_message(message, from_addr="me@elsewhere.example")\n',
        _LOGIN + "{fix}smtp.quit()\n",
    ),
    Case(
        "envelope_sender_missing",
        "acs",
        _LOGIN + 'smtp.send_message(message, from_addr="")\n',
        _LOGIN + "{fix}smtp.quit()\n",
    ),
    Case(
        "empty_password_sent",
        "acs",
        _TLS + 'smtp.login(username, "")\n',
        "{fix}" + _LOGIN + _SEND,
    ),
    Case("auth_not_advertised", "nobody", _LOGIN),
    Case(
        "client_tls_disabled",
        "acs",
        _OPEN + _OLD_TLS + "smtp.starttls(context=context)\n",
    ),
    Case(
        "mechanism_advertised_but_broken",
        "broken",
        _TLS + "smtp.ehlo()\nsmtp.user, smtp.password = username, password\n"
        'smtp.auth("CRAM-MD5", smtp.auth_cram_md5)\n',
        told_by="logins",
    ),
    Case(
        "credentials_missing",
        "acs",
        _TLS + 'import os\nsmtp.login(os.environ.get("SMTP_USER"), os.environ.get("SMTP_PASS"))\n',
        "{fix}" + _LOGIN + _SEND,
    ),
    Case(
        "host_setting_malformed",
        "acs",
        'import smtplib\nsmtplib.SMTP("smtp://{host}", {port})\n',
        "import smtplib, ssl\n{fix}smtp.starttls(context=ssl.create_default_context())\n"
        "smtp.login(username, password)" + _SEND,
    ),
    Case(
        "missing_from_header",
        "plain",
        _LOGIN + 'del message["From"]\nsmtp.send_message(message, from_addr=sender)\n',
        _LOGIN + "{fix}" + _SEND,
    ),
    Case(
        "line_too_long",
        "plain",
        _LOGIN + f'message.set_content({_LONG_TEXT}, cte="7bit")\n' + _SEND,
        _LOGIN + f"text = {_LONG_TEXT}\n{{fix}}" + _SEND,
    ),
    Case(
        "raw_utf8_headers",
        "plain",
        _LOGIN + f"smtp.sendmail(sender, [recipient], {_RAW_HEADERS})\n",
        _LOGIN + 'subject = "Gr\u00fc\u00dfe"\n{fix}smtp.quit()\n',
    ),
    Case(
        "bare_lf",
        "plain",
        _LOGIN + "smtp.sendmail(sender, [recipient], raw)\n",
        _LOGIN + "{fix}smtp.quit()\n",
    ),
)

_AIO: Final = """\
import aiosmtplib
import ssl
smtp = aiosmtplib.SMTP(hostname="{host}", port={port}, OPTIONS)
await smtp.connect()
"""
_AIO_TLS: Final = _AIO.replace("OPTIONS", "start_tls=True")
_AIO_LOGIN: Final = _AIO_TLS + "await smtp.login(username, password)\n"
_AIO_FIX: Final = "import aiosmtplib\n{fix}"
_AIO_SEND: Final = "\nawait smtp.send_message(message)\nawait smtp.quit()\n"


def _aio_send(*options: str) -> str:
    said = ", ".join(('hostname="{host}"', "port={port}", *options))
    return f"import aiosmtplib\nawait aiosmtplib.send(message, {said})\n"


_AIO_ACCOUNT: Final = "username=username, password=password"

AIOSMTPLIB: Final = (
    Case(
        "credential_url_encoding",
        "words",
        "from urllib.parse import urlsplit\n"
        'parts = urlsplit(f"smtp://{username}:{password}@{host}:{port}")\n'
        "print(parts.port)\n",
        "{fix}import aiosmtplib\nfrom urllib.parse import unquote, urlsplit\n"
        "parts = urlsplit(url)\nawait aiosmtplib.send(\n"
        "    message, hostname=parts.hostname, port=parts.port, start_tls=True,\n"
        "    username=unquote(parts.username), password=unquote(parts.password))\n",
    ),
    Case(
        "mechanism_not_offered",
        "acs",
        _AIO_TLS + "await smtp.ehlo()\nawait smtp.auth_plain(username, password)\n",
        _AIO_FIX,
    ),
    Case("starttls_required", "acs", _aio_send("start_tls=False", _AIO_ACCOUNT), _AIO_FIX),
    Case("implicit_tls_on_starttls_port", "acs", _aio_send("use_tls=True", _AIO_ACCOUNT), _AIO_FIX),
    Case(
        "starttls_on_implicit_tls_port",
        "acs",
        _aio_send("start_tls=True", "timeout=0.5", _AIO_ACCOUNT),
        _AIO_FIX,
        door="smtps",
        told_by="probe",
    ),
    Case(
        "cert_untrusted",
        "acs",
        _aio_send("start_tls=True", _AIO_ACCOUNT),
        _AIO_FIX,
        trusting=False,
    ),
    Case(
        "cert_hostname_mismatch",
        "acs",
        _aio_send("start_tls=True", _AIO_ACCOUNT),
        _AIO_FIX,
    ),
    Case("auth_not_performed", "acs", _aio_send("start_tls=True"), _AIO_FIX),
    Case("login_initial_response_rejected", "login", _AIO_LOGIN, _AIO_FIX),
    Case(
        "auth_command_too_long",
        "token",
        _AIO_TLS + "await smtp.auth_xoauth2(username, token)\n",
        _AIO_TLS + "{fix}" + _AIO_SEND,
    ),
    Case(
        "helo_rejected",
        "names",
        _aio_send("start_tls=True", 'local_hostname="localhost"', _AIO_ACCOUNT),
        _AIO_FIX,
    ),
    Case(
        "account_name_used_as_sender",
        "acs",
        _aio_send("start_tls=True", "sender=username", _AIO_ACCOUNT),
        _AIO_FIX,
    ),
    Case(
        "sender_domain_not_linked",
        "acs",
        _aio_send("start_tls=True", 'sender="me@elsewhere.example"', _AIO_ACCOUNT),
        _AIO_FIX,
    ),
    Case(
        "client_tls_disabled",
        "acs",
        "import ssl\n"
        + _OLD_TLS
        + _aio_send("start_tls=True", "tls_context=context", _AIO_ACCOUNT),
        _AIO_FIX,
    ),
    Case("auth_not_advertised", "nobody", _aio_send("start_tls=True", _AIO_ACCOUNT), _AIO_FIX),
    Case(
        "mechanism_advertised_but_broken",
        "broken",
        _AIO_TLS + "await smtp.ehlo()\nawait smtp.auth_crammd5(username, password)\n",
        _AIO_FIX,
        told_by="logins",
    ),
    Case(
        "host_setting_malformed",
        "acs",
        _aio_send("start_tls=True", _AIO_ACCOUNT).replace("{host}", "smtp://{host}"),
        _AIO_FIX + "await smtp.connect()\nawait smtp.login(username, password)" + _AIO_SEND,
    ),
    Case(
        "empty_password_sent",
        "acs",
        _aio_send("start_tls=True", "username=username"),
        "{fix}" + _aio_send("start_tls=True", _AIO_ACCOUNT),
        told_by="record",
    ),
    Case(
        "envelope_sender_missing",
        "acs",
        _AIO_LOGIN + 'await smtp.sendmail("", [recipient], bytes(message))\n',
        _AIO_FIX,
    ),
    Case(
        "missing_from_header",
        "plain",
        'del message["From"]\n' + _aio_send("start_tls=True", "sender=sender", _AIO_ACCOUNT),
        "{fix}" + _aio_send("start_tls=True", _AIO_ACCOUNT),
    ),
    Case(
        "line_too_long",
        "plain",
        f'message.set_content({_LONG_TEXT}, cte="7bit")\n'
        + _aio_send("start_tls=True", _AIO_ACCOUNT),
        f"text = {_LONG_TEXT}\n{{fix}}" + _aio_send("start_tls=True", _AIO_ACCOUNT),
    ),
    Case(
        "raw_utf8_headers",
        "plain",
        f"message = {_RAW_HEADERS}\n"
        + _aio_send("start_tls=True", "sender=sender, recipients=[recipient]", _AIO_ACCOUNT),
        'subject = "Gr\u00fc\u00dfe"\n{fix}' + _aio_send("start_tls=True", _AIO_ACCOUNT),
    ),
    Case(
        "client_config_conflict",
        "acs",
        _aio_send("start_tls=True", "use_tls=True", _AIO_ACCOUNT),
        _AIO_FIX,
    ),
)


def _django(*settings: str) -> str:
    usual = (
        "import os",
        'EMAIL_HOST = "{host}"',
        "EMAIL_PORT = {port}",
        "EMAIL_HOST_USER = username",
        "EMAIL_HOST_PASSWORD = password",
    )
    return "\n".join((*usual, *settings, ""))


_FROM_URL: Final = """\
from urllib.parse import unquote, urlsplit
parts = urlsplit(EMAIL_URL)
EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS = parts.hostname, parts.port, True
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(parts.username), unquote(parts.password)
"""


def _django_only(mechanism: str) -> str:
    code = DJANGO_FIXES["only_login"].code or ""
    return code.replace('"LOGIN"', f'"{mechanism}"').replace(
        "auth_login", f"auth_{mechanism.lower().replace('-', '_')}"
    )


_DJANGO: Final = _django("EMAIL_USE_TLS = True")
DJANGO: Final = (
    Case("starttls_required", "acs", _django(), "import os\n{fix}"),
    Case(
        "implicit_tls_on_starttls_port", "acs", _django("EMAIL_USE_SSL = True"), "import os\n{fix}"
    ),
    Case(
        "starttls_on_implicit_tls_port",
        "acs",
        _DJANGO + "EMAIL_TIMEOUT = 0.5\n",
        "import os\n{fix}",
        door="smtps",
        told_by="probe",
    ),
    Case("cert_untrusted", "acs", _DJANGO, _DJANGO + "{fix}", trusting=False),
    Case("cert_hostname_mismatch", "acs", _DJANGO, _DJANGO + "{fix}"),
    Case("auth_not_performed", "acs", _DJANGO + 'EMAIL_HOST_USER = ""\n', "import os\n{fix}"),
    Case("auth_not_advertised", "nobody", _DJANGO, _DJANGO + "{fix}"),
    Case("login_initial_response_rejected", "login", _DJANGO, _DJANGO + "{fix}"),
    Case("non_ascii_password", "utf8", _DJANGO, _DJANGO + "{fix}"),
    Case("helo_rejected", "names", _DJANGO, _DJANGO + "{fix}"),
    Case(
        "account_name_used_as_sender",
        "acs",
        _DJANGO + "DEFAULT_FROM_EMAIL = username\n",
        _DJANGO + "{fix}",
    ),
    Case(
        "sender_domain_not_linked",
        "acs",
        _DJANGO + 'DEFAULT_FROM_EMAIL = "me@elsewhere.example"\n',
        _DJANGO + "{fix}",
    ),
    Case(
        "client_tls_disabled",
        "acs",
        _DJANGO
        + "import ssl\n"
        + _OLD_TLS
        + "from django.core.mail.backends.smtp import EmailBackend\n"
        "class Backend(EmailBackend):\n    ssl_context = context\n",
        "import os\n{fix}",
    ),
    Case("mechanism_not_offered", "acs", _DJANGO + _django_only("PLAIN"), "import os\n{fix}"),
    Case(
        "mechanism_advertised_but_broken",
        "broken",
        _DJANGO + _django_only("CRAM-MD5"),
        _DJANGO + "{fix}",
        told_by="logins",
    ),
    Case(
        "auth_command_too_long",
        "token",
        _DJANGO + (DJANGO_FIXES["xoauth2"].code or ""),
        _DJANGO + "{fix}",
    ),
    Case(
        "credential_url_encoding",
        "words",
        'EMAIL_URL = f"smtp+tls://{username}:{password}@{host}:{port}"\n' + _FROM_URL,
        "{fix}" + _FROM_URL,
    ),
    Case(
        "host_setting_malformed",
        "acs",
        _DJANGO + 'EMAIL_HOST = "smtp://{host}"\n',
        _DJANGO + 'EMAIL_HOST = "smtp://{host}"\n{fix}',
    ),
    Case("client_config_conflict", "acs", _DJANGO + "EMAIL_USE_SSL = True\n", "import os\n{fix}"),
)
