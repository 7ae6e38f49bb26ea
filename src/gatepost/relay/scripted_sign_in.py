"""Logins that rules of scripted failures are asked about, before the client knows the verdict."""

from collections.abc import Callable
from functools import partial

from gatepost.directory.azure.username import UsernameError, parse_username
from gatepost.model.credentials import Principal
from gatepost.model.reply import Reply
from gatepost.relay.authenticate import Authentication
from gatepost.relay.sign_in import SignIn

Review = Callable[[Authentication, Principal | Reply, Callable[[], None]], None]
"""Takes a login, its verdict, and what tells the client."""


class ScriptedSignIn(SignIn):
    """Passes each verdict to ``review`` first."""

    __slots__ = ("review",)

    review: Review

    def _conclude(self, auth: Authentication, verdict: Principal | Reply) -> None:
        self._auth = None
        self.review(auth, verdict, partial(super()._conclude, auth, verdict))


def application_of(claimed: str, verdict: Principal | Reply) -> str:
    """Return the id of the application that signs in, or the name of an account."""
    if isinstance(verdict, Principal):
        return verdict.application_id or verdict.name
    try:
        return parse_username(claimed).application_id
    except UsernameError:
        return claimed
