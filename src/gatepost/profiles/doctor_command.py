"""How to run the doctor so that it finds a server's fault."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gatepost.model.profile import Profile

_RECIPIENT: Final = "recipient{}@example.net"


def doctor_command(profile: Profile, ready: Mapping[str, Any]) -> str:
    """Return the command that shows a quirk's cause; empty for a profile without one.

    ``ready`` is the server's entry in ``ready.json``.
    """
    quirk = profile.quirk
    place = ready["smtps" if quirk.tls == "implicit" else "smtp"]
    if not quirk.cause or place is None:
        return ""
    return " ".join(
        ["gatepost doctor", f"{place['host']}:{place['port']}", *_options(profile, ready)]
    )


def _options(profile: Profile, ready: Mapping[str, Any]) -> Iterator[str]:
    quirk = profile.quirk
    own = {"own": ready["from"], "": ready["username"]}
    name = own.get(quirk.username, quirk.username)
    yield f"--ca-file {ready['ca_file']}"
    if quirk.tls != "auto":
        yield f"--tls {quirk.tls}"
    if quirk.library:
        yield f"--as {quirk.library}"
    if quirk.login == "token":
        yield f"--username {name} --token-file TOKEN"
    elif quirk.login != "none":
        yield f"--username {name} --password-file PASSWORD"
    if quirk.mail_from:
        yield f"--from {ready['from'] if quirk.mail_from == 'own' else quirk.mail_from}"
    for number in range(quirk.recipients):
        yield f"--to {_RECIPIENT.format(number)}"
    if quirk.try_all:
        yield "--try-all"
    if quirk.send:
        yield "--send"
