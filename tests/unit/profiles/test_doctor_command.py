"""The command that shows a server's fault."""

import pytest

from gatepost.model.profile import Profile
from gatepost.model.server_behaviour import Quirk
from gatepost.profiles.doctor_command import doctor_command

READY = {
    "smtp": {"host": "127.0.0.1", "port": 2587},
    "smtps": {"host": "127.0.0.1", "port": 2465},
    "ca_file": "ca.pem",
    "username": "me",
    "from": "me@example.com",
}


@pytest.mark.parametrize(
    ("quirk", "command"),
    [
        (Quirk(), ""),
        (Quirk("cert_expired"), "127.0.0.1:2587 --ca-file ca.pem"),
        (Quirk("x", tls="implicit"), "127.0.0.1:2465 --ca-file ca.pem --tls implicit"),
        (Quirk("x", "curl"), "127.0.0.1:2587 --ca-file ca.pem --as curl"),
        (
            Quirk("x", login="right", mail_from="own", recipients=2, send=True, try_all=True),
            (
                "127.0.0.1:2587 --ca-file ca.pem --username me --password-file PASSWORD "
                "--from me@example.com --to recipient0@example.net --to recipient1@example.net "
                "--try-all --send"
            ),
        ),
        (
            Quirk("x", login="token"),
            "127.0.0.1:2587 --ca-file ca.pem --username me --token-file TOKEN",
        ),
    ],
)
def test_it_says_what_the_quirk_asks_for(quirk: Quirk, command: str) -> None:
    expected = f"gatepost doctor {command}" if command else ""
    assert doctor_command(Profile("mine", quirk=quirk), READY) == expected


def test_a_port_that_is_off_cannot_be_asked() -> None:
    assert doctor_command(Profile("mine", quirk=Quirk("x")), READY | {"smtp": None}) == ""
