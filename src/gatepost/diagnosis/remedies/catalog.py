"""The libraries by name; the file of each is loaded when it is needed."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Library
from gatepost.diagnosis.remedies.read_library import read_library

ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "go-net-smtp": ("go", "golang", "net/smtp", "gomail", "jordan-wright-email"),
    "python-smtplib": ("python", "smtplib"),
    "aiosmtplib": ("fastapi-mail",),
    "django": ("django-mail",),
    "nodemailer": ("node", "nodejs", "javascript"),
    "phpmailer": ("php", "wordpress"),
    "symfony": ("symfony-mailer", "swiftmailer"),
    "laravel": ("illuminate",),
    "javamail": ("java", "jakarta-mail", "angus-mail", "angus", "kotlin"),
    "spring": ("spring-boot", "springboot", "java-mail-sender"),
    "mailkit": ("dotnet", "csharp", "c#", ".net"),
    "system-net-mail": ("smtpclient", "system.net.mail", "dotnet-framework"),
    "powershell": ("send-mailmessage", "pwsh"),
    "ruby-net-smtp": ("ruby", "rails", "actionmailer", "action-mailer", "mail", "net-smtp"),
    "lettre": ("rust",),
    "go-mail": ("wneessen-go-mail", "wneessen/go-mail"),
    "msmtp": (),
    "curl": ("libcurl",),
    "swaks": ("perl",),
    "postfix": ("relayhost", "smarthost"),
})  # fmt: skip
"""Every library, in the order in which fixes are shown, and its aliases. Its file has its name."""
NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {each: name for name, aliases in ALIASES.items() for each in (name, *aliases)}
)
"""The name of a library by any of its names."""


class _Catalog(Mapping[str, Library]):
    """Loads only the libraries that are asked for, because a pasted log is about one of them."""

    def __getitem__(self, name: str) -> Library:
        if name not in ALIASES:
            raise KeyError(name)
        return read_library(name)

    def __iter__(self) -> Iterator[str]:
        return iter(ALIASES)

    def __len__(self) -> int:
        return len(ALIASES)


LIBRARIES: Final[Mapping[str, Library]] = _Catalog()
