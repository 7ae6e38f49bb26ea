"""The report of ``gatepost send``."""

import pytest

from gatepost.cli.send_report import print_failure
from gatepost.errors import Refused
from gatepost.model.reply import Reply
from gatepost.model.transcript import Transcript


def test_a_terminal_obeys_nothing_that_a_server_says(capsys: pytest.CaptureFixture[str]) -> None:
    transcript = Transcript()
    transcript.server("550-no\x1b[2J\n550 \udc9b31m")
    error = Refused(Reply(550, "no\x1b[2J\n\ta\x07"), "NOOP").at("mail", transcript)
    print_failure(error, as_json=False, verbose=True)
    assert capsys.readouterr().err == (
        "Not sent: failed at mail: 550 no\ufffd[2J\n        a\ufffd\n"
        "  it was the reply to NOOP\n\n  S: 550-no\ufffd[2J\n  S: 550 \ufffd31m\n"
    )
