"""The smallest configuration, and a function that lists the mistakes of any."""

import pytest

from gatepost.config.load import parse_config
from gatepost.config.problems import ConfigProblems

TENANT = "00000000-0000-4000-8000-00000000000a"


SMALL = """\
[[listener]]
address = "127.0.0.1:2525"
tls = "none"
[target.here]
kind = "capture"
[[route]]
to = "here"
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        parse_config(text, "g.toml")
    return [str(each) for each in caught.value.problems]
