"""The composite user name: RESOURCE.APPLICATION.TENANT, or the same with bars."""

import re
from dataclasses import dataclass
from typing import Final

from gatepost.directory.azure.resource_ids import GUID_PATTERN, RESOURCE_NAME, is_guid

FORM: Final = "RESOURCE.APPLICATION.TENANT"


@dataclass(frozen=True, slots=True)
class CompositeName:
    """A composite user name, its GUIDs in lower case."""

    resource: str
    application_id: str
    tenant_id: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.application_id}.{self.tenant_id}"


class UsernameError(ValueError):
    """The text is not a composite user name.

    ``mistake`` is what was probably meant; the message never shows the text, which may be a
    connection string with its key.
    """

    def __init__(self, mistake: str, sentence: str) -> None:
        super().__init__(sentence)
        self.mistake = mistake


def parse_username(text: str) -> CompositeName:
    """Return the parts of a composite user name, split from the right.

    Raises UsernameError with the mistake.
    """
    for separator in ("|", "."):
        parts = text.rsplit(separator, 2)
        if len(parts) == 3 and is_guid(parts[1]) and is_guid(parts[2]):
            resource, application, tenant = parts
            if RESOURCE_NAME.fullmatch(resource):
                return CompositeName(resource, application.lower(), tenant.lower())
            break
    raise _mistake_in(text)


def folded_username(text: str) -> str:
    """Return the form in which user names are equal that stand for the same."""
    try:
        return str(parse_username(text)).lower()
    except UsernameError:
        return text.lower()


def _mistake_in(text: str) -> UsernameError:
    for pattern, mistake, sentence in _MISTAKES:
        if pattern.fullmatch(text):
            return UsernameError(mistake, sentence)
    return UsernameError(
        "not_composite", f"there is no SMTP user name like this, and it is not {FORM}"
    )


def _row(pattern: str, mistake: str, sentence: str) -> tuple[re.Pattern[str], str, str]:
    expression = pattern.replace("GUID", GUID_PATTERN).replace("SEP", "[.|]")
    return re.compile(expression, re.IGNORECASE | re.DOTALL), mistake, sentence


# The first row that matches gives the mistake. Each takes time linear in the text.
# fmt: off
_MISTAKES: Final = (
    _row(r"", "empty", "the user name is empty"),
    _row(r".*(?:endpoint|accesskey)=.*", "connection_string",
         f"a connection string was given; the user name is {FORM}"),
    _row(r"\s.*|.*\s", "white_space", "there is white space around the user name"),
    _row(r"\$\{.*\}|\$\w+|\{\{.*\}\}|%\w+%|<[^<>]*>", "placeholder",
         "it contains a variable or placeholder instead of its value"),
    _row(r"([\"'`]).+\1|(?=.*GUID).*[\"'`<>{}].*", "quoted",
         "there are quotation marks or brackets around the user name or a part of it"),
    _row(r"GUID", "guid_alone", f"an id alone was given; the user name is {FORM}"),
    _row(r".*SEPGUIDSEPGUIDSEP.*", "trailing_part", "something follows the tenant id"),
    _row(r"[^|@]+\|.*@.*", "sender_address",
         f"it contains a sender's address instead of the ids: {FORM}"),
    _row(r"GUIDSEPGUID(?:SEPGUID)?", "resource_missing", "the resource's name at the beginning is "
                                                         "missing"),
    _row(r".*(?:\|GUID\.|\.GUID\|)GUID", "mixed_separators",
         "dots and bars are mixed; use one of them twice"),
    _row(r"(?>.*\.communication\.)[^|]*SEPGUIDSEPGUID", "host_name",
         "it contains the resource's host name instead of its name alone"),
    _row(r".*SEPGUIDSEPGUID", "resource_name",
         "the resource's name has invalid characters, or more than 63 characters"),
    _row(r".*[\W_]GUID[\W_]{1,3}GUID", "separators",
         "its parts are separated by something other than dots or bars"),
    _row(r"[^.|]+SEPGUID", "tenant_missing",
         "there is only one id: both the application's and the tenant's are needed"),
    _row(r".+SEP[^.|]*SEPGUID", "application_id",
         "what precedes the last id is not the id of an application"),
    _row(r"[^.|]+SEPGUIDSEP.+", "tenant_id",
         "what follows the application's id is not the id of a tenant (a domain name does not "
         "work either)"),
    _row(r".+SEP[0-9a-f]{32}SEP[0-9a-f]{32}", "bare_ids",
         "the ids have no hyphens"),
    _row(r".+@.+", "smtp_username_unknown", "there is no SMTP user name with this address"),
    _row(r"[^.|]+SEP[^.|]+SEP.+", "not_guids", f"the last two parts are not ids: {FORM}"),
)
# fmt: on
