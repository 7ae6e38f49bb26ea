"""PHPMailer: CRAM-MD5 first and no second try; SMTPSecure must fit the port."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_ACCOUNT: Final = """\
$mail->isSMTP();
$mail->Host = '{{host}}';
$mail->Port = {{port}};
$mail->SMTPAuth = true;
$mail->Username = $username;
$mail->Password = $password;
"""
_LOGIN: Final = f"""\
{_ACCOUNT}$mail->AuthType = 'LOGIN';
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
"""

_PLAIN: Final = f"""\
{_ACCOUNT}$mail->AuthType = 'PLAIN';
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
"""

_STARTTLS: Final = f"""\
{_ACCOUNT}$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS; // 'tls'
"""

_IMPLICIT: Final = f"""\
{_ACCOUNT}$mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS; // 'ssl'
"""

_XOAUTH2: Final = """\
$mail->AuthType = 'XOAUTH2';
$mail->setOAuth($tokens); // an OAuthTokenProvider; its getOauth64() returns
// base64_encode("user={$username}\\001auth=Bearer {$token}\\001\\001")
"""

_TRUST: Final = """\
$mail->SMTPOptions = ['ssl' => ['cafile' => '/path/to/ca.pem']];
"""

LIBRARY: Final = Library(
    name="phpmailer",
    title="PHPMailer",
    aliases=("php", "wordpress"),
    mechanisms=("CRAM-MD5", "LOGIN", "PLAIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"XOAUTH2"}),
    hello="{node}",
    tls="auto",
    cures=MappingProxyType(
        {
            "login": Cure("Take LOGIN, not what AuthType names now:", _LOGIN),
            "plain": Cure("Take PLAIN, not what AuthType names now:", _PLAIN),
            "xoauth2": Cure("Sign in with an access token:", _XOAUTH2),
            "starttls": Cure("ENCRYPTION_STARTTLS ('tls') is what this port wants:", _STARTTLS),
            "implicit": Cure("ENCRYPTION_SMTPS ('ssl') is what this port wants:", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                "$mail->Host = '{{name}}';\n",
            ),
            "no_auth": Cure("Switch the sign-in off:", "$mail->SMTPAuth = false;\n"),
        }
    ),
)
