"""Causes in OAuth: tokens, applications and their roles."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

_BEHIND: Final = (
    "gatepost doctor HOST:PORT --username NAME --password-file FILE: it asks the tenant's authority"
)

# fmt: off
CAUSES: Final = (
    Cause("oauth_scope_wrong", "auth", 3,
          "The access token is not for sending over SMTP.",
          "Ask for the right scope: https://mail.google.com/ at Google (gmail.send is not "
          "enough), https://outlook.office.com/SMTP.Send at Microsoft.",
          probe="decode the 334 that came before the refusal, and the token's scope and audience",
          seen_in="provider"),
    Cause("oauth_wrong_identity", "auth", 2,
          "The user name in XOAUTH2 is not that of the token.",
          "Name the account that signed in (for a shared mailbox its delegate), and keep the "
          "shared address for MAIL FROM.",
          probe="decode the token: upn or preferred_username", seen_in="provider"),
    Cause("oauth_refresh_token_expired", "auth", 1,
          "No access token is available: the refresh token has expired or was revoked.",
          "Sign in again and store the new refresh token; Google's expire after 7 days while the "
          "consent screen is in testing.",
          probe="ask the token endpoint, and read its error"),
    Cause("oauth_client_auth_failed", "auth", 1,
          "The token endpoint does not accept the application's id and secret.",
          "Check application id, tenant and secret value (not the secret's id).",
          probe="a client-credentials request with the same values"),
    Cause("expired_secret", "auth", 1,
          "The application's secret has expired.",
          "Create a new client secret, and replace the old value with its value.",
          probe="a client-credentials request with the same application and secret"),
    Cause("token_expired", "auth", 4,
          "The access token is not valid at this time.",
          "Get a new token before the old one expires; compare the clocks.",
          probe="gatepost doctor --token-file FILE: when the token expires", seen_in="provider"),
    Cause("tenant_unknown", "auth", 2,
          "There is no such tenant.",
          "Copy the Directory (tenant) ID from the application's overview.",
          probe=_BEHIND),
    Cause("application_unknown", "auth", 2,
          "The tenant has no such application.",
          "Copy the Application (client) ID from its overview, not the object id.",
          probe=_BEHIND),
    Cause("service_principal_missing", "auth", 2,
          "The application has no service principal in the tenant.",
          "az ad sp create --id APPLICATION",
          probe=_BEHIND),
    Cause("resource_unknown", "auth", 2,
          "There is no Communication Services resource with the name that the user name contains.",
          "Use the name of the Communication Services resource, as it was created in the end.",
          probe=_BEHIND),
    Cause("role_missing", "auth", 2,
          "The application has no role that lets it send.",
          "Assign Communication and Email Service Owner on the resource to its service principal.",
          probe=_BEHIND),
    Cause("role_wrong_scope", "auth", 2,
          "The role is assigned, but not on this resource or above it.",
          "Assign it on the Communication Services resource, its resource group or subscription.",
          probe=_BEHIND),
    Cause("smtp_username_missing", "auth", 2,
          "The SMTP user name does not exist, or stands for another application.",
          "Create an SMTP user name of the resource that stands for the application.",
          probe=_BEHIND),
    Cause("access_not_propagated", "auth", 2,
          "The role or SMTP user name was created minutes ago and is not effective everywhere yet.",
          "Wait five minutes and try again, once.",
          probe=_BEHIND),
)
# fmt: on
