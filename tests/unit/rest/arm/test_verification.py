"""The proof of a customer's domain: at once, by the DNS, or by hand."""

import asyncio
from typing import Any

import pytest

from gatepost.directory.azure.changes import verification
from gatepost.directory.azure.entries import Domain
from gatepost.model.dns import DnsAnswer, MxRecord
from tests.unit.directory.azure.world import EMAIL
from tests.unit.rest.arm.asking import BASE, Management
from tests.unit.rest.in_process import Answered

CUSTOM = f"{EMAIL}/domains/example.org"
PUT = {"location": "global", "properties": {"domainManagement": "CustomerManaged"}}
PROOFS = ("Domain", "SPF", "DKIM", "DKIM2", "DMARC")


class Zone:
    """Implements ``model.dns.Resolver`` with what a test says."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, ...]] = {}
        self.aliases: dict[str, tuple[str, ...]] = {}
        self.fault = ""

    def _answer(self, records: tuple[str, ...] | None) -> DnsAnswer[str]:
        if self.fault:
            return DnsAnswer("failed", reason=self.fault)
        return DnsAnswer("found", records) if records else DnsAnswer("no_such_name")

    async def txt(self, name: str) -> DnsAnswer[str]:
        return self._answer(self.texts.get(name))

    async def cname(self, name: str) -> DnsAnswer[str]:
        return self._answer(self.aliases.get(name))

    async def mx(self, _domain: str) -> DnsAnswer[MxRecord]:
        return DnsAnswer("no_records")

    async def addresses(self, _name: str) -> DnsAnswer[str]:
        return DnsAnswer("no_records")


def begin(api: Management, proof: str) -> Answered:
    return api.ask("POST", f"{CUSTOM}/initiateVerification", {"verificationType": proof})


def states(api: Management) -> dict[str, tuple[str, str]]:
    found: dict[str, Any] = api.ask("GET", CUSTOM).json["properties"]["verificationStates"]
    return {name: (each["status"], each["errorCode"]) for name, each in found.items()}


def follow(api: Management, answer: Answered) -> Answered:
    path, _, query = answer.headers["location"].removeprefix(BASE).partition("?")
    assert query == "api-version=2025-09-01"
    return api.ask("GET", path)


def test_instant_needs_no_dns() -> None:
    api = Management(verification="instant")
    assert api.ask("PUT", CUSTOM, PUT).status == 201
    assert set(states(api).values()) == {("NotStarted", "None")}
    refused = begin(api, "SPF")
    assert (refused.status, refused.code) == (400, "DomainNotVerified")
    for proof in PROOFS:
        answer = begin(api, proof.upper())
        assert (answer.status, answer.body) == (202, b"")
        assert answer.headers["retry-after"] == "1"
        done = follow(api, answer)
        assert (done.status, done.json["status"]) == (200, "Succeeded")
    assert set(states(api).values()) == {("Verified", "None")}


def test_manual_waits_for_a_hand() -> None:
    api = Management(verification="manual")
    api.ask("PUT", CUSTOM, PUT)
    assert begin(api, "Domain").status == 202
    assert states(api)["Domain"] == ("VerificationRequested", "None")
    asyncio.run(api.directory.change(lambda view: verification.confirm(view, CUSTOM)))
    assert set(states(api).values()) == {("Verified", "None")}


def test_the_dns_decides() -> None:
    zone = Zone()
    api = Management(verification="dns", resolver=zone)
    records = api.ask("PUT", CUSTOM, PUT).json["properties"]["verificationRecords"]
    assert begin(api, "Domain").status == 202
    assert states(api)["Domain"] == ("VerificationFailed", "RecordNotFound")
    event, facts = api.reports[-1]
    assert event == "domain_not_verified"
    assert facts["reason"] == "RecordNotFound: there is no TXT record at example.org"
    zone.texts["example.org"] = (records["Domain"]["value"], "v=spf1 ~all")
    begin(api, "Domain")
    assert states(api)["Domain"] == ("Verified", "None")
    assert api.reports[-1][0] == "domain_verified"
    begin(api, "SPF")
    assert states(api)["SPF"] == ("VerificationFailed", "RecordMismatch")
    zone.texts["example.org"] = (records["SPF"]["value"],)
    zone.texts["_dmarc.example.org"] = ("v=DMARC1; p=none",)
    for key in ("DKIM", "DKIM2"):
        zone.aliases[f"{records[key]['name']}.example.org"] = (records[key]["value"],)
    for proof in PROOFS[1:]:
        begin(api, proof)
    assert set(states(api).values()) == {("Verified", "None")}


def test_a_dns_that_does_not_answer() -> None:
    zone = Zone()
    zone.fault = "no answer in time"
    for resolver in (zone, None):
        api = Management(verification="dns", resolver=resolver)
        api.ask("PUT", CUSTOM, PUT)
        begin(api, "Domain")
        assert states(api)["Domain"] == ("VerificationFailed", "DnsUnavailable")


def test_cancelled_and_revoked() -> None:
    api = Management(verification="manual")
    api.ask("PUT", CUSTOM, PUT)
    begin(api, "Domain")
    cancelled = api.ask("POST", f"{CUSTOM}/cancelVerification", {"verificationType": "Domain"})
    assert cancelled.status == 202
    assert follow(api, cancelled).status == 200
    assert states(api)["Domain"] == ("NotStarted", "None")
    asyncio.run(api.directory.change(lambda view: verification.confirm(view, CUSTOM)))
    revoked = api.ask("POST", f"{CUSTOM}/revokeVerification", {"verificationType": "Domain"})
    assert revoked.status == 202
    assert set(states(api).values()) == {("NotStarted", "None")}


@pytest.mark.parametrize("body", [{}, {"verificationType": "MX"}])
def test_unknown_proofs(body: object) -> None:
    api = Management()
    api.ask("PUT", CUSTOM, PUT)
    answer = api.ask("POST", f"{CUSTOM}/initiateVerification", body)
    assert answer.status == 400


def test_a_domain_that_went_meanwhile_stays_gone() -> None:
    class Slow(Zone):
        async def txt(self, _name: str) -> DnsAnswer[str]:
            domain = api.directory.get(Domain, CUSTOM)
            assert domain is not None
            await api.directory.save([], [domain])
            return DnsAnswer("no_such_name")

    api = Management(verification="dns", resolver=Slow())
    api.ask("PUT", CUSTOM, PUT)
    assert begin(api, "Domain").status == 202
    assert api.ask("GET", CUSTOM).status == 404


def test_an_unknown_operation() -> None:
    home = EMAIL.split("/resourceGroups")[0]
    place = f"{home}/providers/Microsoft.Communication/locations/global/operationStatuses"
    assert Management().ask("GET", f"{place}/x").status == 404
