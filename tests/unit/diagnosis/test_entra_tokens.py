"""Tokens, read without verification: their claims, other texts, and what is never kept."""

import base64
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.diagnosis.entra.access_tokens import MAX_TOKEN, read_token
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.identity.token_claims import examine_token
from gatepost.model.entra import Behind, EntraName
from gatepost.model.evidence import Target
from gatepost.model.finding import Diagnosis, Finding
from gatepost.profiles import known_providers, load_profile
from tests.unit.diagnosis.cases import (
    DAY,
    GOOD,
    but,
    client,
    hello,
    judged,
    login,
    mail,
    reply,
    tls,
    tried,
)

PROFILES = [load_profile(name) for name in known_providers()]
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TENANT = "66666666-7777-8888-9999-000000000000"
APPLICATION = "11111111-2222-3333-4444-555555555555"
ACS = "https://communication.azure.com"
EXCHANGE = "https://outlook.office365.com"
SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS10b2tlbi10aGF0LW5vYm9keS1zZWVz"


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def token(**claims: Any) -> str:
    """A token for Azure Communication Services that is good for an hour, but for these claims."""
    whole = {
        "aud": ACS, "iss": f"https://sts.windows.net/{TENANT}/", "tid": TENANT,
        "appid": APPLICATION, "oid": "a" * 8, "exp": int(NOW.timestamp()) + 3600,
        "nbf": int(NOW.timestamp()) - 300, **claims,
    }  # fmt: skip
    kept = {name: value for name, value in whole.items() if value is not None}
    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(kept)}.{SIGNATURE}"


def test_its_claims() -> None:
    seen = read_token(token(roles=["Mail.Send"], scp="SMTP.Send User.Read", upn="ann@example.com"))
    assert (seen.form, seen.audience, seen.tenant_id) == ("jwt", ACS, TENANT)
    assert (seen.application_id, seen.username) == (APPLICATION, "ann@example.com")
    assert (seen.roles, seen.scopes) == (("Mail.Send",), ("SMTP.Send", "User.Read"))
    assert seen.expires_at == NOW + timedelta(hours=1)
    assert SIGNATURE not in str(asdict(seen))


def test_version_2_names_the_application_otherwise() -> None:
    assert read_token(token(appid=None, azp=APPLICATION)).application_id == APPLICATION


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": 7}, {"aud": ["a", "b"]}, {"aud": ["x"]}, {"exp": "soon"}, {"exp": 1e300},
        {"exp": -1}, {"exp": True}, {"roles": "all"}, {"roles": [7, None]}, {"scp": ["x"]},
        {"tid": "\x1b[31mred"}, {"appid": "x" * 10_000}, {"upn": {"deep": []}},
    ],
    ids=str,
)  # fmt: skip
def test_any_claims_can_be_examined(claims: dict[str, Any]) -> None:
    seen = read_token(token(**claims))
    assert seen.form == "jwt"
    assert all(len(str(each)) < 300 for each in asdict(seen).values())
    assert "\x1b" not in str(asdict(seen))


# fmt: off
INSTEAD = [
    ("",                                         "empty",     ""),
    (APPLICATION,                                "opaque",    "guid"),
    ("endpoint=https://x/;accesskey=abc",        "opaque",    "connection_string"),
    ('{"access_token": "x"}',                    "opaque",    "answer"),
    ("Bearer abc.def.ghi",                       "opaque",    "header"),
    ("Authorization: Bearer abc",                "opaque",    "header"),
    ("0.AAAAAAAAAAAAAAAAAAAAAAAA",               "opaque",    "refresh_token"),
    ("ya29.a0AfB",                               "opaque",    "google_token"),
    ("abc8Q~defghijklmnopqrstuvwxyz0123456789",  "opaque",    "client_secret"),
    (f"{token()}\n",                             "damaged",   "white_space"),
    (f" {token()}",                              "damaged",   "white_space"),
    (token().rpartition(".")[0],                 "damaged",   "cut_off"),
    (token()[:60],                               "damaged",   "cut_off"),
    (f"{token().rpartition('.')[0]}.",           "damaged",   "cut_off"),
    ("e" * (MAX_TOKEN + 1),                      "damaged",   "too_long"),
    ("eyJh.b.c.d.e",                             "encrypted", ""),
    ("something-else",                           "opaque",    ""),
    ("something else",                           "damaged",   "white_space"),
    ("[.[.[",                                    "damaged",   "cut_off"),
]
# fmt: on


@pytest.mark.parametrize(("text", "form", "looks_like"), INSTEAD)
def test_text_that_is_not_a_token(text: str, form: str, looks_like: str) -> None:
    seen = read_token(text)
    assert (seen.form, seen.looks_like) == (form, looks_like)


def first(text: str, username: str = "") -> Finding | None:
    findings = diagnose_evidence(examine_token(text, username, NOW)).findings
    return findings[0] if findings else None


# fmt: off
FINDINGS = [
    (token(),                                        "",  None),
    (token(aud=f"{ACS}/"),                           "",  None),
    (token(exp=int(NOW.timestamp())),                "",  "token_expired"),
    (token(nbf=int(NOW.timestamp()) + 60),           "",  "token_expired"),
    (token(aud="https://graph.microsoft.com"),       "",  "oauth_scope_wrong"),
    (token(aud="https://management.azure.com/"),     "",  "oauth_scope_wrong"),
    (token(aud=None),                                "",  "oauth_scope_wrong"),
    (token(aud=EXCHANGE, scp="User.Read"),           "",  "oauth_scope_wrong"),
    (token(aud=EXCHANGE, roles=["Mail.Send"]),       "",  None),
    (token(aud="https://outlook.office365.com", scp="IMAP.AccessAsUser.All SMTP.Send"), "", None),
    (token(aud="https://outlook.office365.com", roles=["SMTP.SendAsApp"]), "", None),
    (token(), f"acs-demo.{APPLICATION}.{TENANT}",    None),
    (token(), f"acs-demo.{TENANT}.{TENANT}",         "oauth_wrong_identity"),
    (token(), f"acs-demo.{APPLICATION}.{APPLICATION}", "oauth_wrong_identity"),
    (token(), "smtp-login",                          None),
    (APPLICATION,                                    "",  "wrong_credential_kind"),
    ("",                                             "",  "wrong_credential_kind"),
    (f"{token()}\n",                                 "",  "credential_mangled_by_config"),
    ("something-else",                               "",  None),
    ("eyJh.b.c.d.e",                                 "",  None),
]
# fmt: on


@pytest.mark.parametrize(("text", "username", "wanted"), FINDINGS)
def test_findings_about_tokens(text: str, username: str, wanted: str | None) -> None:
    found = first(text, username)
    assert (found.id if found else None) == wanted
    if found is not None:
        assert found.confidence == "certain"
        assert found.proof
        assert found.fix


def test_a_token_alone_is_healthy_or_a_finding() -> None:
    assert diagnose_evidence(examine_token(token(), "", NOW)).verdict == "healthy"
    assert diagnose_evidence(examine_token("", "", NOW)).verdict == "finding"
    for unreadable in ("something-else", "eyJh.b.c.d.e"):
        unknown = diagnose_evidence(examine_token(unreadable, "", NOW))
        assert unknown.verdict == "unknown"
        assert "--token-file" in unknown.next_probe


def test_a_refused_token_whose_mechanism_is_not_listed() -> None:
    """A 535 to XOAUTH2 at Azure Communication Services is about the token, not the mechanism."""
    acs = load_profile("acs")
    seen = but(
        over_tls=hello("AUTH LOGIN"), login=login("token"), seen_at=NOW,
        token=read_token(token(aud="https://graph.microsoft.com")), provider="acs",
        auth=tried(judged("XOAUTH2", "535 5.7.3 Authentication unsuccessful")),
    )  # fmt: skip
    ids = [each.id for each in diagnose(seen, [acs]).findings]
    assert "mechanism_not_offered" not in ids
    assert "oauth_scope_wrong" in ids


# Exchange Online.

OBJECT = "77777777-0000-1111-2222-333333333333"
SWITCHED_OFF = "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox."
NO_REASON = "535 5.7.3 Authentication unsuccessful"


def at_exchange(
    text: str, reply_to_auth: str, host: str = "smtp.office365.com", **facts: Any
) -> Diagnosis:
    """Diagnose a login with a token at Exchange Online."""
    seen = but(
        target=Target(host, 587), seen_at=NOW, token=read_token(text), login=login("token"),
        over_tls=hello("AUTH LOGIN XOAUTH2"), client=client(),
        tls=tls(replace(GOOD, names=(host,), not_after=NOW + DAY)),
        auth=tried(judged("XOAUTH2", reply_to_auth)), **facts,
    )  # fmt: skip
    return diagnose(seen, PROFILES)


def of_application(**claims: Any) -> str:
    return token(**{"aud": EXCHANGE, "oid": OBJECT, **claims})


# fmt: off
LOGINS = [
    # the token says what is wrong
    (of_application(roles=["SMTP.SendAsApp"], exp=1), NO_REASON, "token_expired"),
    (of_application(aud="https://graph.microsoft.com"), NO_REASON, "oauth_scope_wrong"),
    (token(aud=EXCHANGE, scp="User.Read", upn="ann@example.com"), NO_REASON, "oauth_scope_wrong"),
    (of_application(roles=["Mail.Send"]), NO_REASON, "role_missing"),
    (of_application(), NO_REASON, "role_missing"),
    # ... or that nothing in it is
    (of_application(roles=["SMTP.SendAsApp"]), NO_REASON, "service_principal_missing"),
    # ... or the server does
    (of_application(roles=["SMTP.SendAsApp"]), SWITCHED_OFF, "smtp_auth_disabled_mailbox"),
    (of_application(roles=["Mail.Send"]), "535 5.7.144 Invalid API permissions", "role_missing"),
    (of_application(roles=["SMTP.SendAsApp"]), "535 5.7.143 Expired token", "token_expired"),
]
# fmt: on


@pytest.mark.parametrize(("text", "answer", "cause"), LOGINS)
def test_a_login_with_a_token_at_exchange(text: str, answer: str, cause: str) -> None:
    ids = [each.id for each in at_exchange(text, answer).findings]
    assert ids[0] == cause
    if cause in ("smtp_auth_disabled_mailbox", "token_expired", "oauth_scope_wrong"):
        assert "service_principal_missing" not in ids


def test_the_commands_name_the_ids_of_the_token() -> None:
    found = at_exchange(of_application(roles=["SMTP.SendAsApp"]), NO_REASON).findings[0]
    [remedy] = found.remedies
    assert f"New-ServicePrincipal -AppId {APPLICATION} -ObjectId {OBJECT}\n" in (remedy.code or "")
    assert f"-User {OBJECT}" in (remedy.code or "")
    odd = at_exchange(of_application(roles=["SMTP.SendAsApp"], oid="x; Remove-Mailbox"), NO_REASON)
    assert "Remove" not in (odd.findings[0].remedies[0].code or "")


def test_a_role_by_rbac_for_applications_is_not_in_the_token() -> None:
    [first, *_] = at_exchange(of_application(), NO_REASON).findings
    assert (first.id, first.confidence) == ("role_missing", "likely")
    assert f"Test-ServicePrincipalAuthorization -Identity {APPLICATION}" in first.next_probe


def test_high_volume_email_wants_another_role() -> None:
    hve = "smtp.hve.mx.microsoft"
    right, wrong = of_application(roles=["Mail.Send"]), of_application(roles=["SMTP.SendAsApp"])
    assert at_exchange(right, NO_REASON, hve).findings[0].id == "service_principal_missing"
    assert at_exchange(wrong, NO_REASON, hve).findings[0].id == "role_missing"


def test_a_mailbox_that_is_not_open_has_two_causes() -> None:
    refusal = reply("430 4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed")
    found = at_exchange(
        of_application(roles=["SMTP.SendAsApp"]), "235 2.7.0 Authentication successful",
        mail=mail("250 ok"), content=refusal,
    )  # fmt: skip
    ids = [each.id for each in found.findings]
    assert ids[0] == "role_missing"
    assert "access_not_propagated" in ids
    assert "certain" not in [each.confidence for each in found.findings]


def test_the_token_of_another_tenant() -> None:
    behind = Behind(EntraName(tenant_id="example.com"), tenant_id=TENANT)
    ours = of_application(roles=["SMTP.SendAsApp"])
    other = of_application(roles=["SMTP.SendAsApp"], tid=OBJECT)
    assert at_exchange(other, NO_REASON, behind=behind).findings[0].id == "oauth_wrong_identity"
    assert at_exchange(ours, NO_REASON, behind=behind).findings[0].id == "service_principal_missing"
