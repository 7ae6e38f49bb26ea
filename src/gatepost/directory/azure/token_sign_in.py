"""Logins with an access token: XOAUTH2, and OAUTHBEARER (RFC 7628).

The user name selects the resource, the token authenticates the application. Both must belong to the
same application, which needs the same role as with a secret
(https://learn.microsoft.com/azure/communication-services/quickstarts/email/send-email-smtp/send-email-smtp-oauth).
"""

from datetime import datetime
from typing import Final

from gatepost.directory.azure.entries import ServicePrincipal
from gatepost.directory.azure.login_checks import (
    Denial,
    denied_before_proof,
    resolve,
    still_allowed,
)
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.snapshot import ClaimedIdentity, Snapshot
from gatepost.directory.azure.tokens import COMMUNICATION, AccessTokens, Claims, InvalidToken
from gatepost.model.credentials import Principal

MECHANISMS: Final = frozenset({"XOAUTH2", "OAUTHBEARER"})
_SCOPE: Final = "https://communication.azure.com/.default"


def claims_of(token: str, tokens: AccessTokens) -> Claims | Denial:
    """Return the claims of ``token``, or why it is refused."""
    try:
        return tokens.verify(token, COMMUNICATION)
    except InvalidToken as error:
        advice = f"; ask for the scope {_SCOPE}" if error.slug == "token_audience_wrong" else ""
        return Denial(error.slug, f"{error}{advice}")


def identify_by_token(
    snapshot: Snapshot, username: str, proof: Claims | Denial, *, rules: Rules, now: datetime
) -> Principal | Denial:
    """Return the principal that signs in as ``username`` with a token with the claims ``proof``.

    The order of the reasons is that for secrets: user name, resource, tenant, application, token,
    service principal, role.
    """
    claim = snapshot.allowed.get(username) or resolve(snapshot, username)
    if isinstance(claim, Denial):
        return claim
    if not isinstance(proof, Denial):
        proof = _mismatch(claim, proof) or proof
    if isinstance(proof, Denial):
        return denied_before_proof(snapshot, claim, rules, now) or proof
    allowed = still_allowed(snapshot, username, rules, now)
    if isinstance(allowed, Denial):
        return allowed
    if snapshot.get(ServicePrincipal, proof.principal_id) is None:
        return Denial(
            "token_principal_gone", "the service principal that got the token was deleted"
        )
    return claim.proven_by("")


def _mismatch(claim: ClaimedIdentity, proof: Claims) -> Denial | None:
    if proof.application_id.lower() != claim.application_id.lower():
        return Denial(
            "token_application_mismatch",
            "the token is of another application than the one that the user name stands for",
        )
    if proof.tenant_id.lower() != claim.tenant_id.lower():
        return Denial("token_tenant_mismatch", "the token is of another tenant than the user name")
    return None
