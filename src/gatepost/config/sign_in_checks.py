"""Whether a target's credential can work at all, as far as that is known without the server."""

from typing import Final, assert_never

from gatepost.config.settings import (
    AccessKeyCredential,
    ApiKeyCredential,
    AwsKeyCredential,
    AzureIdentityCredential,
    CertificateCredential,
    CredentialSettings,
    EntraCredential,
    GoogleCredential,
    PasswordCredential,
    RefreshCredential,
)
from gatepost.config.table_reader import TableReader
from gatepost.model.route import SmarthostTarget
from gatepost.net.listen import is_loopback
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.sasl.proofs import Proof

_IN_WORDS: Final[dict[Proof, str]] = {
    "password": "a password",
    "token": "a token",
    "certificate": "a client certificate",
}


def check_sign_in(
    table: TableReader, target: SmarthostTarget, credential: CredentialSettings
) -> None:
    """Report what makes every login fail, whatever the server offers."""
    if isinstance(credential, AccessKeyCredential | AwsKeyCredential):
        table.fault(
            "credential",
            f"{table.name('credential')}: an access key signs REST requests; SMTP does not use it",
        )
        return
    if isinstance(credential, ApiKeyCredential):
        problem = "an API key is for HTTP; where SMTP takes it as a password, write that kind"
        table.fault("credential", f"{table.name('credential')}: {problem}")
        return
    proof = proof_of(credential)
    if proof == "token" and not getattr(credential, "username", ""):
        table.fault(
            "credential",
            f"{table.name('credential')}: a token needs a user name; "
            f"credentials.{credential.name}.username is missing",
        )
    _check_mechanisms(table, target, proof)


def proof_of(credential: CredentialSettings) -> Proof:
    """Return the kind of proof that a credential gives to an SMTP server."""
    match credential:
        case PasswordCredential():
            return "password"
        case CertificateCredential():
            return "certificate"
        case EntraCredential() | AzureIdentityCredential() | GoogleCredential():
            return "token"
        case RefreshCredential():
            return "token"
        case AccessKeyCredential() | ApiKeyCredential() | AwsKeyCredential():
            raise ValueError("a key of an API cannot sign in to an SMTP server")
    assert_never(credential)


def _check_mechanisms(table: TableReader, target: SmarthostTarget, proof: Proof) -> None:
    named = target.mechanisms or tuple(MECHANISMS)
    fitting = [each for each in named if MECHANISMS[each].needs == proof]
    if not fitting:
        table.fault(
            "mechanisms",
            f"{table.name('mechanisms')}: {_IN_WORDS[proof]} cannot be used with "
            f"{' or '.join(named)}",
        )
    elif not all(is_loopback(each.host) for each in target.servers):
        _check_protected(table, target)
    elif not any(_is_protected(target, each) for each in fitting):
        table.fault(
            "tls" if table.has("tls") else None,
            f"{table.name('tls')}: {' or '.join(fitting)} can be used only over TLS to a verified "
            'server; use "required" or "implicit"',
        )


def _check_protected(table: TableReader, target: SmarthostTarget) -> None:
    """To other machines, logins need TLS and a verified certificate."""
    if target.tls in ("opportunistic", "none"):
        table.fault(
            "tls" if table.has("tls") else None,
            f"{table.name('tls')}: secrets are sent only over TLS; "
            'with a credential, use "required" or "implicit"',
        )
    elif not target.verify:
        table.fault(
            "verify",
            f"{table.name('verify')}: secrets are sent only to a server with a verified "
            "certificate; name its authority in ca_file",
        )


def _is_protected(target: SmarthostTarget, mechanism: str) -> bool:
    """Tell whether a mechanism may be used on such a connection."""
    if mechanism == "EXTERNAL" or mechanism.endswith("-PLUS"):
        return target.tls != "none"
    if not MECHANISMS[mechanism].kind.reveals_secret:
        return True
    return target.verify and target.tls in ("required", "implicit")
