"""What a client's own words imply, known from how that client works."""

from typing import Final

from gatepost.diagnosis.signs.reading import Reading
from gatepost.diagnosis.signs.sign import Sign


def says_auth_login(reading: Reading) -> bool:
    """aiosmtplib's function that sends the user name with AUTH LOGIN stands in a traceback."""
    return "in auth_login" in reading.text


def sender_is_empty(reading: Reading) -> bool:
    """MAIL FROM is seen, and names nobody."""
    mail = reading.seen.mail.value
    return mail is not None and not mail.argument


# fmt: off
SIGNS: Final = (
    # says so only where it has no TLS
    Sign("starttls_required", 17, ("try connecting via tls (or starttls)",)),
    Sign("client_config_conflict", 16, ("options are not compatible",)),
    Sign("login_initial_response_rejected", 14, codes=(500, 501, 502, 503), when=says_auth_login),
    # these end with another error when a sign-in is refused, so nobody tried to
    Sign("auth_not_performed", 13, ("smtpsenderrefused: (530", "mail command failed: 530"),
         unless=("starttls", "5.7.139")),
    # nobody's domain cannot be linked
    Sign("sender_domain_not_linked", -20, codes=(501, 550), at=("mail",), when=sender_is_empty),
)
# fmt: on
