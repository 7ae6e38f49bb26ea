"""The directory's operations for the command line, noun by noun."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gatepost.directory.azure.entries import (
    Application,
    CommunicationService,
    ResourceGroup,
    ServicePrincipal,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.resource_ids import group_path, subscription_path
from gatepost.model.dns import DnsAnswer
from tests.unit.control.administration.office import Office
from tests.unit.directory.azure.world import (
    APPLICATION,
    DOMAIN,
    DOMAIN_NAME,
    GROUP,
    OTHER,
    PRINCIPAL,
    SECRET,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
    USERNAME,
    entries,
)

MAIL = "mail.contoso.localhost"


@pytest.fixture
def office() -> Office:
    return Office()


def names(found: list[dict[str, Any]], key: str = "name") -> list[str]:
    return [each[key] for each in found]


class TestTenants:
    def test_life(self, office: Office) -> None:
        made = office.run("tenant create", name="contoso.localhost")
        assert set(made) == {"id", "name"}
        assert names(office.run("tenant list")["tenants"]) == ["contoso.localhost", "example.com"]
        shown = office.run("tenant show", name=made["id"])
        assert shown == made | {"apps": [], "subscriptions": []}
        gone = office.run("tenant delete", name="CONTOSO.localhost")
        assert gone == {"deleted": made, "with": []}
        assert names(office.run("tenant list")["tenants"]) == ["example.com"]

    def test_showing_a_tenant_lists_its_apps(self, office: Office) -> None:
        shown = office.run("tenant show", name="example.com")
        assert shown["apps"] == ["sender"]
        assert office.refusal("tenant delete", name="example.com")[0] == "Conflict"


class TestApps:
    def test_life(self, office: Office) -> None:
        made = office.run("app create", name="billing")
        assert made["tenant_id"] == TENANT
        assert made["service_principal_id"]
        assert made["secrets"] == 0
        assert names(office.run("app list")["apps"]) == ["billing", "sender"]
        for name in ("billing", "BILLING", made["id"], made["object_id"]):
            assert office.run("app show", name=name) == made | {"secrets": [], "usernames": []}
        gone = office.run("app delete", name="billing")
        assert names(gone["with"], "kind") == ["service_principal"]

    def test_without_a_service_principal(self, office: Office) -> None:
        made = office.run("app create", name="billing", service_principal=False)
        assert made["service_principal_id"] is None
        assert office.directory.all(ServicePrincipal) == (entries()["service_principal"],)
        code, said = office.refusal("role assign", name="Email Sender", app="billing", on="mail")
        assert code == "PrincipalNotFound"
        assert "no service principal" in said

    def test_showing_an_app_lists_its_usernames_and_secrets(self, office: Office) -> None:
        shown = office.run("app show", name="sender")
        assert shown["usernames"] == [USERNAME]
        assert names(shown["secrets"], "id") == [SECRET]

    def test_deleting_an_app_deletes_what_depends_on_it(self, office: Office) -> None:
        gone = office.run("app delete", name="sender")
        assert names(gone["with"], "kind") == [
            "client_secret", "service_principal", "role_assignment",
        ]  # fmt: skip

    def test_in_the_tenant_that_is_meant(self, office: Office) -> None:
        office.run("tenant create", name="contoso.localhost")
        assert office.refusal("app create", name="x") == (
            "ParentNeeded", "say which tenant: there are contoso.localhost, example.com",
        )  # fmt: skip
        office.run("app create", name="sender", parent="contoso.localhost")
        assert office.refusal("app show", name="sender")[0] == "Ambiguous"
        shown = office.run("app show", name="sender", parent="example.com")
        assert shown["id"] == APPLICATION
        assert len(office.run("app list", parent="contoso.localhost")["apps"]) == 1


class TestSecrets:
    def test_life(self, office: Office) -> None:
        made = office.run("secret create", name="build", lifetime=3600.0)
        value = made.pop("value")
        assert made.pop("usernames") == [USERNAME]
        assert made["state"] == "valid"
        assert made["starts_at"] == "2026-05-04T12:00:00Z"
        assert made["expires_at"] == "2026-05-04T13:00:00Z"
        assert value.startswith(made["hint"])
        assert value not in json.dumps(office.run("secret list"))
        assert office.run("secret show", name="build") == made
        assert office.run("secret delete", name=made["id"]) == {"deleted": made, "with": []}
        assert names(office.run("secret list")["secrets"], "id") == [SECRET]

    def test_two_years_unless_told(self, office: Office) -> None:
        assert office.run("secret create")["expires_at"] == "2028-05-03T12:00:00Z"

    @pytest.mark.parametrize(
        ("expires", "state"),
        [
            ("2026-05-04T12:00:01Z", "valid"),
            ("2026-05-04T14:00:00+02:00", "expired"),
            ("2020-01-01T00:00:00Z", "expired"),
        ],
    )
    def test_one_that_has_expired(self, office: Office, expires: str, state: str) -> None:
        assert office.run("secret create", expires=expires)["state"] == state

    def test_its_state_follows_the_time(self, office: Office) -> None:
        office.time += timedelta(days=2)
        assert office.run("secret list", parent="sender")["secrets"][0]["state"] == "expired"

    def test_a_lifetime_has_a_maximum(self, office: Office) -> None:
        assert office.refusal("secret create", lifetime=1e15)[0] == "BadRequest"
        assert office.refusal("secret create", expires="9999-12-31T23:59:59-12:00")[0] == (
            "BadRequest"
        )

    @pytest.mark.parametrize("lifetime", [0.0, -1.0])
    def test_a_lifetime_must_be_positive(self, office: Office, lifetime: float) -> None:
        code, sentence = office.refusal("secret create", lifetime=lifetime)[:2]
        assert code == "BadRequest"
        assert "--expires" in sentence

    @pytest.mark.parametrize("operation", ["secret show", "secret delete"])
    def test_a_secret_given_as_an_id_is_not_repeated(self, office: Office, operation: str) -> None:
        """People paste the value where the id belongs."""
        value = office.run("secret create", name="one")["value"]
        code, sentence = office.refusal(operation, name=value)[:2]
        assert code == "NotFound"
        assert "there is no secret of that id or name" in sentence
        assert value not in sentence

    def test_several_apps_need_a_parent(self, office: Office) -> None:
        office.run("app create", name="billing")
        assert office.refusal("secret create")[0] == "ParentNeeded"
        made = office.run("secret create", parent="billing")
        assert made["app"] == "billing"
        assert office.refusal("secret delete", name=made["id"], parent="sender")[0] == "NotFound"


class TestRoles:
    def test_life(self, office: Office) -> None:
        made = office.run("role create", name="All mail", scopes=["mail"])
        assert made["actions"][-1] == "Microsoft.Communication/EmailServices/Write"
        assert made["scopes"] == [GROUP]
        assert not made["built_in"]
        assert office.run("role show", name="all mail") == made | {"assignments": []}
        assert office.run("role delete", name="All mail")["deleted"] == made

    def test_actions(self, office: Office) -> None:
        made = office.run(
            "role create",
            name="Some",
            actions=["*/read"],
            not_actions=["Microsoft.Communication/*"],
        )
        assert (made["actions"], made["not_actions"]) == (
            ["*/read"], ["Microsoft.Communication/*"],
        )  # fmt: skip
        assert made["scopes"] == [subscription_path(SUBSCRIPTION)]

    def test_given_and_taken_away(self, office: Office) -> None:
        office.run("app create", name="billing")
        given = office.run("role assign", name="Email Sender", app="billing", on="acs-demo")
        assert (given["role"], given["app"], given["scope"]) == ("Email Sender", "billing", SERVICE)
        assert office.run("app show", name="billing")["usernames"]
        assert len(office.run("role list")["assignments"]) == 2
        shown = office.run("role show", name="Email Sender")
        assert names(shown["assignments"], "app") == ["sender", "billing"]
        taken = office.run("role unassign", name="Email Sender", app="billing")
        assert taken["deleted"] == given
        assert office.run("app show", name="billing")["usernames"] == []
        assert office.refusal("role unassign", name="Email Sender", app="billing")[0] == "NotFound"

    def test_which_of_several(self, office: Office) -> None:
        office.run("role assign", name="Owner", app="sender", on="mail")
        office.run("role assign", name="Owner", app="sender", on="acs-demo")
        assert office.refusal("role unassign", name="Owner", app="sender")[0] == "Ambiguous"
        taken = office.run("role unassign", name="Owner", app="sender", on="mail")
        assert taken["deleted"]["scope"] == GROUP

    def test_on_everything(self, office: Office) -> None:
        assert office.run("role assign", name="Owner", app="sender", on="/")["scope"] == "/"

    def test_not_while_it_is_assigned(self, office: Office) -> None:
        code, message = office.refusal("role delete", name="Email Sender")
        assert code == "RoleDefinitionHasAssignments"
        assert "first remove its 1 with role unassign" in message


class TestResources:
    def test_from_nothing(self) -> None:
        office = Office([Tenant(TENANT, "example.com")])
        office.run("resource create", name="main", kind="subscription")
        office.run("resource create", name="mail", kind="group")
        email = office.run("resource create", name="mailer", kind="email", data_location="japan")
        assert email["data_location"] == "Japan"
        domain = office.run("domain create", managed=True)
        made = office.run(
            "resource create", name="news", kind="communication", links=[domain["name"]],
            data_location="Japan",
        )  # fmt: skip
        assert made["linked_domains"] == [domain["domain"]]
        listed = office.run("resource list")["resources"]
        assert names(listed, "kind") == ["subscription", "group", "email", "communication"]
        assert names(listed) == ["main", "mail", "mailer", "news"]
        assert office.run("resource list", kind="email")["resources"] == [
            email | {"domains": [domain["domain"]]}
        ]
        assert len(office.run("resource list", parent="mail")["resources"]) == 2
        gone = office.run("resource delete", name="main")
        assert len(gone["with"]) == 5
        assert office.run("resource list")["resources"] == []

    def test_a_name_means_what_is_used_before_what_holds_it(self) -> None:
        group = group_path(SUBSCRIPTION, "acs-demo")
        subscription = Subscription(subscription_path(OTHER), TENANT, "acs-demo")
        office = Office([*entries().values(), ResourceGroup(group), subscription])
        for kind, meant in (
            ("", SERVICE), ("communication", SERVICE), ("group", group),
            ("subscription", subscription.id),
        ):  # fmt: skip
            assert office.run("resource show", name="acs-demo", kind=kind)["id"] == meant

    def test_linked_and_unlinked(self, office: Office) -> None:
        pair = {"name": "acs-demo", "domain": "AzureManagedDomain"}
        assert office.refusal("resource link", **pair)[0] == "AlreadyExists"
        assert office.run("resource unlink", **pair)["linked_domains"] == []
        assert office.refusal("resource unlink", **pair)[0] == "NotFound"
        pair["domain"] = DOMAIN_NAME
        assert office.run("resource link", **pair)["linked_domains"] == [DOMAIN_NAME]

    def test_not_before_it_is_verified(self, office: Office) -> None:
        office.run("domain create", name=MAIL)
        code, said = office.refusal("resource link", name="acs-demo", domain=MAIL)
        assert (code, "not verified" in said) == ("InvalidLinkedDomains", True)

    def test_only_mail_is_linked(self, office: Office) -> None:
        refused = office.refusal("resource create", name="x", kind="email", links=[MAIL])
        assert refused[0] == "BadRequest"

    def test_keys(self, office: Office) -> None:
        office.run("resource create", name="news", kind="communication")
        first = office.run("resource keys", name="news")
        key = first["primary_key"]
        assert len(key) == 88
        assert first["primary_connection_string"] == (
            f"endpoint=https://localhost:2443/;accesskey={key}"
        )
        second = office.run("resource keys", name="news", regenerate="primary")
        assert second["primary_key"] != key
        assert second["secondary_key"] == first["secondary_key"]
        assert office.run("resource keys", name="news") == second

    def test_no_endpoint_while_none_runs(self) -> None:
        office = Office(endpoint=None)
        office.run("resource create", name="news", kind="communication")
        shown = office.run("resource keys", name="news")
        assert shown["primary_key"]
        assert shown["primary_connection_string"] is None

    def test_a_change_from_here_is_stamped(self, office: Office) -> None:
        office.run("resource create", name="news", kind="communication")
        [made] = office.directory.find(CommunicationService, "news")
        assert made.stamp.created_at == office.time


class FakeResolver:
    """Returns the records that the test sets."""

    def __init__(self, records: Mapping[str, tuple[str, ...]]) -> None:
        self.records = records

    async def txt(self, name: str) -> DnsAnswer[str]:
        records = self.records.get(name, ())
        return DnsAnswer("found" if records else "no_such_name", records)

    async def cname(self, name: str) -> DnsAnswer[str]:
        return await self.txt(name)

    async def mx(self, domain: str) -> DnsAnswer[Any]:
        raise NotImplementedError

    async def addresses(self, name: str) -> DnsAnswer[str]:
        raise NotImplementedError


class TestDomains:
    def test_life(self, office: Office) -> None:
        made = office.run("domain create", name=MAIL)
        assert names(made["records"], "proof") == ["Domain", "SPF", "DKIM", "DKIM2", "DMARC"]
        assert set(made["verification"].values()) == {"NotStarted"}
        assert made["email_service"] == "acs-demo-email"
        assert len(office.run("domain list", parent="acs-demo-email")["domains"]) == 2
        assert office.run("domain show", name=MAIL) == made | {"senders": []}
        del made["records"]
        assert office.run("domain delete", name=MAIL) == {"deleted": made, "with": []}

    def test_by_hand(self, office: Office) -> None:
        office.run("domain create", name=MAIL)
        shown = office.run("domain verify", name=MAIL, by_hand=True, proofs=["Domain", "SPF"])
        assert shown["verification"]["SPF"] == "Verified"
        assert shown["verification"]["DKIM"] == "NotStarted"
        assert shown["proven"]
        shown = office.run("domain verify", name=MAIL, by_hand=True)
        assert set(shown["verification"].values()) == {"Verified"}

    def test_by_dns(self) -> None:
        records: dict[str, tuple[str, ...]] = {}
        office = Office(resolver=FakeResolver(records))
        made = office.run("domain create", name=MAIL)
        shown = office.run("domain verify", name=MAIL, by_dns=True)
        assert not shown["proven"]
        assert shown["verification"] == dict.fromkeys(made["verification"], "NotStarted") | {
            "Domain": "VerificationFailed"
        }
        for each in made["records"]:
            if each["proof"] != "DMARC":
                records[each["host"]] = (*records.get(each["host"], ()), each["value"])
        shown = office.run("domain verify", name=MAIL, by_dns=True)
        assert shown["proven"]
        assert shown["verification"]["DMARC"] == "VerificationFailed"
        [error] = [each["error"] for each in shown["records"] if each["error"]]
        assert error.startswith("RecordNotFound")
        assert not office.run("domain verify", name=MAIL, proofs=["DMARC"], by_dns=True)["proven"]

    def test_at_once_as_the_profile_has_it(self, office: Office) -> None:
        office.run("domain create", name=MAIL)
        shown = office.run("domain verify", name=MAIL)
        assert shown["proven"]
        assert set(shown["verification"].values()) == {"Verified"}

    def test_by_hand_as_the_profile_has_it(self) -> None:
        office = Office(verification="manual")
        office.run("domain create", name=MAIL)
        shown = office.run("domain verify", name=MAIL)
        assert not shown["proven"]
        assert shown["verification"]["Domain"] == "VerificationRequested"
        assert office.run("domain verify", name=MAIL, by_hand=True)["proven"]

    def test_not_the_others_before_the_domain(self) -> None:
        office = Office(resolver=FakeResolver({}))
        office.run("domain create", name=MAIL)
        refused = office.refusal("domain verify", name=MAIL, proofs=["SPF"])
        assert refused[0] == "DomainNotVerified"

    def test_not_while_it_is_linked(self, office: Office) -> None:
        assert office.refusal("domain delete", name=DOMAIN_NAME)[0] == "Conflict"


class TestSenders:
    def test_life(self, office: Office) -> None:
        made = office.run("sender create", name="News", display_name="The news")
        assert made["address"] == f"News@{DOMAIN_NAME}"
        assert made["name"] == "news"
        assert names(office.run("sender list", parent=DOMAIN_NAME)["senders"], "username") == [
            "DoNotReply", "News",
        ]  # fmt: skip
        assert office.run("sender show", name=f"news@{DOMAIN_NAME}") == made
        assert office.run("sender delete", name="news")["deleted"] == made

    @pytest.mark.parametrize("name", ["a+b", "a/b", "{x}"])
    def test_any_local_part(self, office: Office, name: str) -> None:
        assert office.run("sender create", name=name)["username"] == name
        assert office.run("sender delete", name=name)["deleted"]["username"] == name

    def test_a_local_part_that_needs_smtputf8_is_refused(self, office: Office) -> None:
        code, sentence = office.refusal("sender create", name="m\u00fcller")[:2]
        assert code == "InvalidSenderUserName"
        assert "SMTPUTF8" in sentence

    def test_the_address_says_the_domain(self, office: Office) -> None:
        office.run("domain create", name=MAIL)
        assert office.run("sender create", name=f"news@{MAIL}")["address"] == f"news@{MAIL}"
        assert office.refusal("sender create", name="news")[0] == "ParentNeeded"
        refused = office.refusal("sender create", name=f"x@{MAIL}", parent=DOMAIN)
        assert refused[0] == "BadRequest"

    def test_once(self, office: Office) -> None:
        assert office.refusal("sender create", name="donotreply")[0] == "AlreadyExists"


class TestSmtpUsernames:
    def test_life(self, office: Office) -> None:
        made = office.run("smtp-username create", name="login", username="newsletter")
        assert (made["app"], made["resource"]) == ("sender", "acs-demo")
        assert made["tenant_id"] == TENANT
        listed = office.run("smtp-username list", parent="acs-demo")
        assert listed == {"smtp_usernames": [made]}
        assert office.run("app show", name="sender")["usernames"] == [USERNAME, "newsletter"]
        assert office.run("resource show", name="acs-demo")["smtp_usernames"] == ["newsletter"]
        for name in ("login", "newsletter"):
            assert office.run("smtp-username show", name=name) == made
        assert office.run("smtp-username delete", name="newsletter")["deleted"] == made

    def test_the_role_comes_first(self, office: Office) -> None:
        office.run("app create", name="billing")
        refused = office.refusal("smtp-username create", name="x", username="y", app="billing")
        assert refused[0] == "InvalidEntraApplication"


REFUSED = [
    ("app show", {"name": "sendr"}, "NotFound", "did you mean 'sender'?"),
    ("app show", {"name": "qqqqqqq"}, "NotFound", "there is sender"),
    ("role show", {"name": "email sendr"}, "NotFound", "'Email Sender'"),
    ("resource show", {"name": "acs"}, "NotFound", "no resource 'acs'"),
    ("smtp-username show", {"name": "x"}, "NotFound", "there is no SMTP user name at all"),
    ("app create", {"name": "SENDER"}, "AlreadyExists", "example.com"),
    ("app create", {"name": "x", "parent": "nowhere"}, "NotFound", "no tenant 'nowhere'"),
    ("domain create", {"name": ""}, "BadRequest", "name"),
    ("domain create", {"managed": True}, "AlreadyExists", "AzureManagedDomain"),
    ("resource create", {"name": "mail", "kind": "group"}, "AlreadyExists", "mail"),
    ("resource create", {"name": "acs-demo", "kind": "communication"}, "AlreadyExists", ""),
    ("resource create", {"name": "x", "kind": "queue"}, "BadRequest", "queue"),
    ("app create", {}, "BadRequest", "name"),
    ("app create", {"name": 5}, "BadRequest", "str"),
    ("app rename", {}, "BadRequest", "app rename"),
]


@pytest.mark.parametrize(("operation", "fields", "code", "said"), REFUSED)
def test_invalid_requests_are_refused(
    office: Office, operation: str, fields: dict[str, Any], code: str, said: str
) -> None:
    refused = office.refusal(operation, **fields)
    assert refused[0] == code
    assert said in refused[1]


def test_a_listing_does_not_depend_on_what_was_made_first() -> None:
    """The order of creation is unknown after a restart."""
    listings = [
        {noun: office.run(f"{noun} list") for noun in ("app", "role", "resource", "sender")}
        for there in (list(entries().values()), list(reversed(entries().values())))
        for office in [Office(there)]
    ]
    assert listings[0] == listings[1]


def test_every_answer_travels(office: Office) -> None:
    """Every answer has plain values only, and of a secret only its value, once."""
    for operation in (
        "tenant list", "app list", "secret list", "role list", "resource list", "domain list",
        "sender list", "smtp-username list",
    ):  # fmt: skip
        answer = office.run(operation)
        assert json.loads(json.dumps(answer)) == answer


def test_the_first_application_is_listed(office: Office) -> None:
    [app] = office.directory.all(Application)
    assert office.run("app list")["apps"] == [
        {
            "id": APPLICATION,
            "name": app.display_name,
            "object_id": OTHER,
            "tenant_id": TENANT,
            "multitenant": False,
            "redirect_uris": [],
            "service_principal_id": PRINCIPAL,
            "secrets": 1,
        }
    ]


def test_an_empty_directory_names_the_first_command() -> None:
    office = Office([])
    _, told = office.refusal("resource create", name="mail", kind="email")
    assert told == (
        "there is no resource group yet; `gatepost resource create NAME --kind group` makes one"
    )
    _, told = office.refusal("app create", name="billing")
    assert told == "there is no tenant yet; `gatepost tenant create DOMAIN` makes one"
