"""Reads user names of Azure Communication Services, and finds the usual mistakes in them.

The grammar is the directory's (``directory.azure.username``): RESOURCE.APPLICATION.TENANT, or the
same with bars. Any other name may be an SMTP user name of a resource, in any form or in the form of
an address (Microsoft Learn, "Create credentials for SMTP authentication"; 2025).
"""

from typing import Final

from gatepost.model.entra import EntraName

MAY_BE_SMTP_NAME: Final = frozenset({"not_composite", "smtp_username_unknown", "not_guids"})
"""Mistakes in a composite name that are none in an SMTP user name."""
_SENTENCES: Final = {
    "not_composite": "it does not have the format RESOURCE.APPLICATION.TENANT, so it must be an "
    "SMTP user name of the resource",
    "smtp_username_unknown": "it is an address, so it must be an SMTP user name of the resource",
    "not_guids": "its last two parts are not ids, so it must be an SMTP user name of the resource",
}
"""The sentence for a mistake in a name that may be right nevertheless."""


def read_name(username: str) -> EntraName:
    """Return what a user name stands for, or the mistake in it, without any of its text."""
    from gatepost.directory.azure.username import (  # noqa: PLC0415 - few logs have such a name
        UsernameError,
        parse_username,
    )

    try:
        name = parse_username(username)
    except UsernameError as error:
        sentence = _SENTENCES.get(error.mistake, str(error))
        return EntraName(mistake=error.mistake, sentence=sentence)
    return EntraName(name.resource, name.application_id, name.tenant_id)
