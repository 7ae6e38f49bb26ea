"""``POST /{tenant}/oauth2/[v2.0/]token``: a token, or the reason of a refusal."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.resource_ids import is_guid
from gatepost.directory.azure.tokens import resource_name
from gatepost.rest.entra.authority import Authority, find_authority
from gatepost.rest.entra.authorization_codes import AuthorizationCodes
from gatepost.rest.entra.code_grant import CODE_GRANT, redeem_code
from gatepost.rest.entra.device_codes import DeviceCodes
from gatepost.rest.entra.device_sign_in import DEVICE_GRANT, redeem_device_code
from gatepost.rest.entra.errors import POST_ONLY, EntraError
from gatepost.rest.entra.grant import Granted, grant
from gatepost.rest.entra.person_tokens import REFRESH_GRANT, redeem_refresh_token
from gatepost.rest.entra.token_request import Form, read_form
from gatepost.rest.site import Site

NOT_KEPT: Final = {"cache-control": "no-store, no-cache", "pragma": "no-cache"}
"""RFC 6749 5.1."""


@dataclass(frozen=True, slots=True)
class PeopleCodes:
    """The codes of people who are signing in."""

    codes: AuthorizationCodes
    devices: DeviceCodes
    grants: ClassVar = frozenset({CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT})

    def redeem(self, site: Site, authority: Authority, form: Form) -> dict[str, Any]:
        """Return the tokens of a person for a code or a refresh token. Raises EntraError."""
        match form.get("grant_type"):
            case "authorization_code":
                return redeem_code(site, authority, form, self.codes)
            case "refresh_token":
                return redeem_refresh_token(site, authority, form)
            case _:
                return redeem_device_code(site, authority, form, self.devices)


async def give_token(
    site: Site, request: Request, version: str, people: PeopleCodes | None = None
) -> Response:
    """Answer a token request; ``version`` is ``v2.0``, or empty for the first version. Without
    ``people``, only applications get tokens."""
    if request.method != "POST":
        raise EntraError(POST_ONLY, method=request.method)
    form = Form()
    try:
        authority = find_authority(request, site)
        form = await read_form(request, site.intake)
        if people is not None and form.get("grant_type") in people.grants:
            return JSONResponse(people.redeem(site, authority, form), headers=NOT_KEPT)
        granted = grant(site, authority, form, version)
    except EntraError as error:
        site.report(
            "token_not_issued",
            peer=request.client.host if request.client else "",
            application=_redact_client_id(form.get("client_id", "")),
            reply=f"{error.refusal.status} AADSTS{error.refusal.number}",
            reason=error.reason,
        )
        raise
    resource = resource_name(granted.audience) or "this origin"
    site.report("token_issued", application=granted.application.id, resource=resource)
    answer = _answer(granted) if version else _answer_of_version_1(site, granted)
    return JSONResponse(answer, headers=NOT_KEPT)


def _answer(granted: Granted) -> dict[str, Any]:
    seconds = granted.issued.expires_in
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": granted.issued.token.reveal(),
    }


def _answer_of_version_1(site: Site, granted: Granted) -> dict[str, Any]:
    """Return the response of version 1: numbers are strings, and it says when the token becomes
    valid and expires."""
    seconds, now = granted.issued.expires_in, int(site.now().timestamp())
    return {
        "token_type": "Bearer",
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(now + seconds),
        "not_before": str(now),
        "resource": granted.audience,
        "access_token": granted.issued.token.reveal(),
    }


def _redact_client_id(client_id: str) -> str:
    """Return what a log may show, because people paste secrets in the place of the id."""
    if is_guid(client_id) or not client_id:
        return client_id
    return f"{client_id[:4]}... ({len(client_id)} characters)"
