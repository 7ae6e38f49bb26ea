"""Typical configuration files without faults; the faulty ones are derived from them."""

from typing import Final

TENANT: Final = "3f2b0a64-1c7e-4f7a-9d0a-5a6f1b2c3d4e"
APPLICATION: Final = "8d1e7c52-0a3b-4c5d-8e6f-7a8b9c0d1e2f"
ENTRA: Final = f"my-resource.{APPLICATION}.{TENANT}"
SECRET: Final = "Xy8Q~" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3c"

HEALTHY: Final[dict[str, str]] = {
    ".env": f"""\
# mail
SMTP_HOST=smtp.azurecomm.net
SMTP_PORT=587
SMTP_STARTTLS=true
SMTP_USERNAME={ENTRA}
SMTP_PASSWORD='{SECRET}'
SMTP_FROM=DoNotReply@mail.contoso.org
""",
    "nextauth/.env.local": """\
EMAIL_SERVER=smtp://apikey:SG.abcdefghijk.lmnopqrstuvwx@smtp.sendgrid.net:587
EMAIL_FROM="My app <noreply@contoso.org>"
NEXTAUTH_SECRET="a$b#c"
""",
    "laravel/.env": """\
APP_NAME="My Shop"
APP_KEY=base64:abcdef==
DB_PASSWORD=a#b$c
MAIL_MAILER=smtp
MAIL_HOST=smtp.contoso.org
MAIL_PORT=587
MAIL_USERNAME=shop@contoso.org
MAIL_PASSWORD="correct horse"
MAIL_ENCRYPTION=tls
MAIL_FROM_ADDRESS="shop@contoso.org"
MAIL_FROM_NAME="${APP_NAME}"
""",
    "laravel-465/.env": """\
MAIL_MAILER=smtp
MAIL_SCHEME=smtps
MAIL_HOST=smtp.contoso.org
MAIL_PORT=465
MAIL_USERNAME=shop@contoso.org
MAIL_PASSWORD=abc123def
MAIL_FROM_ADDRESS=shop@contoso.org
""",
    "laravel-local/.env": """\
MAIL_MAILER=smtp
MAIL_HOST=mailpit
MAIL_PORT=1025
MAIL_USERNAME=null
MAIL_PASSWORD=null
MAIL_ENCRYPTION=null
MAIL_FROM_ADDRESS="hello@example.com"
""",
    "laravel-log/.env": "MAIL_MAILER=log\nMAIL_HOST=127.0.0.1\n"
    "MAIL_PORT=2525\nMAIL_USERNAME=null\n",
    "symfony/.env": "MAILER_DSN=smtp://me%40contoso.org:p%40ss%2Fw%24rd@smtp.contoso.org:587\n",
    "symfony-465/.env": "MAILER_DSN=smtps://me:secretpass@smtp.contoso.org:465?local_domain=contoso.org\n",
    "symfony-default/.env": "MAILER_DSN=smtp://me:secretpass@smtp.contoso.org:465\n",
    "symfony-null/.env": "MAILER_DSN=null://null\n",
    "symfony-gmail/.env": "MAILER_DSN=gmail+smtp://me%40gmail.com:abcdefghijklmnop@default\n",
    "vaultwarden.env": """\
SMTP_HOST=smtp.contoso.org
SMTP_FROM=vault@contoso.org
SMTP_PORT=587
SMTP_SECURITY=starttls
SMTP_USERNAME=vault@contoso.org
SMTP_PASSWORD=abcdefgh
""",
    "grafana.env": "GF_SMTP_ENABLED=true\nGF_SMTP_HOST=smtp.contoso.org:587\n"
    "GF_SMTP_USER=me@contoso.org\nGF_SMTP_PASSWORD=abcdefgh\n",
    "outline.env": "SMTP_HOST=smtp.contoso.org\nSMTP_PORT=465\nSMTP_SECURE=true\n"
    "SMTP_USERNAME=u\nSMTP_PASSWORD=abcdefgh\nSMTP_FROM_EMAIL=me@contoso.org\n",
    "reference.env": "SMTP_HOST=smtp.contoso.org\nSMTP_PORT=587\nSMTP_USER=${MAIL_USER}\n"
    "SMTP_PASSWORD=$MAIL_PASSWORD\n",
    "mastodon.env": "SMTP_SERVER=smtp.mailgun.org\nSMTP_PORT=587\n"
    "SMTP_LOGIN=postmaster@mg.contoso.org\n"
    "SMTP_PASSWORD=abcdefgh\nSMTP_FROM_ADDRESS=notifications@contoso.org\n"
    "SMTP_AUTH_METHOD=plain\nSMTP_OPENSSL_VERIFY_MODE=peer\nSMTP_ENABLE_STARTTLS=auto\n",
    "discourse.env": "DISCOURSE_SMTP_ADDRESS=smtp.contoso.org\nDISCOURSE_SMTP_PORT=587\n"
    "DISCOURSE_SMTP_USER_NAME=me\nDISCOURSE_SMTP_PASSWORD='a$b#c'\n",
    "settings.py": """\
import os
from pathlib import Path

DEBUG = False
INSTALLED_APPS = ["django.contrib.auth"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.X"}]
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = "smtp.contoso.org"
EMAIL_PORT = 587
EMAIL_USE_TLS = True
EMAIL_USE_SSL = False
EMAIL_HOST_USER = os.environ["EMAIL_USER"]
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_PASSWORD", "")
DEFAULT_FROM_EMAIL = "Shop <shop@contoso.org>"
""",
    "gmail/settings.py": """\
EMAIL_HOST = 'smtp.gmail.com'
EMAIL_PORT = 465
EMAIL_USE_SSL = True
EMAIL_HOST_USER = 'me@gmail.com'
EMAIL_HOST_PASSWORD = 'abcd efgh ijkl mnop'
""",
    "environ/settings.py": """\
import environ
env = environ.Env(EMAIL_USE_TLS=(bool, True))
EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env.int("EMAIL_PORT", default=587)
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=True)
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
""",
    "decouple/settings.py": """\
from decouple import config
EMAIL_HOST = config("EMAIL_HOST", default="smtp.contoso.org")
EMAIL_USE_TLS = config("EMAIL_USE_TLS", default=True, cast=bool)
EMAIL_USE_SSL = os.environ.get("EMAIL_USE_SSL", "False") == "True"
EMAIL_PORT = config("EMAIL_PORT", default=587, cast=int)
""",
    "debug/settings.py": """\
DEBUG = True
if DEBUG:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
else:
    EMAIL_HOST = "smtp.contoso.org"
    EMAIL_PORT = 587
    EMAIL_USE_TLS = True
    EMAIL_HOST_USER = "me@contoso.org"
    EMAIL_HOST_PASSWORD = "abcdefgh"
""",
    "mailers/settings.py": """\
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "smtp.contoso.org", "port": 587, "use_tls": True,
                    "username": "me@contoso.org", "password": "abcdefgh"},
    },
}
INSTALLED_APPS = []
""",
    "flask/config.py": """\
class Config:
    MAIL_SERVER = "smtp.contoso.org"
    MAIL_PORT = 465
    MAIL_USE_SSL = True
    MAIL_USE_TLS = False
    MAIL_USERNAME = "me@contoso.org"
    MAIL_PASSWORD = "abcdefgh"
""",
    "appsettings.json": """\
{
  // mail
  "Logging": { "LogLevel": { "Default": "Information" } },
  "Smtp": {
    "Host": "smtp.office365.com",
    "Port": 587,
    "EnableSsl": true,
    "Username": "me@contoso.org", /* the mailbox */
    "Password": "p@ss\\\\word",
    "From": "me@contoso.org",
  },
  "AllowedHosts": "*"
}
""",
    "appsettings.Production.json": """\
{
  "EmailSettings": {
    "SmtpServer": "smtp.contoso.org",
    "SmtpPort": "465",
    "SecureSocketOptions": "SslOnConnect",
    "SmtpUsername": "me@contoso.org",
    "SmtpPassword": "#{SmtpPassword}#",
    "SenderEmail": "me@contoso.org",
    "SenderName": "Contoso"
  }
}
""",
    "application.properties": """\
server.port=8080
spring.datasource.password=a\\b
spring.mail.host=smtp.contoso.org
spring.mail.port=587
spring.mail.username=me@contoso.org
spring.mail.password=abc#def$ghi
spring.mail.properties.mail.smtp.auth=true
spring.mail.properties.mail.smtp.starttls.enable=true
spring.mail.properties.mail.smtp.starttls.required=true
""",
    "application-ssl.properties": """\
spring.mail.host = smtp.contoso.org
spring.mail.port = 465
spring.mail.username = ${MAIL_USER}
spring.mail.password = ${MAIL_PASSWORD:}
spring.mail.properties.mail.smtp.ssl.enable = true
""",
    "application.yaml": """\
spring:
  datasource:
    password: 'x'
  mail:
    host: smtp.contoso.org
    port: 587
    username: me@contoso.org
    password: 'a#b: c''d'
    properties:
      mail:
        smtp:
          auth: true
          starttls:
            enable: true
""",
    "application.yml": """\
spring:
  mail:
    host: ${MAIL_HOST:smtp.contoso.org}
    port: 465
    protocol: smtps
    username: ${MAIL_USER}
    password: ${MAIL_PASSWORD}
    properties:
      "[mail.smtps.auth]": true
---
spring:
  config:
    activate:
      on-profile: dev
""",
    "main.cf": """\
# See /usr/share/postfix/main.cf.dist
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
myhostname = mail.contoso.org
mydestination = $myhostname,
    localhost
relayhost = [smtp.contoso.org]:587
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = encrypt
smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt
""",
    "anchors/application.yaml": """\
shared:
  - &pw 'abc$defgh'
spring:
  mail:
    host: smtp.contoso.org
    port: 587
    username: &who ann@contoso.org
    password: *pw
    properties.mail.smtp.starttls.enable: true
""",
    "sasl_passwd": """\
# made a table by postmap
[smtp.contoso.org]:587    ann@contoso.org:abc:def#gh
smtp.contoso.net ann:correct horse
""",
    "variable/main.cf": "relayhost = $mydomain\nsmtp_sasl_auth_enable = yes\n"
    "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
    "smtp_sasl_security_options = noanonymous\nsmtp_tls_security_level = encrypt\n",
    "composed/.env": "MAILER_DSN=smtp://${SMTP_USER}:${SMTP_PASS}@${SMTP_HOST:-mail}:$SMTP_PORT\n",
    "failover/.env": "MAILER_DSN='failover(smtp://ann:abc%40def@smtp.contoso.org:587 "
    "smtps://ann:abcdef@smtp.contoso.net)'\n",
    "environ-url/.env": "EMAIL_URL=smtp+ssl://ann%40contoso.org:abcdefgh@smtp.contoso.org:465\n",
    "secret-file.env": "SMTP_HOST=smtp.contoso.org\nSMTP_PORT=587\nSMTP_USERNAME=ann\n"
    "SMTP_PASSWORD_FILE=/run/secrets/smtp\nSMTP_IGNORE_TLS=false\n",
    "fastapi/config.py": """\
from fastapi_mail import ConnectionConfig
conf = ConnectionConfig(
    MAIL_USERNAME="ann", MAIL_PASSWORD=open("/run/secrets/smtp").read().strip(),
    MAIL_FROM="ann@contoso.org", MAIL_PORT=587, MAIL_SERVER="smtp.contoso.org",
    MAIL_STARTTLS=True, MAIL_SSL_TLS=False,
)
""",
    "required/mail.js": """\
const t = createTransport({
  host: "smtp.contoso.org", port: 465, secure: true, requireTLS: true,
  auth: { user: "ann@contoso.org", pass: process.env.SMTP_PASS },
});
""",
    "wrapper/main.cf": """\
relayhost = [smtp.contoso.org]:465
smtp_tls_wrappermode = yes
smtp_tls_security_level = encrypt
smtp_sasl_auth_enable = yes
smtp_sasl_security_options =
smtp_sasl_password_maps = static:me@contoso.org:abcdefgh
""",
    "plain/main.cf": "myhostname = mx.contoso.org\nrelayhost =\nsmtp_tls_security_level = may\n",
    ".msmtprc": """\
defaults
auth           on
tls            on
tls_trust_file /etc/ssl/certs/ca-certificates.crt
logfile        ~/.msmtp.log

account        contoso
host           smtp.contoso.org
port           587
from           me@contoso.org
user           me@contoso.org
passwordeval   "gpg --quiet --decrypt ~/.msmtp.gpg"

account        gmail
host           smtp.gmail.com
port           465
tls_starttls   off
from           me@gmail.com
user           me@gmail.com
password       abcdefghijklmnop

account default : contoso
""",
    "local/msmtprc": "account default\nhost localhost\nport 25\nfrom me@contoso.org\n",
    "dsn.txt": "smtps://me%40contoso.org:p%40ss@smtp.contoso.org:465\n",
    "dsn-local.txt": "smtp://localhost:1025\n",
    "dsn-query.txt": "smtp://smtp.contoso.org:587?from=me@contoso.org\n",
    "failover.txt": "failover(smtp://a:b1c2d3@smtp.contoso.org:587 "
    "smtp://e:f@smtp2.contoso.org:587)\n",
    "go.txt": "smtp://me:abcdefgh@smtp.contoso.org:587/?disable_starttls=false\n",
    "production.rb": """\
Rails.application.configure do
  config.action_mailer.delivery_method = :smtp
  config.action_mailer.default_url_options = { host: "contoso.org", port: 3000 }
  config.action_mailer.smtp_settings = {
    address: "smtp.contoso.org",
    port: 587,
    domain: "contoso.org",
    user_name: ENV["SMTP_USER"],
    password: ENV.fetch("SMTP_PASSWORD"),
    authentication: "plain",
    enable_starttls_auto: true
  }
end
""",
    "mail.php": """\
<?php
$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->Host       = 'smtp.contoso.org';
$mail->SMTPAuth   = true;
$mail->Username   = 'me@contoso.org';
$mail->Password   = 'a$b"c';
$mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS;
$mail->Port       = 465;
$mail->setFrom('me@contoso.org', 'Mailer');
""",
    "wp-config.php": """\
<?php
define( 'DB_PASSWORD', "a$b" );
define( 'WPMS_ON', true );
define( 'WPMS_SMTP_HOST', 'smtp.contoso.org' );
define( 'WPMS_SMTP_PORT', 587 );
define( 'WPMS_SSL', 'tls' );
define( 'WPMS_SMTP_AUTH', true );
define( 'WPMS_SMTP_USER', 'me@contoso.org' );
define( 'WPMS_SMTP_PASS', 'abcdefgh' );
""",
    "mailer.js": """\
const transporter = nodemailer.createTransport({
  host: "smtp.contoso.org",
  port: 587,
  secure: false,
  auth: {
    user: process.env.SMTP_USER,
    pass: process.env.SMTP_PASS,
  },
});
""",
    "docker-compose.yml": """\
services:
  app:
    image: app
    ports:
      - "8080:80"
    environment:
      SMTP_HOST: smtp.contoso.org
      SMTP_PORT: "587"
      SMTP_USERNAME: me@contoso.org
      SMTP_PASSWORD: 'pa$$word'
      SMTP_FROM: me@contoso.org
  other:
    environment:
      - SMTP_HOST=smtp.contoso.org
      - SMTP_PORT=587
      - SMTP_PASSWORD=${SMTP_PASSWORD}
""",
    "secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: mail\ndata:\n"
    "  SMTP_HOST: c210cC5jb250b3NvLm9yZw==\n  SMTP_USER: bWU=\n  SMTP_PASSWORD: YWJjZGVmZ2g=\n",
    "grafana.ini": "[smtp]\nenabled = true\nhost = smtp.contoso.org:587\nuser = me\n"
    'password = """a#b;c"""\nfrom_address = me@contoso.org\n',
    "app.ini": "[mailer]\nENABLED = true\nPROTOCOL = smtps\nSMTP_ADDR = smtp.contoso.org\n"
    "SMTP_PORT = 465\nUSER = me\nPASSWD = `a#b`\nFROM = me@contoso.org\n[database]\nPASSWD = a#b\n",
}
