"""The doctor in the browser: a log that is pasted, and a server that is checked."""

import json
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.backend import Backend
from gatepost.console.forms import read_own_form
from gatepost.console.markdown_blocks import markdown_blocks
from gatepost.console.page_parts import Desk, file_response, see_other
from gatepost.model.console_access import USER, ConsoleEndpoint
from gatepost.model.operation_errors import TooManyRequests
from gatepost.model.unprintable import escape_unprintable

EXAMPLE: Final = """\
DEBUG: getProvider() returning SMTP provider smtp.office365.com
EHLO app01
250-AUTH LOGIN XOAUTH2
250 STARTTLS
AUTH LOGIN ********
535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.
jakarta.mail.AuthenticationFailedException: 535 5.7.139 Authentication unsuccessful
"""
"""A log to try the page with."""


class DoctorPages:
    """The doctor's page, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/doctor", "support", "doctor.show", "Show the doctor."), self.show),
            (e("POST", "/doctor", "support", "doctor.log", "Find the cause in a log."),
             self.read_log),
            (e("POST", "/doctor/probe", "operator", "doctor.probe", "Check a server."),
             self.probe),
            (e("GET", "/doctor/jobs/{id}", "support", "doctor.job", "Show a check."),
             self.show_job),
            (e("GET", "/doctor/jobs/{id}/evidence", "support", "doctor.evidence", "Save it."),
             self.save_evidence),
            (e("GET", "/doctor/findings/{id}", "viewer", "doctor.explain", "Explain a finding."),
             self.explain),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /doctor``."""
        return await self._page(request, {})

    async def _page(self, request: Request, values: dict[str, Any], status: int = 200) -> Response:
        everything = {
            "report": None,
            "job": None,
            "problem": "",
            "example": EXAMPLE,
            "may_probe": request.scope[USER].may_act_as("operator"),
            **values,
        }
        return await self._desk.page(request, "doctor", "doctor.html", everything, status)

    async def read_log(self, request: Request) -> Response:
        """``POST /doctor``: the log is redacted before anything is kept, and not shown again; what
        was found has an address of its own."""
        form = await read_own_form(request)
        text = EXAMPLE if form.first("example") else form.first("text")
        if not text.strip():
            return see_other("/doctor")
        try:
            job = await self._backend.call("doctor.log", text=text, keep=True)
        except (ValueError, TooManyRequests) as error:
            return await self._page(request, {"problem": str(error)}, 400)
        return see_other(f"/doctor/jobs/{job['id']}")

    async def probe(self, request: Request) -> Response:
        """``POST /doctor/probe``: check a server, without a login."""
        form = await read_own_form(request)
        try:
            job = await self._backend.call(
                "doctor.probe", host=form.first("host").strip(), tls=form.first("tls") or None
            )
        except (ValueError, TooManyRequests) as error:
            return await self._page(request, {"problem": str(error)}, 400)
        return see_other(f"/doctor/jobs/{job['id']}")

    async def show_job(self, request: Request) -> Response:
        """``GET /doctor/jobs/{id}``: a check of a server, which may still run."""
        try:
            job = await self._backend.call("doctor.job", id=request.path_params["id"])
        except KeyError as error:
            return await self._page(request, {"problem": f"There is no {error.args[0]}."}, 404)
        return await self._page(request, {"job": job, "report": job["report"]})

    async def save_evidence(self, request: Request) -> Response:
        """``GET /doctor/jobs/{id}/evidence``: what ``gatepost doctor --evidence FILE`` reads."""
        id_ = str(request.path_params["id"])
        try:
            evidence = await self._backend.call("doctor.evidence", id=id_)
        except KeyError as error:
            raise PageRefused(404, "missing", what=error.args[0]) from None
        text = escape_unprintable(json.dumps(evidence, ensure_ascii=False, indent=1))
        return file_response(f"{text}\n".encode(), f"evidence-{id_}.json")

    async def explain(self, request: Request) -> Response:
        """``GET /doctor/findings/{id}``: what a finding means, how it is proven, and the fix."""
        try:
            page = await self._backend.call("doctor.explain", id=request.path_params["id"])
        except KeyError as error:
            raise PageRefused(404, "missing", what=error.args[0]) from None
        values = {"id": page["id"], "blocks": list(markdown_blocks(page["page"]))}
        return await self._desk.page(request, "doctor", "finding.html", values)
