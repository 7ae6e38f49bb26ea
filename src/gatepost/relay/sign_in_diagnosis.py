"""The doctor's diagnosis of a sign-in that does not work: the id of a finding and a sentence."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.client_errors import finding_of, fix_of
from gatepost.diagnosis.diagnose import diagnose
from gatepost.model.delivery import Contact
from gatepost.model.evidence import (
    AuthAttempt,
    ClientFacts,
    CommandExchange,
    Evidence,
    Fact,
    Target,
    seen,
)
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.reply_lessons import is_of_setup
from gatepost.relay.transport.sign_in_evidence import LONGEST

_SUBMISSION: Final = 587
_SIGNED_IN: Final = Reply(235, "")
"""RFC 4954 6."""


@dataclass(frozen=True, slots=True)
class SignInDiagnosis:
    """Why no message can be sent, and what to do about it."""

    finding: str = ""
    """The id of a finding; empty if none is known."""
    sentence: str = ""


def diagnose_sign_in(result: AttemptResult, profiles: Iterable[Profile] = ()) -> SignInDiagnosis:
    """Return what is wrong. ``profiles`` are the providers that can be recognised."""
    if result.evidence is not None:
        for finding in diagnose(result.evidence, profiles).findings:
            fix = CAUSES[finding.id].relay_fix or finding.fix
            return SignInDiagnosis(finding.id, f"{finding.summary} {fix}".strip())
    error = result.error
    if error is not None:
        id_ = finding_of(error)
        cause = CAUSES.get(id_)
        if cause is None:
            return SignInDiagnosis(id_, result.attempt.reply.reason or str(error))
        fix = fix_of(error) or cause.relay_fix or cause.fix
        return SignInDiagnosis(id_, f"{error}. {fix}")
    return SignInDiagnosis("", result.attempt.reply.reason or str(result.attempt.reply))


_ALL_THE_SAME: Final = (
    "The login succeeded: the server may have forgotten it, or the account may be locked or not "
    "allowed to send."
)


_NO_ACCESS: Final = (
    "Exchange Online accepts the login, but the application may not open the mailbox, or not yet. "
    "With the permission SMTP.SendAsApp it needs FullAccess to the mailbox (Add-MailboxPermission "
    "for its service principal); with RBAC for Applications, the role Application SMTP.SendAsApp "
    "on it. A new grant takes effect after up to two hours."
)
"""Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth"; field reports of
430 4.2.0 STOREDRV, which went away when FullAccess took effect."""


def diagnose_refused_mail(
    contact: Contact, reply: Reply, profiles: Iterable[Profile] = ()
) -> SignInDiagnosis:
    """Return why mail is refused to our identity, signed in or not (RFC 4954 6: 530, 538)."""
    if is_of_setup(reply):
        return SignInDiagnosis("access_not_propagated", f"{reply}. {_NO_ACCESS}")
    signed_in, tls = bool(contact.mechanism), bool(contact.tls)
    login = AuthAttempt(
        contact.mechanism, "initial", _SIGNED_IN, tls, secret_sent=True, accepted=True
    )
    reply = replace(reply, text=reply.text[:LONGEST])
    seen_of_it = Evidence(
        "probe", target=Target(contact.host, _SUBMISSION), client=ClientFacts(signs_in=signed_in),
        auth=seen((login,)) if signed_in else Fact(),
        mail=seen(CommandExchange("", reply, tls, signed_in)), position="mail",
        failure=str(reply),
    )  # fmt: skip
    for finding in diagnose(seen_of_it, profiles).findings:
        fix = finding.fix if signed_in else CAUSES[finding.id].relay_fix or finding.fix
        return SignInDiagnosis(finding.id, f"{finding.summary} {fix}".strip())
    return SignInDiagnosis("", f"{reply}. {_ALL_THE_SAME}" if signed_in else str(reply))
