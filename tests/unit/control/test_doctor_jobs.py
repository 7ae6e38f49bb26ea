"""The doctor over the API: a few checks at a time, never with a password."""

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from gatepost.control import doctor_jobs
from gatepost.control.doctor_jobs import MAX_JOBS, MAX_LOG, SAME_HOST, DoctorJobs
from gatepost.doctor.conclude import diagnose_evidence, diagnose_log
from gatepost.doctor.evidence_document import from_json
from gatepost.errors import TlsError
from gatepost.model.finding import Diagnosis
from gatepost.model.operation_errors import TooManyRequests

DIAGNOSIS = diagnose_log("535 5.7.8 Authentication credentials invalid")


class Doctor:
    """Answers when a test lets it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.may_answer = threading.Event()
        self.time = 0.0

    def probe(self, host: str, tls: str, library: str, ca_file: str) -> Diagnosis:
        assert ca_file == ""
        self.asked.append((host, tls, library))
        self.may_answer.wait(60)
        if host == "broken.example":
            raise TlsError("no such file")
        return DIAGNOSIS

    def jobs(self, on_end: Callable[..., None] = lambda _: None) -> DoctorJobs:
        now = datetime(2026, 11, 30, tzinfo=UTC)
        return DoctorJobs(lambda: now, lambda: self.time, on_end, self.probe)


async def end(jobs: DoctorJobs, id_: str) -> dict[str, object]:
    while jobs.running:
        await asyncio.wait(jobs.running)
    return await jobs.operate("job", {"id": id_})


def test_a_check_is_a_job() -> None:
    async def main() -> None:
        doctor = Doctor()
        ended: list[object] = []
        jobs = doctor.jobs(ended.append)
        begun = await jobs.operate(
            "probe", {"host": "a.example:465", "as": "node", "tls": "implicit"}
        )
        assert (begun["state"], begun["report"]) == ("running", None)
        doctor.may_answer.set()
        done = await end(jobs, begun["id"])
        assert doctor.asked == [("a.example:465", "implicit", "node")]
        assert done["state"] == "done"
        assert done["report"]["findings"][0]["id"] == "bad_credentials"  # type: ignore[index]
        assert ended == [done]
        failed = await end(jobs, (await jobs.operate("probe", {"host": "broken.example"}))["id"])
        assert (failed["state"], failed["error"]) == ("failed", "no such file")

    asyncio.run(main())


def test_few_checks_run_at_once_and_a_host_is_checked_rarely() -> None:
    async def main() -> None:
        doctor = Doctor()
        jobs = doctor.jobs()
        one = await jobs.operate("probe", {"host": "a.example"})
        with pytest.raises(TooManyRequests, match="less than 10 seconds"):
            await jobs.operate("probe", {"host": "A.example:465"})
        two = await jobs.operate("probe", {"host": "b.example"})
        with pytest.raises(TooManyRequests, match="2 servers"):
            await jobs.operate("probe", {"host": "c.example"})
        doctor.may_answer.set()
        await end(jobs, one["id"])
        await end(jobs, two["id"])
        doctor.time = SAME_HOST
        await end(jobs, (await jobs.operate("probe", {"host": "a.example"}))["id"])

    asyncio.run(main())


def test_old_jobs_are_forgotten() -> None:
    async def main() -> None:
        doctor = Doctor()
        doctor.may_answer.set()
        jobs = doctor.jobs()
        first = await jobs.operate("probe", {"host": "h.example"})
        for number in range(MAX_JOBS):
            await end(jobs, (await jobs.operate("probe", {"host": f"h{number}.example"}))["id"])
        with pytest.raises(KeyError, match="job"):
            await jobs.operate("job", {"id": first["id"]})

    asyncio.run(main())


@pytest.mark.parametrize(
    "fields",
    [
        {"host": ""}, {"host": "a b"}, {"host": "a.example", "tls": "maybe"},
        {"host": "a.example", "as": "no such library"}, {"host": "x" * 300},
        {"host": "a.example:99999999"},
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused(fields: dict[str, str]) -> None:
    doctor = Doctor()
    with pytest.raises(ValueError, match=r"."):
        asyncio.run(doctor.jobs().operate("probe", fields))
    assert doctor.asked == []


def test_a_log_is_read_without_its_secrets() -> None:
    async def main() -> None:
        jobs = Doctor().jobs()
        log = "C: AUTH PLAIN AGFsaWNlAFBsYW50M2RTZWNyZXQ=\nS: 535 5.7.8 Authentication failed\n"
        report = await jobs.operate("log", {"text": log, "client": "nodemailer"})
        assert report["findings"][0]["id"] == "bad_credentials"
        assert "Plant3d" not in str(report)
        assert "AGFsaWNlAFBsYW50M2RTZWNyZXQ" not in str(report)
        with pytest.raises(ValueError, match="characters"):
            await jobs.operate("log", {"text": "x" * (MAX_LOG + 1)})

    asyncio.run(main())


def test_a_log_that_is_kept_has_evidence_to_save() -> None:
    async def main() -> None:
        jobs = Doctor().jobs()
        log = "C: AUTH PLAIN AGFsaWNlAFBsYW50M2RTZWNyZXQ=\nS: 535 5.7.8 Authentication failed\n"
        job = await jobs.operate("log", {"text": log, "keep": True})
        assert (job["state"], job["host"]) == ("done", None)
        assert job["report"]["findings"][0]["id"] == "bad_credentials"
        evidence = await jobs.operate("evidence", {"id": job["id"]})
        assert evidence["source"] == "log"
        saved = diagnose_evidence(from_json(json.dumps(evidence).encode()))
        assert saved.findings[0].id == "bad_credentials"
        assert "Plant3d" not in json.dumps(evidence)
        with pytest.raises(KeyError, match="job"):
            await jobs.operate("evidence", {"id": "none"})

    asyncio.run(main())


def test_kept_reports_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        jobs = Doctor().jobs()
        kept = [await jobs.operate("log", {"text": "535 no", "keep": True}) for _ in range(4)]
        size = len(msgspec.json.encode(kept[0]["report"]))
        monkeypatch.setattr(doctor_jobs, "MAX_KEPT", 3 * size)
        newest = await jobs.operate("log", {"text": "535 no", "keep": True})
        assert (await jobs.operate("job", {"id": newest["id"]}))["report"]
        for each in kept[:2]:
            with pytest.raises(KeyError, match="job"):
                await jobs.operate("job", {"id": each["id"]})

    asyncio.run(main())


def test_a_finding_is_explained() -> None:
    async def main() -> None:
        jobs = Doctor().jobs()
        page = await jobs.operate("explain", {"id": "mechanism_not_offered", "as": "nodemailer"})
        assert page["id"] == "mechanism_not_offered"
        assert "## In " in page["page"]
        with pytest.raises(KeyError, match="finding"):
            await jobs.operate("explain", {"id": "nothing"})
        with pytest.raises(ValueError, match=r"library|client"):
            await jobs.operate("explain", {"id": "mechanism_not_offered", "as": "nothing"})

    asyncio.run(main())
