"""``/{tenant}/oauth2/v2.0/devicecode``, and the page on which a person enters the code.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code; RFC 8628
"""

from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.entries import Tenant
from gatepost.rest.entra.authority import Authority, find_authority, tenant_of
from gatepost.rest.entra.delegated import ask_for_consent, read_scopes
from gatepost.rest.entra.device_codes import INTERVAL, LIFETIME, DeviceCodes, DeviceSignIn
from gatepost.rest.entra.errors import EntraError
from gatepost.rest.entra.grant import find_application
from gatepost.rest.entra.pages import code_form, consent_form, people_form, show_page
from gatepost.rest.entra.people import PERSON_FIELDS, chosen_person, mailboxes_of, people_of
from gatepost.rest.entra.person_tokens import SignedIn, client_of, respond
from gatepost.rest.entra.token_request import Form, read_form
from gatepost.rest.site import Site

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
PATH: Final = "oauth2/deviceauth"


async def give_device_code(site: Site, request: Request, devices: DeviceCodes) -> Response:
    """Answer a device that wants to sign in."""
    authority = find_authority(request, site)
    form = await read_form(request, site.intake)
    application, tenant = client_of(site, authority, form), tenant_of(authority)
    wanted = read_scopes(form.need("scope").split())
    device_code, user_code = devices.issue(tenant.id, application.id, wanted.scopes)
    where = authority.url(PATH)
    return JSONResponse(
        {
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": where,
            "expires_in": int(LIFETIME),
            "interval": int(INTERVAL),
            "message": f"To sign in, use a web browser to open the page {where} and enter the "
            f"code {user_code} to authenticate.",
        },
        headers={"cache-control": "no-store, no-cache"},
    )


def redeem_device_code(
    site: Site, authority: Authority, form: Form, devices: DeviceCodes
) -> dict[str, Any]:
    """Return the response to a device whose person has signed in. Raises EntraError."""
    application, tenant = client_of(site, authority, form), tenant_of(authority)
    device = devices.redeem(form.need("device_code"), application.id, tenant.id)
    assert device.person is not None  # noqa: S101 - redeem raises otherwise
    wanted = read_scopes(device.scopes)
    return respond(site, authority, SignedIn(tenant, application, device.person, wanted))


async def show_device_page(site: Site, request: Request, devices: DeviceCodes) -> Response:
    """Ask for the code (``GET``); let a person sign in, consent or decline (``POST``)."""
    try:
        tenant = tenant_of(find_authority(request, site))
        if request.method != "POST":
            return show_page("Enter code", code_form())
        form = await read_form(request, site.intake)
        device = devices.find(form.need("user_code"), tenant.id)
        return await _sign_in(site, tenant, device, form)
    except EntraError as error:
        return show_page("Enter code", f"<p>{escape(error.text)}</p>{code_form()}", 400)


async def _sign_in(site: Site, tenant: Tenant, device: DeviceSignIn, form: Form) -> Response:
    """Ask for the person and its consent. Raises EntraError."""
    application = find_application(site, device.client_id, tenant)
    hidden = {"user_code": device.user_code}
    if form.get("consent") == "decline":
        device.is_declined = True
        return show_page("Sign in", "<p>You have declined. You may close this window.</p>")
    person = chosen_person(tenant, form, mailboxes_of(site))
    if person is None:
        people = people_of(tenant, mailboxes_of(site))
        return show_page(f"Sign in to {application.display_name}", people_form(people, hidden))
    wanted = read_scopes(device.scopes)
    missing = await ask_for_consent(site, application, wanted, form.get("consent", ""))
    if missing:
        chosen = {name: form[name] for name in PERSON_FIELDS if name in form}
        asked = consent_form(application, missing, {**hidden, **chosen})
        return show_page("Permissions requested", asked)
    device.person = person
    return show_page("Sign in", "<p>You have signed in. You may close this window.</p>")
