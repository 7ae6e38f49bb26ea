"""TLS towards a next hop, by the ``tls`` of its target: required, opportunistic, implicit, none."""

from dataclasses import replace

from gatepost.client.session import ClientSession
from gatepost.client.smtp_sign_in import CredentialSource
from gatepost.client.steps import Conversation
from gatepost.errors import GatepostError, Refused, TlsError
from gatepost.model.route import HopTls
from gatepost.net.tls import Trust


def open_session(session: ClientSession, tls: HopTls, *, in_clear: bool) -> Conversation[None]:
    """Read the greeting and send EHLO, with TLS as far as it is wanted. Raises Refused, TlsError.

    ``in_clear``: do not try opportunistic TLS, because it has failed.
    """
    yield from session.open(implicit=tls == "implicit", start_tls=tls == "required")
    if tls == "opportunistic" and not in_clear and "STARTTLS" in session.capabilities:
        try:
            yield from session.start_tls()
        except Refused as refused:  # RFC 3207 4: the client may go on without
            if refused.command != "STARTTLS" or not session.is_usable:
                raise


def may_go_on_in_clear(tls: HopTls, error: GatepostError) -> bool:
    """Tell whether another connection may do without TLS, because of the error of this one (RFC
    7435 3)."""
    is_of_tls = isinstance(error, TlsError) or error.phase in ("starttls", "tls")
    return tls == "opportunistic" and is_of_tls


def trust_of(tls: HopTls, trust: Trust, sign_in: CredentialSource | None) -> Trust:
    """Return how the server's certificate is verified, and which of ours it gets.

    Opportunistic TLS does not verify it (RFC 7435 3).
    """
    if sign_in is not None and sign_in.certificate is not None:
        trust = replace(trust, certificate=sign_in.certificate, key=sign_in.key)
    return replace(trust, verify=False) if tls == "opportunistic" else trust
