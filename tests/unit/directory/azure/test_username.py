"""Composite user names: both forms, split from the right, and the name of each mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.directory.azure.username import CompositeName, UsernameError, parse_username

APP = "11111111-2222-3333-4444-555555555555"
TENANT = "66666666-7777-8888-9999-000000000000"
MIXED = "ABCDEF01-2222-3333-4444-55555555555f"


@pytest.mark.parametrize(
    ("text", "resource", "application", "tenant"),
    [
        (f"acs-demo.{APP}.{TENANT}", "acs-demo", APP, TENANT),
        (f"acs-demo|{APP}|{TENANT}", "acs-demo", APP, TENANT),
        (f"my_acs-1.{MIXED}.{TENANT}", "my_acs-1", MIXED.lower(), TENANT),
        (f"{'r' * 63}.{APP}.{TENANT}", "r" * 63, APP, TENANT),
        (f"{APP}.{APP}.{TENANT}", APP, APP, TENANT),
        (f"-.{APP}.{TENANT}", "-", APP, TENANT),
    ],
)
def test_a_composite_name(text: str, resource: str, application: str, tenant: str) -> None:
    assert parse_username(text) == CompositeName(resource, application, tenant)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "empty"),
        (APP, "guid_alone"),
        (f"acs.{APP}", "tenant_missing"),
        (f"acs|{APP}", "tenant_missing"),
        (f"acs.{APP}.{TENANT}.x", "trailing_part"),
        (f"acs.{APP}.{TENANT}.", "trailing_part"),
        ("endpoint=https://acs.communication.azure.com/;accesskey=AAAA==", "connection_string"),
        ("Endpoint=https://acs.communication.azure.com/", "connection_string"),
        ("acs|sender@contoso.com", "sender_address"),
        (f"acs|sender@contoso.com|{TENANT}", "sender_address"),
        (f"acs.contoso.com.{APP}.{TENANT}", "resource_name"),
        (f"a|b|{APP}|{TENANT}", "resource_name"),
        (f"{'r' * 64}.{APP}.{TENANT}", "resource_name"),
        (f"ä.{APP}.{TENANT}", "resource_name"),
        (f".{APP}.{TENANT}", "resource_name"),
        (f"{APP}.{TENANT}", "resource_missing"),
        (f"acs.japaneast.{APP}", "application_id"),
        (f"acs..{APP}", "application_id"),
        (f"acs|{APP}.{TENANT}", "mixed_separators"),
        (f"acs.{APP}|{TENANT}", "mixed_separators"),
        (f" acs.{APP}.{TENANT}", "white_space"),
        (f"acs.{APP}.{TENANT}\n", "white_space"),
        ("acs.app.tenant", "not_guids"),
        (f"acs.{APP}.{TENANT[:-1]}", "tenant_id"),
        (f"acs.{APP}.contoso.onmicrosoft.com", "tenant_id"),
        (f"acs.{APP}.{{{TENANT}}}", "quoted"),
        (f"<acs>|<{APP}>|<{TENANT}>", "quoted"),
        (f'"acs.{APP}.{TENANT}"', "quoted"),
        ("'smtp-login'", "quoted"),
        ("$SMTP_USERNAME", "placeholder"),
        ("${SMTP_USERNAME:-}", "placeholder"),
        ("{{ smtp.user }}", "placeholder"),
        ("<username>", "placeholder"),
        (f"acs.communication.azure.com|{APP}|{TENANT}", "host_name"),
        (f"https://acs.europe.communication.azure.com.{APP}.{TENANT}", "host_name"),
        (f"acs-{APP}-{TENANT}", "separators"),
        (f"acs,{APP},{TENANT}", "separators"),
        (f"acs {APP} {TENANT}", "separators"),
        (f"acs||{APP}||{TENANT}", "separators"),
        (f"acs.{APP.replace('-', '')}.{TENANT.replace('-', '')}", "bare_ids"),
        ("printer@notify.contoso.com", "smtp_username_unknown"),
        ("smtp-login", "not_composite"),
        ("\0", "not_composite"),
    ],
)
def test_the_mistake_is_named(text: str, mistake: str) -> None:
    with pytest.raises(UsernameError) as caught:
        parse_username(text)
    assert caught.value.mistake == mistake
    assert not text or text not in str(caught.value)


@given(
    st.from_regex(r"[-\w]{1,63}", fullmatch=True, alphabet=st.characters(max_codepoint=126)),
    st.uuids(),
    st.uuids(),
    st.sampled_from(".|"),
)
def test_composite_usernames_are_parsed(
    resource: str, application: object, tenant: object, separator: str
) -> None:
    text = separator.join((resource, str(application).upper(), str(tenant)))
    parsed = parse_username(text)
    assert parsed == CompositeName(resource, str(application), str(tenant))
    assert parse_username(str(parsed)) == parsed


@given(st.text(max_size=200))
def test_any_other_text_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UsernameError) as caught:
        parse_username(text)
    assert caught.value.mistake
    assert len(text) < 30 or text not in str(caught.value)


@pytest.mark.parametrize(
    "unit",
    [".", "|", "a.", "a|", "@", "@|", ".@", " ", f".{APP}", "a=", "-", "<", "${", "{{", f"-{APP}"],
)
def test_a_hostile_name_costs_little(unit: str) -> None:
    """The longest name that a login takes; a pattern that backtracks would hang here."""
    with pytest.raises(UsernameError):
        parse_username((unit * 1_024)[:1_024])
