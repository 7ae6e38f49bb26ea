"""The table of mechanisms: how to make the client and start the interview, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from gatepost.errors import LocalProtocolError
from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret
from gatepost.sasl.cram_md5 import CramMd5, cram_md5
from gatepost.sasl.exchange import ExchangeContext, Mechanism, UnusableCredentials
from gatepost.sasl.external import External, external
from gatepost.sasl.interview import Interview, Interviewer, ServerSide
from gatepost.sasl.login import EagerLogin, Login, login
from gatepost.sasl.oauthbearer import OauthBearer, oauthbearer
from gatepost.sasl.plain import Plain, plain
from gatepost.sasl.proofs import PROOFS, Proof
from gatepost.sasl.scram import (
    Scram,
    ScramSha1,
    ScramSha1Plus,
    ScramSha256,
    ScramSha256Plus,
    ScramSha512,
    ScramSha512Plus,
    scram,
)
from gatepost.sasl.xoauth2 import Xoauth2, xoauth2


@dataclass(frozen=True, slots=True)
class MechanismEntry:
    """One mechanism, both sides. ``needs`` is the kind of credentials that it proves."""

    kind: type[Mechanism]
    needs: Proof
    client: Callable[[Credentials, ExchangeContext], Mechanism]
    interviewer: Interviewer


def _password(credentials: Credentials) -> Secret:
    if not credentials.username:
        raise UnusableCredentials("there is no user name")
    if not credentials.password:
        raise UnusableCredentials("there is no password, or it is empty")
    return credentials.password


def _token(credentials: Credentials) -> Secret:
    if not credentials.token:
        raise UnusableCredentials("there is no token, or it is empty")
    return credentials.token


def _own_name(credentials: Credentials, mechanism: str) -> str:
    """Return the user name, for mechanisms without an authorization identity."""
    if credentials.authzid not in ("", credentials.username):
        raise UnusableCredentials(f"{mechanism} has no field for an identity to act as")
    if not credentials.username:
        raise UnusableCredentials("there is no user name")
    return credentials.username


def _plain(credentials: Credentials, _side: ExchangeContext) -> Plain:
    return Plain(credentials.username, _password(credentials), credentials.authzid)


def _login(credentials: Credentials, side: ExchangeContext) -> Login:
    kind = EagerLogin if side.eager_login else Login
    return kind(_own_name(credentials, "LOGIN"), _password(credentials))


def _cram_md5(credentials: Credentials, _side: ExchangeContext) -> CramMd5:
    return CramMd5(_own_name(credentials, "CRAM-MD5"), _password(credentials))


def _scram(kind: type[Scram], credentials: Credentials, side: ExchangeContext) -> Scram:
    return kind(
        credentials.username,
        _password(credentials),
        side.nonce,
        side.channel.binding,
        any(name.startswith("SCRAM-") and name.endswith("-PLUS") for name in side.offered),
        credentials.authzid,
    )


def _xoauth2(credentials: Credentials, _side: ExchangeContext) -> Xoauth2:
    return Xoauth2(_own_name(credentials, "XOAUTH2"), _token(credentials))


def _oauthbearer(credentials: Credentials, side: ExchangeContext) -> OauthBearer:
    identity = credentials.authzid or credentials.username
    return OauthBearer(identity, _token(credentials), side.host, side.port)


def _external(credentials: Credentials, _side: ExchangeContext) -> External:
    if not credentials.certificate:
        raise UnusableCredentials("no client certificate was presented")
    return External(credentials.authzid)


def _scram_sides(kind: type[Scram]) -> "_Sides":
    return kind, partial(_scram, kind), partial(scram, kind)


def _alone(interviewer: Callable[[bytes | None], Interview]) -> Interviewer:
    """Adapt an interviewer that needs only the responses."""
    return lambda initial, _side: interviewer(initial)


_Sides = tuple[type[Mechanism], Callable[[Credentials, ExchangeContext], Mechanism], Interviewer]
# fmt: off
_SIDES: Final[Mapping[str, _Sides]] = {
    "SCRAM-SHA-512-PLUS": _scram_sides(ScramSha512Plus),
    "SCRAM-SHA-256-PLUS": _scram_sides(ScramSha256Plus),
    "SCRAM-SHA-1-PLUS":   _scram_sides(ScramSha1Plus),
    "SCRAM-SHA-512":      _scram_sides(ScramSha512),
    "SCRAM-SHA-256":      _scram_sides(ScramSha256),
    "SCRAM-SHA-1":        _scram_sides(ScramSha1),
    "PLAIN":       (Plain,       _plain,       plain),
    "LOGIN":       (Login,       _login,       login),
    "CRAM-MD5":    (CramMd5,     _cram_md5,    cram_md5),
    "OAUTHBEARER": (OauthBearer, _oauthbearer, oauthbearer),
    "XOAUTH2":     (Xoauth2,     _xoauth2,     xoauth2),
    "EXTERNAL":    (External,    _external,    _alone(external)),
}
# fmt: on
MECHANISMS: Final[Mapping[str, MechanismEntry]] = MappingProxyType(
    {
        name: MechanismEntry(kind, PROOFS[name], client, interviewer)
        for name, (kind, client, interviewer) in _SIDES.items()
    }
)


def client(name: str, credentials: Credentials, side: ExchangeContext) -> Mechanism:
    """Return the mechanism ``name``, ready to run.

    Raises UnusableCredentials if it cannot transport the credentials, and LocalProtocolError if
    there is no such mechanism.
    """
    return _entry(name).client(credentials, side)


def interview(name: str, initial: bytes | None, side: ServerSide) -> Interview:
    """Start the interview of mechanism ``name``; ``initial`` is None if nothing came with AUTH.

    Raises LocalProtocolError if there is no such mechanism: offer only what is in the table.
    """
    return _entry(name).interviewer(initial, side)


def _entry(name: str) -> MechanismEntry:
    entry = MECHANISMS.get(name.upper())
    if entry is None:
        raise LocalProtocolError(f"unknown SASL mechanism {name[:40]!r}")
    return entry
