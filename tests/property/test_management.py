"""The management API answers every request as Resource Manager would, and stays consistent."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.directory.azure.entries import (
    KINDS,
    CommunicationService,
    Domain,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    SmtpUsername,
)
from gatepost.directory.azure.entry_records import entries_of, record_of
from tests.examples import examples
from tests.unit.directory.azure.world import (
    APPLICATION,
    ASSIGNMENT,
    DOMAIN,
    EMAIL,
    GROUP,
    OTHER,
    PRINCIPAL,
    ROLE,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
)
from tests.unit.rest.arm.asking import OWNER, Management

AUTH = "providers/Microsoft.Authorization"
NAME = st.one_of(
    st.sampled_from(
        ["a", "B", "example.org", "AzureManagedDomain", "DoNotReply", OTHER, "x" * 300]
    ),
    st.text(max_size=5),
)
PATHS = st.one_of(
    st.sampled_from(
        [
            "/subscriptions",
            f"/subscriptions/{SUBSCRIPTION}",
            GROUP,
            SERVICE,
            EMAIL,
            DOMAIN,
            f"{SERVICE}/{AUTH}/roleAssignments/{ASSIGNMENT}",
            f"{GROUP}/{AUTH}/roleDefinitions/{ROLE}",
            f"{GROUP}/{AUTH}/roleDefinitions/{OTHER}",
            f"{GROUP}/{AUTH}/roleAssignments/{OTHER}",
        ]
    ),
    st.builds(
        "{}/{}/{}".format,
        st.sampled_from(
            [
                f"/subscriptions/{SUBSCRIPTION}/resourceGroups",
                f"{GROUP}/providers/Microsoft.Communication/emailServices",
                f"{GROUP}/providers/Microsoft.Communication/communicationServices",
                f"{EMAIL}/domains",
                f"{DOMAIN}/senderUsernames",
                f"{DOMAIN}/suppressionLists",
                f"{SERVICE}/smtpUsernames",
            ]
        ),
        NAME,
        st.sampled_from(["", "listKeys", "initiateVerification", f"{AUTH}/permissions"]),
    ),
    st.lists(NAME, max_size=9).map(lambda words: "/subscriptions/" + "/".join(words)),
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    NAME,
    st.none(),
    st.integers(),
    st.sampled_from(
        ["Japan", "United States", "AzureManaged", "CustomerManaged", OWNER, PRINCIPAL, APPLICATION]
    ),
    st.lists(st.sampled_from([DOMAIN, EMAIL, GROUP, "*", "*/read", "x"]), max_size=3),
)
KEYS = st.sampled_from(
    [
        "dataLocation", "linkedDomains", "domainManagement", "username", "displayName",
        "roleDefinitionId", "principalId", "listName", "entraApplicationId", "tenantId",
        "roleName", "assignableScopes", "permissions", "disableLocalAuth",
    ]
)  # fmt: skip
BODIES = st.one_of(
    st.fixed_dictionaries(
        {"properties": st.dictionaries(KEYS, VALUES, max_size=6)},
        optional={
            "location": st.sampled_from(["global", "Global", "x", ""]),
            "tags": st.dictionaries(NAME, NAME, max_size=2),
            "keyType": NAME,
            "verificationType": st.sampled_from(["Domain", "SPF", "x"]),
        },
    ),
    st.binary(max_size=20),
)
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"])
WILD = st.tuples(METHODS, PATHS, BODIES)

SECOND = EMAIL.replace("acs-demo-email", "second")
SERVICES = (SERVICE, SERVICE.replace("acs-demo", "another"), SERVICE.upper())
DOMAINS = (DOMAIN, f"{EMAIL}/domains/example.org", f"{SECOND}/domains/AzureManagedDomain")
LOCATIONS = ("Japan", "United States")


def wish(**properties: object) -> dict[str, Any]:
    """Return a body that is often valid."""
    return {"location": "global", "properties": properties}


PUTS = st.one_of(
    st.tuples(
        st.sampled_from([EMAIL, SECOND]),
        st.builds(wish, dataLocation=st.sampled_from(LOCATIONS)),
    ),
    st.tuples(
        st.sampled_from(DOMAINS),
        st.builds(wish, domainManagement=st.sampled_from(["AzureManaged", "CustomerManaged"])),
    ),
    st.tuples(
        st.sampled_from(SERVICES),
        st.builds(
            wish,
            dataLocation=st.sampled_from(LOCATIONS),
            linkedDomains=st.lists(st.sampled_from(DOMAINS), max_size=3),
        ),
    ),
    st.tuples(
        st.builds("{}/senderUsernames/{}".format, st.sampled_from(DOMAINS), st.sampled_from("ab")),
        st.builds(wish, username=st.sampled_from(["a", "B", "donotreply"])),
    ),
    st.tuples(
        st.builds("{}/smtpUsernames/{}".format, st.sampled_from(SERVICES), st.sampled_from("ab")),
        st.builds(
            wish,
            username=st.sampled_from(["a", "login", "LOGIN", "x@example.org"]),
            entraApplicationId=st.just(APPLICATION),
            tenantId=st.just(TENANT),
        ),
    ),
    st.tuples(
        st.builds(
            f"{{}}/{AUTH}/roleAssignments/{{}}".format,
            st.sampled_from([GROUP, SERVICE]),
            st.sampled_from([OTHER, ASSIGNMENT]),
        ),
        st.builds(
            wish, roleDefinitionId=st.sampled_from([ROLE, OWNER]), principalId=st.just(PRINCIPAL)
        ),
    ),
)
TAME = st.one_of(
    PUTS.map(lambda put: ("PUT", *put)),
    PUTS.map(lambda put: ("DELETE", put[0], None)),
    st.sampled_from(["Domain", "SPF", "DKIM", "DKIM2"]).map(
        lambda proof: ("POST", f"{DOMAINS[1]}/initiateVerification", {"verificationType": proof})
    ),
)
STEPS = st.lists(st.one_of(TAME, TAME, WILD), max_size=14)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_any_requests_are_answered_and_leave_a_sound_directory(
    steps: list[tuple[str, str, Any]],
) -> None:
    api = Management()
    for method, path, body in steps:
        answer = api.ask(method, path, body)
        assert 200 <= answer.status < 500, (method, path, body, answer.body)
        if answer.status >= 400 and answer.body.startswith(b"{"):
            assert answer.message
    check(api)


def check(api: Management) -> None:
    """Check what must hold after every request."""
    view = api.directory.snapshot
    for service in view.all(CommunicationService):
        linked = [view.get(Domain, each) for each in service.linked_domains]
        assert None not in linked
        assert all(each is not None and each.verification.allows_linking for each in linked)
        assert all(
            each is not None and each.data_location == service.data_location for each in linked
        )
    names = [each.name.lower() for each in view.all(CommunicationService)]
    assert len(set(names)) == len(names)
    for assignment in view.all(RoleAssignment):
        assert view.get(RoleDefinition, assignment.role_definition_id) is not None or (
            assignment.role_definition_id == OWNER
        )
    for sender in view.all(SenderUsername):
        assert view.get(Domain, sender.found_by) is not None
    for username in view.all(SmtpUsername):
        assert view.get(CommunicationService, username.service_id) is not None
        assert username.username.lower() != username.name.lower()
    kept = [each for kind in KINDS for each in view.all(kind)]
    assert entries_of([record_of(each) for each in kept], {}) == kept
