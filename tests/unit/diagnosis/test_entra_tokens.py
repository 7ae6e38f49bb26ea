"""Tokens, read without verification: their claims, other texts, and what is never kept."""

import base64
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.diagnosis.entra.tokens import MAX_TOKEN, read_token
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.identity.token import examine_token
from gatepost.model.finding import Finding
from gatepost.profiles import load_profile
from tests.unit.diagnosis.cases import but, hello, judged, login, tried

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TENANT = "66666666-7777-8888-9999-000000000000"
APPLICATION = "11111111-2222-3333-4444-555555555555"
ACS = "https://communication.azure.com"
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
    (token(aud="https://outlook.office365.com"),     "",  "oauth_scope_wrong"),
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
