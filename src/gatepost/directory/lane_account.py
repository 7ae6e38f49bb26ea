"""The account of a lane, beside those of the relay's directory.

Its password is random and long, so it needs no slow hash.
"""

from collections.abc import Callable
from typing import Final

from gatepost.directory.contract import Directory
from gatepost.directory.scram_verifiers import make_scram
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.model.value_or_future import Later
from gatepost.sasl.interview import REFUSED, Verifier
from gatepost.sasl.verifiers import cram_md5_state

ITERATIONS: Final = 4_096
"""The minimum of RFC 5802 5.1."""


class LaneDirectory:
    """Implements ``Directory``: one account, which may use any sender, and those of another one."""

    def __init__(self, inner: Callable[[], Directory], username: str, password: Secret) -> None:
        """``inner`` returns the relay's current directory."""
        self._inner, self._username, self._password = inner, username, password

    @property
    def mechanisms(self) -> frozenset[str]:
        """Those of the relay's directory."""
        return self._inner().mechanisms

    def identify(self, credentials: Credentials, mechanism: str) -> Later[Principal | Reply]:
        """See ``Directory``."""
        if credentials.username != self._username:
            return self._inner().identify(credentials, mechanism)
        if credentials.authzid not in ("", self._username):
            return REFUSED.because("authzid_refused: acting as another identity is not permitted")
        if credentials.password is None or credentials.password != self._password:
            return REFUSED.because("password_wrong: this is not the password of the lane")
        return Principal(self._username, mechanism)

    def verifier(self, username: str, mechanism: str) -> Later[Verifier]:
        """See ``Directory``."""
        if username != self._username:
            return self._inner().verifier(username, mechanism)
        principal = Principal(username)
        if scram := make_scram(self._password, ITERATIONS).of(mechanism):
            return Verifier(principal, scram=scram)
        return Verifier(principal, digest_state=cram_md5_state(self._password))

    def standing(self, principal: Principal, sender: Address) -> Later[Standing]:
        """See ``Directory``."""
        if principal.name == self._username:
            return Standing.ALLOWED
        return self._inner().standing(principal, sender)
