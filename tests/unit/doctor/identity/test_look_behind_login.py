"""The requests after a refused login: their order, their targets, and those never made."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatepost.directory.azure.entries import ServicePrincipal
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.evidence_document import from_json, to_document
from gatepost.doctor.identity.look_behind_login import is_local, look_behind
from gatepost.doctor.identity.resource_manager import MAX_PAGES, Management
from gatepost.doctor.identity.service_addresses import authority_beside
from gatepost.doctor.identity.service_request import Questions
from gatepost.doctor.probe_settings import IdentityOptions, IdentityUrls, Settings, Visit
from gatepost.errors import ConfigError, Disconnected, ResolveError, TimedOut
from gatepost.model.credentials import Credentials
from gatepost.model.evidence import Connect, Evidence, Target, seen
from gatepost.model.finding import Diagnosis
from gatepost.model.secret import Secret
from gatepost.model.transcript import Transcript
from gatepost.net.dial import Server
from gatepost.net.http_client import HttpRequest, HttpResponse
from tests.conformance.acs_cases import ACCESS_KEY, CONNECTION_STRING, NOBODY
from tests.conformance.acs_world import (
    APPLICATION,
    CUSTOM,
    MANAGED,
    PASSWORD,
    SENDER,
    TENANT,
    UNLINKED,
    USERNAME,
    World,
)
from tests.unit.diagnosis.cases import DAY, but, hello, judged, login, tried
from tests.unit.diagnosis.test_entra_tokens import token
from tests.unit.directory.azure.world import NOW
from tests.unit.doctor.identity.answering import (
    ENVIRONMENT,
    REFUSED,
    SMTP,
    Backdoor,
    by_password,
    not_resolved,
    refused,
)

STANDS_FOR = USERNAME


def build(world: World) -> None:
    application = world.add_application(id=APPLICATION)
    world.add_smtp_username("smtp-login", application)
    world.add_smtp_username(f"printer@{CUSTOM}", application)
    world.add_smtp_username(f"printer@{UNLINKED}", application)


@cache
def shared() -> Backdoor:
    return Backdoor.build(build)[0]


@pytest.fixture
def door() -> Backdoor:
    """The emulator's faces; nobody has asked them yet."""
    return Backdoor(shared().plane)


def ids(diagnosis: Diagnosis) -> list[str]:
    return [each.id for each in diagnosis.findings]


def paths(door: Backdoor) -> list[str]:
    return [urlsplit(each.url).path.rpartition("/")[2] for each in door.asked]


# The order, and what leaves.


def test_the_steps_and_where_the_secret_goes(door: Backdoor) -> None:
    door.examine(by_password(USERNAME, PASSWORD))
    assert paths(door) == ["openid-configuration", "token", "health", "emails:send"]
    with_secret = [each for each in door.asked if PASSWORD.encode() in each.body]
    assert [urlsplit(each.url).path for each in with_secret] == [f"/{TENANT}/oauth2/v2.0/token"]
    assert not any(PASSWORD in f"{each.url}{each.headers}" for each in door.asked)


@pytest.mark.parametrize("secret", [NOBODY, ACCESS_KEY, CONNECTION_STRING, ""])
def test_a_value_that_is_no_client_secret_is_not_sent(door: Backdoor, secret: str) -> None:
    diagnosis = door.examine(by_password(USERNAME, secret))
    assert door.asked == []
    assert "not a client secret" in str(diagnosis.evidence.behind.value)


@pytest.mark.parametrize("username", [APPLICATION, CONNECTION_STRING, f"{USERNAME}.x", " "])
def test_a_malformed_username_sends_no_requests(door: Backdoor, username: str) -> None:
    diagnosis = door.examine(by_password(username, PASSWORD))
    assert door.asked == []
    assert ids(diagnosis)[0] == "username_format"
    assert ACCESS_KEY not in json.dumps(report_document(diagnosis))


def test_only_smtp_sends_no_requests(door: Backdoor) -> None:
    diagnosis = door.examine(by_password(USERNAME, PASSWORD), closed=True)
    assert door.asked == []
    assert ids(diagnosis) == ["bad_credentials"]


@pytest.mark.parametrize(
    "evidence",
    [
        but(target=Target(SMTP.host, 587), auth=tried(judged("LOGIN", "235 ok")), login=login()),
        but(target=Target("mail.example.com", 587), auth=tried(judged("LOGIN", REFUSED))),
        but(target=Target(SMTP.host, 587), over_tls=hello("AUTH LOGIN")),
    ],
)
def test_without_a_refusal_or_another_provider(door: Backdoor, evidence: Evidence) -> None:
    visit = Visit(SMTP, Settings(), by_password(USERNAME, PASSWORD))
    assert look_behind(visit, evidence, ENVIRONMENT, door.ask) == evidence
    assert door.asked == []


def test_a_local_server_s_secret_is_not_for_the_real_cloud(door: Backdoor) -> None:
    credentials = by_password(USERNAME, PASSWORD)
    local = replace(refused(credentials), connects=seen((Connect("127.0.0.1", "ok", 1.0),)))
    visit = Visit(Server("localhost", 2587), Settings(), credentials)
    found = look_behind(visit, local, {}, door.ask).behind.value
    assert door.asked == []
    assert found is not None
    assert "--authority" in found.untried


def test_an_environment_that_names_nonsense_costs_no_diagnosis(door: Backdoor) -> None:
    credentials = by_password(USERNAME, PASSWORD)
    named = {"AZURE_AUTHORITY_HOST": "http://localhost"}
    found = look_behind(Visit(SMTP, Settings(), credentials), refused(credentials), named, door.ask)
    assert door.asked == []
    assert found.behind.value is not None
    assert "must be https" in found.behind.value.untried


def test_a_local_server_gives_the_url_of_its_authority(door: Backdoor, tmp_path: Path) -> None:
    """`gatepost up` writes it beside its certificate."""
    ready = {"smtp": {"port": 2587}, "smtps": None, "authority": "https://localhost:2443"}
    (tmp_path / "ready.json").write_text(json.dumps(ready))
    ca_file = str(tmp_path / "ca.pem")
    credentials = by_password(USERNAME, "n0t~it")
    local = replace(refused(credentials), connects=seen((Connect("127.0.0.1", "ok", 1.0),)))
    visit = Visit(Server("localhost", 2587), Settings(ca_file=ca_file), credentials)
    assert ids(diagnose_evidence(look_behind(visit, local, {}, door.ask))) == [
        "oauth_client_auth_failed"
    ]
    asked = len(door.asked)
    other = Visit(Server("localhost", 2588), Settings(ca_file=ca_file), credentials)
    look_behind(other, local, {}, door.ask)
    assert len(door.asked) == asked


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"smtp": 7}', '{"smtp": {"port": 2587}, "authority": 7}', " " * 70_000]
)
def test_unusable_ready_files_give_no_authority(tmp_path: Path, text: str) -> None:
    (tmp_path / "ready.json").write_text(text)
    assert authority_beside(str(tmp_path / "ca.pem"), Server("localhost", 2587)) == ""
    assert authority_beside(None, Server("localhost", 2587)) == ""


def test_local_servers() -> None:
    here, there = Connect("127.0.0.1", "ok", 1.0), Connect("192.0.2.1", "ok", 1.0)
    assert is_local(Server("x", 1), but(connects=(here, Connect("192.0.2.1", "refused", 0))))
    assert not is_local(Server("localhost", 1), but(connects=(there,)))


# Rows that need more than a login.

WHOLE = "abc8Q~" + "x" * 34
DAMAGED = {
    "a line end": f"{PASSWORD}\n",
    "a blank": f" {PASSWORD}",
    "quotation marks": f'"{WHOLE}"',
    "a part of it": WHOLE[:30],
    "its beginning": WHOLE[:6],
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_secret_that_did_not_arrive_whole(door: Backdoor, damage: str) -> None:
    diagnosis = door.examine(by_password(USERNAME, DAMAGED[damage]))
    assert ids(diagnosis) == ["credential_mangled_by_config", "oauth_client_auth_failed"]


def test_a_whole_secret_is_only_wrong(door: Backdoor) -> None:
    assert ids(door.examine(by_password(USERNAME, WHOLE))) == ["oauth_client_auth_failed"]


def test_a_secret_id_with_white_space_around_it(door: Backdoor) -> None:
    assert ids(door.examine(by_password(USERNAME, f" {NOBODY} ")))[0] == "wrong_credential_kind"


def test_the_resource_s_host_does_not_resolve(door: Backdoor) -> None:
    door.around = not_resolved
    diagnosis = door.examine(by_password(USERNAME.replace("demo", "demo2"), PASSWORD))
    assert ids(diagnosis) == ["resource_unknown"]
    assert any("does not resolve" in line for line in diagnosis.findings[0].proof)


def test_all_is_well_but_smtp_refuses(door: Backdoor) -> None:
    diagnosis = door.examine(by_password(USERNAME, PASSWORD), arm_token=door.admin_token())
    assert ids(diagnosis) == ["smtp_username_missing"]
    assert "Sign in as smtp-login" in diagnosis.findings[0].fix


SENDERS = [
    (f"a@{UNLINKED}",    ["smtp_username_missing", "sender_domain_not_linked"]),
    (f"nobody@{MANAGED}", ["smtp_username_missing", "sender_not_authorised"]),
    (SENDER,             ["smtp_username_missing"]),
]  # fmt: skip


@pytest.mark.parametrize(("sender", "wanted"), SENDERS)
def test_the_sender_is_looked_at_and_nothing_is_sent(
    door: Backdoor, sender: str, wanted: list[str]
) -> None:
    before = door.plane.count()
    diagnosis = door.examine(by_password(USERNAME, PASSWORD), sender=sender)
    assert ids(diagnosis) == wanted
    assert door.plane.count() == before
    body = json.loads(door.asked[-1].body)
    assert not any("@" in each["address"] for each in body["recipients"]["to"])


# SMTP user names.


def test_the_application_of_an_smtp_username_is_unknown(door: Backdoor) -> None:
    diagnosis = door.examine(by_password("smtp-login", PASSWORD))
    assert door.asked == []
    assert ids(diagnosis) == ["smtp_username_missing", "bad_credentials"]
    assert "--stands-for" in diagnosis.next_probe


def test_stands_for_names_the_application(door: Backdoor) -> None:
    diagnosis = door.examine(by_password("smtp-login", "n0t~it"), stands_for=STANDS_FOR)
    assert ids(diagnosis) == ["oauth_client_auth_failed"]


def test_the_environment_names_the_application() -> None:
    door = Backdoor(shared().plane)
    credentials = by_password("smtp-login", "n0t~it")
    named = {**ENVIRONMENT, "AZURE_TENANT_ID": TENANT.upper(), "AZURE_CLIENT_ID": APPLICATION}
    found = look_behind(Visit(SMTP, Settings(), credentials), refused(credentials), named, door.ask)
    assert found.behind.value is not None
    assert found.behind.value.name.known_from == "environment"
    assert found.behind.value.token_request is not None
    assert found.behind.value.token_request.number == 7000215
    credentials = by_password("smtp-logon", PASSWORD)
    found = look_behind(Visit(SMTP, Settings(), credentials), refused(credentials), named, door.ask)
    diagnosis = diagnose_evidence(found)
    assert ids(diagnosis) == ["smtp_username_missing"]
    assert "The secret is good" in diagnosis.findings[0].summary


def test_resource_manager_knows_it(door: Backdoor) -> None:
    token = door.admin_token()
    diagnosis = door.examine(by_password("SMTP-Login", "n0t~it"), arm_token=token)
    assert ids(diagnosis) == ["oauth_client_auth_failed"]
    diagnosis = door.examine(by_password("smtp-logon", PASSWORD), arm_token=token)
    assert ids(diagnosis) == ["smtp_username_missing"]
    assert diagnosis.findings[0].confidence == "certain"
    assert any("smtp-login" in line for line in diagnosis.findings[0].proof)


def test_resource_manager_overrides_the_stands_for_option(door: Backdoor) -> None:
    told = STANDS_FOR.replace(APPLICATION, NOBODY)
    token = door.admin_token()
    diagnosis = door.examine(by_password("smtp-login", "n0t~it"), stands_for=told, arm_token=token)
    assert ids(diagnosis) == ["oauth_client_auth_failed"]
    assert any(APPLICATION in line for line in diagnosis.findings[0].proof)


def test_one_in_the_form_of_an_address_needs_its_domain(door: Backdoor) -> None:
    name = f"printer@{UNLINKED}"
    diagnosis = door.examine(by_password(name, PASSWORD), stands_for=STANDS_FOR)
    assert ids(diagnosis)[0] == "sender_domain_not_linked"
    diagnosis = door.examine(by_password(f"printer@{CUSTOM}", PASSWORD), stands_for=STANDS_FOR)
    assert ids(diagnosis) == ["smtp_username_missing"]


def test_stands_for_must_be_a_composite_username(door: Backdoor) -> None:
    with pytest.raises(ConfigError, match="--stands-for"):
        door.examine(by_password("smtp-login", PASSWORD), stands_for="acs-demo")


# Tokens.


def by_token(door: Backdoor, audience: str) -> Credentials:
    plane = door.plane
    [principal] = [
        each for each in plane.directory.all(ServicePrincipal) if each.application_id == APPLICATION
    ]
    issued = plane.tokens.issue(principal, audience, f"https://x/{TENANT}/")
    return Credentials(USERNAME, token=issued.token)


def test_a_given_token_is_asked_about_where_it_is_for(door: Backdoor) -> None:
    diagnosis = door.examine(by_token(door, "https://communication.azure.com"))
    assert paths(door) == ["openid-configuration", "health", "emails:send"]
    assert ids(diagnosis) == ["smtp_username_missing"]


def test_a_token_for_something_else_goes_nowhere(door: Backdoor) -> None:
    diagnosis = door.examine(by_token(door, "https://graph.microsoft.com"))
    assert paths(door) == ["openid-configuration"]
    assert ids(diagnosis) == ["oauth_scope_wrong"]


def test_a_token_of_another_time_goes_nowhere(door: Backdoor) -> None:
    credentials = by_token(door, "https://communication.azure.com")
    visit = Visit(SMTP, Settings(), credentials)
    late = replace(refused(credentials), seen_at=NOW + DAY)
    found = look_behind(visit, late, ENVIRONMENT, door.ask)
    assert paths(door) == ["openid-configuration"]
    assert ids(diagnose_evidence(found)) == ["token_expired"]


TELLING = [
    ("'hCo4av8.mIvfYxe3G9fqpBFuQ0oLvUns1CF-MYw0'", "quotation marks"),
    ("$SMTP_PASSWORD", "a variable"),
    ("SMTP_PASSWORD=hCo4av8.mIvfYxe3G9fqpBFuQ0oLvUns1CF", "NAME=VALUE"),
    ("hCo4av8.mIvfYxe3G9fqpBFuQ0oLvUns1CF%7EMYw0", "percent-encoded"),
    ("aENvNGF2OC5tSXZmWXhlM0c5ZnFwQkZ1UTBvTHZVbnMxQ0YtTVl3MA==", "base64"),
]


@pytest.mark.parametrize(("secret", "told"), TELLING)
def test_damage_to_a_secret_is_named_without_showing_it(
    door: Backdoor, secret: str, told: str
) -> None:
    diagnosis = door.examine(by_password(USERNAME, secret))
    assert ids(diagnosis) == ["credential_mangled_by_config", "oauth_client_auth_failed"]
    assert any(told in line for line in diagnosis.findings[0].proof)
    assert secret not in json.dumps(report_document(diagnosis))


def test_a_token_in_the_place_of_the_secret_goes_nowhere(door: Backdoor) -> None:
    token = by_token(door, "https://communication.azure.com").token
    assert token is not None
    diagnosis = door.examine(by_password(USERNAME, token.reveal()))
    assert (ids(diagnosis)[0], door.asked) == ("wrong_credential_kind", [])


def test_an_unknown_code_is_shown_as_it_is(door: Backdoor) -> None:
    def around(request: HttpRequest) -> HttpResponse | None:
        told = b'{"error": "invalid_request", "error_codes": [900144]}'
        return HttpResponse(400, {}, told) if request.method == "POST" else None

    door.around = around
    diagnosis = door.examine(by_password(USERNAME, PASSWORD))
    assert ids(diagnosis) == ["oauth_client_auth_failed"]
    assert any("AADSTS900144" in line for line in diagnosis.findings[0].proof)


# Where the e-mail API is.


def test_a_host_with_the_label_of_a_geography(door: Backdoor) -> None:
    there = "acs-demo.europe.communication.azure.com"

    def around(request: HttpRequest) -> HttpResponse | None:
        host = urlsplit(request.url).netloc
        if host.endswith("communication.azure.com") and host != there:
            raise ResolveError(f"{host}: Name or service not known").at("resolve")
        return HttpResponse(401, {}, b'{"error": {"code": "Denied"}}') if host == there else None

    door.around = around
    public = IdentityUrls(email="https://{resource}.communication.azure.com")
    diagnosis = door.examine(by_password(USERNAME, PASSWORD), urls=public)
    assert ids(diagnosis) == ["role_missing"]
    assert [urlsplit(each.url).netloc for each in door.asked][-1] == there


def test_the_host_that_resource_manager_names(door: Backdoor) -> None:
    nowhere = IdentityUrls(email="https://{resource}.elsewhere.example")
    door.examine(by_password(USERNAME, PASSWORD), urls=nowhere, arm_token=door.admin_token())
    hosts = {urlsplit(each.url).netloc for each in door.asked}
    assert "acs-demo.communication.localhost:2443" in hosts
    assert not any("elsewhere" in each for each in hosts)


@pytest.mark.parametrize("host", ["x.elsewhere.example", "communication.azure.com.evil.example"])
def test_a_host_of_somebody_else_gets_no_token(host: str) -> None:
    answer = {"value": [{"subscriptionId": "s", "name": "x", "id": "/y",
                         "properties": {"hostName": host}}]}  # fmt: skip
    assert management(answer, []).resources("x").host == ""


# What answers badly.


def unreachable(_request: HttpRequest) -> HttpResponse:
    raise Disconnected("localhost closed the connection: Connection reset by peer")


def silent(_request: HttpRequest) -> HttpResponse:
    raise TimedOut("localhost did not answer within 10 s")


def busy(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(503, {}, b'{"error": "temporarily_unavailable"}')


def strange(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, {}, b'[{"error": {"code": 7}}]')


def echoing(request: HttpRequest) -> HttpResponse:
    """An authority that repeats what it got where its error's name should be."""
    if request.method != "POST":
        return HttpResponse(200, {}, b"{}")
    return HttpResponse(400, {}, json.dumps({"error": SECRET, "error_codes": [1]}).encode())


SECRET = "Abcdefghijklmnopqrstuvwxyz0123456789ABCD"


@pytest.mark.parametrize("around", [unreachable, silent, busy, strange])
def test_an_authority_that_is_not_there_proves_nothing(
    door: Backdoor, around: Callable[[HttpRequest], HttpResponse]
) -> None:
    door.around = around
    diagnosis = door.examine(by_password(USERNAME, PASSWORD), arm_token=door.admin_token())
    assert ids(diagnosis) == ["bad_credentials"]


def test_an_authority_that_repeats_the_secret(door: Backdoor) -> None:
    door.around = echoing
    diagnosis = door.examine(by_password(USERNAME, SECRET))
    assert SECRET not in json.dumps(report_document(diagnosis))


def test_a_server_that_never_ends_its_answer() -> None:
    forever = threading.Event()

    def never(_request: HttpRequest) -> HttpResponse:
        forever.wait(30)
        raise AssertionError

    questions = Questions(never, Transcript(), deadline=0.05)
    answer, document = questions.ask(HttpRequest("GET", "https://localhost:1/x"))
    forever.set()
    assert (answer.status, document) == (0, {})
    assert "no answer" in answer.failure


# Resource Manager.


def management(answer: dict[str, Any], asked: list[HttpRequest]) -> Management:
    def ask(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return HttpResponse(200, {}, json.dumps(answer).encode())

    return Management(Questions(ask, Transcript()), "https://arm.example", Secret("t0ken"))


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"value": None}, {"value": [1, None, "x"]}, {"value": [{"subscriptionId": 7}]},
        {"value": [{"subscriptionId": "s", "name": {}, "id": []}]},
        {"value": [{"subscriptionId": "s", "properties": {"permissions": 7}}]},
    ],
)  # fmt: skip
def test_lists_of_any_form(answer: dict[str, Any]) -> None:
    asked: list[HttpRequest] = []
    manager = management(answer, asked)
    managed = manager.with_roles(manager.resources("acs-demo"), "p")
    assert managed.resource_id == ""


def test_links_lead_nowhere_else_and_not_for_ever() -> None:
    asked: list[HttpRequest] = []
    management({"value": [], "nextLink": "https://elsewhere.example/"}, asked).resources("x")
    assert {urlsplit(each.url).netloc for each in asked} == {"arm.example"}
    asked.clear()
    management({"value": [], "nextLink": "https://arm.example/again"}, asked).resources("x")
    assert len(asked) == MAX_PAGES


def test_an_id_that_came_in_an_answer_becomes_no_other_host() -> None:
    asked: list[HttpRequest] = []
    evil = {"value": [{"subscriptionId": "s", "name": "x", "id": ".elsewhere.example/y"}]}
    management(evil, asked).resources("x")
    assert {urlsplit(each.url).netloc for each in asked} == {"arm.example"}


def test_a_token_that_resource_manager_does_not_take(door: Backdoor) -> None:
    token = by_token(door, "https://communication.azure.com").token
    diagnosis = door.examine(by_password(USERNAME, PASSWORD), arm_token=token)
    assert ids(diagnosis) == ["smtp_username_missing"]
    behind = diagnosis.evidence.behind.value
    assert behind is not None
    assert behind.management is not None
    assert behind.management.answer.status == 401


# Kept evidence.


@pytest.mark.parametrize("username", [USERNAME, "smtp-login", f"acs-demo.{NOBODY}.{TENANT}"])
def test_kept_evidence_is_diagnosed_as_the_visit_was(door: Backdoor, username: str) -> None:
    live = door.examine(by_password(username, PASSWORD), arm_token=door.admin_token())
    kept = from_json(json.dumps(to_document(live.evidence)).encode())
    assert kept == live.evidence
    assert diagnose_evidence(kept) == live


# Mailboxes of Microsoft 365.

OFFICE = Server("smtp.office365.com", 587)


def office(username: str, door: Backdoor) -> Diagnosis:
    credentials = by_password(username, PASSWORD)
    found = replace(refused(credentials), target=Target(OFFICE.host, 587))
    found = replace(found, over_tls=seen(hello("AUTH LOGIN XOAUTH2")))
    visit = Visit(OFFICE, Settings(), credentials)
    return diagnose_evidence(look_behind(visit, found, ENVIRONMENT, door.ask))


def test_only_the_domain_of_a_mailbox_is_looked_up(door: Backdoor) -> None:
    diagnosis = office("ann@nowhere.example", door)
    assert ids(diagnosis)[0] == "tenant_unknown"
    assert paths(door) == ["openid-configuration"]
    assert "tenant_unknown" not in ids(office("ann@example.com", door))
    assert not any(PASSWORD.encode() in each.body for each in door.asked)


@pytest.mark.parametrize(("username", "differs"), [("shared@example.com", True),
                                                   ("Ann@Example.com", False)])  # fmt: skip
def test_a_shared_mailbox_signs_in_under_its_delegate_s_name(
    door: Backdoor, username: str, differs: bool
) -> None:
    mine = token(aud="https://outlook.office365.com", scp="SMTP.Send", upn="ann@example.com")
    credentials = Credentials(username, token=Secret(mine))
    found = replace(refused(credentials), target=Target(OFFICE.host, 587))
    found = replace(found, over_tls=seen(hello("AUTH LOGIN XOAUTH2")))
    visit = Visit(OFFICE, Settings(), credentials)
    diagnosis = diagnose_evidence(look_behind(visit, found, ENVIRONMENT, door.ask))
    assert ("oauth_wrong_identity" in ids(diagnosis)) is differs


@pytest.mark.parametrize(
    ("tenant", "cause"),
    [(TENANT, "service_principal_missing"), (NOBODY, "oauth_wrong_identity")],
)
def test_the_tenant_of_a_token_is_compared_with_the_mailbox_s(
    door: Backdoor, tenant: str, cause: str
) -> None:
    mine = token(aud="https://outlook.office365.com", roles=["SMTP.SendAsApp"], tid=tenant)
    credentials = Credentials("ann@example.com", token=Secret(mine))
    found = replace(refused(credentials), target=Target(OFFICE.host, 587))
    found = replace(found, over_tls=seen(hello("AUTH LOGIN XOAUTH2")))
    visit = Visit(OFFICE, Settings(), credentials)
    diagnosis = diagnose_evidence(look_behind(visit, found, ENVIRONMENT, door.ask))
    assert ids(diagnosis)[0] == cause
    assert paths(door) == ["openid-configuration"]


def test_a_user_name_that_is_no_address(door: Backdoor) -> None:
    assert ids(office("ann", door))[0] == "username_format"
    assert door.asked == []


def test_places_may_be_named(door: Backdoor) -> None:
    places = IdentityUrls(
        "https://localhost:2443", "https://localhost:2443", "https://localhost:2443"
    )
    credentials = by_password(USERNAME, PASSWORD)
    visit = Visit(SMTP, Settings(identity=IdentityOptions(places)), credentials)
    found = look_behind(visit, refused(credentials), {}, door.ask)
    assert found.behind.value is not None
    assert found.behind.value.email is not None
    assert found.behind.value.email.host == "acs-demo.communication.localhost:2443"
