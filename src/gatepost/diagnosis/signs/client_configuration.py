"""Faults in the client's own configuration, which the dialogue does not show."""

import re
from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.sign import Sign

_NOTHING: Final = re.compile(
    r"(?m)\b(?:smtp|mail|email)[\w.:-]{0,24}(?:user(?:name)?|pass(?:word)?|login)['\"]?\s*"
    r"(?:=>|[:=])\s*(?:null|none|nil|undefined|''|\"\")\s*(?:,\s*)?$"
)


def is_set_to_nothing(reading: Reading) -> bool:
    """The user name or password is set to nothing in the log, although one is needed."""
    is_needed = any(each.reply and each.reply.code in (530, 535) for each in reading.refusals)
    return is_needed and _NOTHING.search(reading.text) is not None


# fmt: off
SIGNS: Final = (
    Sign("credentials_missing", when=is_set_to_nothing,
         proof="the user name or the password is set to nothing"),
    Sign("credentials_missing", ("nonetype",), when=lambda r: r.seen.position == "auth"),
    Sign("credentials_missing", ("'nonetype' object has no attribute 'encode'",),
         when=lambda r: "authobject(" in r.text or "in auth_" in r.text),
)
# fmt: on
