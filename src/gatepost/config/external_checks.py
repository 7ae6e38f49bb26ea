"""Checks of what is outside the configuration file: other files, secrets, and the date."""

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import Final
from urllib.parse import urlsplit

from gatepost.client.http_sign_in import read_access_key
from gatepost.client.named_secret import NamedSecret
from gatepost.client.tokens.azure import NEEDS_LIBRARY, is_installed
from gatepost.client.tokens.entra import read_certificate
from gatepost.client.tokens.google import read_key
from gatepost.config.events import secrets_of
from gatepost.config.failure_rules_file import read_rules_file
from gatepost.config.positions import Path
from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import (
    AccessKeyCredential,
    AzureIdentityCredential,
    CertificateCredential,
    Configuration,
    ConsoleSettings,
    CredentialSettings,
    DirectorySettings,
    DkimKeySettings,
    DkimSettings,
    EntraCredential,
    EventSettings,
    GoogleCredential,
    PasswordCredential,
    StorageSettings,
)
from gatepost.config.source_file import try_secret, try_to_read
from gatepost.config.table_reader import Source
from gatepost.diagnosis.announced_endings import endings_ahead
from gatepost.errors import ConfigError, TlsError, TokenError
from gatepost.model.route import AcsRestTarget, SmarthostTarget, Target, credential_of
from gatepost.model.secret import Secret
from gatepost.model.units import MIB
from gatepost.net.file_owners import has_access_list
from gatepost.net.permission_checks import check_private
from gatepost.net.tls import Context, client_context, server_context

NEEDS_DRIVER: Final = "\"postgres\" needs psycopg: pip install 'gatepost[postgres]'"
_EVERYBODY: Final = stat.S_IROTH | stat.S_IWOTH
_GROUP: Final = stat.S_IRGRP | stat.S_IWGRP


def check_external(config: Configuration, source: Source, environment: Mapping[str, str]) -> None:
    """Report files that are missing, cannot be used, or can be read by others, and what ends."""
    for index, listener in enumerate(config.listeners):
        path = ("listener", index, "certificate")
        if listener.tls != "none" and listener.certificate:
            _check_pair(source, path, listener.certificate, listener.key)
        if listener.tls != "none" and listener.client_authorities:
            _check_authorities(
                source, ("listener", index, "client_authorities"), listener.client_authorities
            )
    for api in config.apis:
        _check_pair(source, ("api", "certificate"), api.certificate, api.key)
    _check_console(source, config.console, environment)
    _check_events(source, config.events, environment)
    if config.ca_file:
        _check_authorities(source, ("ca_file",), config.ca_file)
    if config.failures is not None and config.failures.file:
        _check_rules(source, FilePath(config.failures.file))
    _check_dkim(source, config.dkim)
    _check_storage(source, config.storage, environment)
    for route in config.routes:
        for target in route.chain:
            ca_file = getattr(target, "ca_file", None)
            if ca_file:
                _check_authorities(source, ("target", target.name, "ca_file"), ca_file)
            _warn_of_endings(config, source, target)
    for name, credential in config.credentials.items():
        _check_credential(source, name, credential, environment)
    for directory in config.directories:
        _check_accounts(source, directory, environment)


def _check_dkim(source: Source, dkim: DkimSettings) -> None:
    for index, key in enumerate(dkim.keys):
        _check_dkim_key(source, ("dkim", "key", index, "file"), key)


def _check_dkim_key(source: Source, path: Path, key: DkimKeySettings) -> None:
    """Check that a key can sign, that only we can read it, and that it is long enough."""
    if not try_to_read(source, path, key.file):
        return
    from gatepost.dkim.signing_keys import is_weak, parse_private_key  # noqa: PLC0415 - slow

    _check_private(source, path, key.file)
    try:
        private = parse_private_key(FilePath(key.file).read_bytes())
    except ValueError as error:
        source.fault(path, f"the DKIM key {key.file} cannot be used: {error}")
        return
    if is_weak(private):
        problem = f"the DKIM key {key.file} has less than 2048 bits (RFC 8301 3.2)"
        source.warn(path, f"{problem}: replace it by another selector")


def _warn_of_endings(config: Configuration, source: Source, target: Target) -> None:
    """Warn if the provider has announced an end of the service, or of this kind of login."""
    credential = config.credentials.get(credential_of(target))
    by_password = isinstance(credential, PasswordCredential)
    for host in _hosts(target):
        for each in endings_ahead(host, by_password, datetime.now(UTC).date()):
            message = f"target.{target.name}: {each}"
            if not any(message in str(warning) for warning in source.warnings):
                source.warn(("target", target.name), message)


def _hosts(target: Target) -> list[str]:
    if isinstance(target, SmarthostTarget):
        return [each.host for each in target.servers]
    if isinstance(target, AcsRestTarget):
        return [urlsplit(target.endpoint).hostname or ""]
    return []


def _check_accounts(
    source: Source, directory: DirectorySettings, environment: Mapping[str, str]
) -> None:
    for index, account in enumerate(getattr(directory, "accounts", ())):
        where, password = ("directory", "account", index, "password"), account.password
        if _try_secret(source, where, password, environment):
            _check_ends(source, where, password, password.read(environment))


def _check_events(
    source: Source, events: EventSettings | None, environment: Mapping[str, str]
) -> None:
    if events is None:
        return
    if events.certificate:
        _check_pair(source, ("events", "certificate"), events.certificate, events.key)
    for path, secret in secrets_of(events):
        if _try_secret(source, path, secret, environment):
            _check_ends(source, path, secret, secret.read(environment))


def _check_console(
    source: Source, console: ConsoleSettings | None, environment: Mapping[str, str]
) -> None:
    if console is not None:
        _check_pair(source, ("console", "certificate"), console.certificate, console.key)
    if console is None or console.entra is None:
        return
    where, secret = ("console", "entra", "secret"), console.entra.secret
    if _try_secret(source, where, secret, environment) and secret is not None:
        _check_ends(source, where, secret, secret.read(environment))
    where, certificate = ("console", "entra", "certificate"), console.entra.certificate
    if _try_secret(source, where, certificate, environment) and certificate is not None:
        try:
            read_certificate(certificate.read(environment))
        except TokenError as error:
            source.fault(where, str(error))


def _check_rules(source: Source, file: FilePath) -> None:
    try:
        read_rules_file(file, captures=False)
    except ConfigProblems as error:
        source.problems += error.problems


def _check_storage(
    source: Source, storage: StorageSettings, environment: Mapping[str, str]
) -> None:
    _check_directory(source, storage.directory)
    if storage.database is None:
        _check_space(source, storage)
        return
    if find_spec("psycopg") is None:
        source.fault(("storage", "kind"), f"storage.kind {NEEDS_DRIVER}")
    _try_secret(source, ("storage", "url"), storage.database.url, environment)


def _check_directory(source: Source, directory: FilePath) -> None:
    """Check the storage directory; if it does not exist, it is created at the start, private."""
    path = ("storage", "directory")
    if directory.exists() and not directory.is_dir():
        source.fault(path, f"the storage {directory} is not a directory")
        return
    with suppress(FileNotFoundError, PermissionError):
        try:
            check_private(directory / "key")
        except ConfigError as error:  # so does the start
            source.fault(path, str(error))
    if directory.exists() and (who := _who_changes(directory)):
        what = f"the storage {directory} can be written by {who}, who could replace the key"
        source.warn(path, f"{what} (chmod 700)")


def _check_space(source: Source, storage: StorageSettings) -> None:
    """Warn if no mail would be accepted: a volume may be smaller than what is kept free."""
    directory = storage.directory.absolute()
    with suppress(OSError, StopIteration):  # reported at the start
        place = next(each for each in (directory, *directory.parents) if each.exists())
        free = shutil.disk_usage(place).free
        if free < storage.free_space:
            problem = f"{place} has {free // MIB} MiB free, less than storage.free_space"
            source.warn(("storage", "free_space"), f"{problem}: no mail is accepted")


def _who_changes(directory: FilePath) -> str:
    """Return who else can change the contents of our directory; empty if nobody can."""
    status = directory.stat()
    folders = [each.stat().st_mode for each in directory.absolute().parents]
    if os.name != "posix":
        return ""
    if status.st_mode & stat.S_IWOTH and all(each & stat.S_IXOTH for each in folders):
        return "everybody on this machine"
    is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and all(
        map(_may_groups_enter, folders)
    )
    return "its group, too" if is_open else ""


def _check_credential(
    source: Source, name: str, credential: CredentialSettings, environment: Mapping[str, str]
) -> None:
    if isinstance(credential, CertificateCredential):
        path = ("credentials", name, "certificate")
        _check_pair(source, path, credential.certificate, credential.key, serves=False)
        return
    if isinstance(credential, AzureIdentityCredential) and not is_installed():
        source.fault(("credentials", name, "kind"), f"a {credential.kind} {NEEDS_LIBRARY}")
    for key in credential.__slots__:
        value, path = getattr(credential, key), ("credentials", name, key)
        if _try_secret(source, path, value, environment):
            secret = value.read(environment)
            if not _is_utf8(secret):
                source.fault(path, f"the {value} is not UTF-8: no server accepts it")
            elif not _try_form(source, path, credential, secret):
                _check_ends(source, path, value, secret)


def _is_utf8(secret: Secret) -> bool:
    try:
        secret.reveal().encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_ends(source: Source, path: Path, place: NamedSecret, secret: Secret) -> None:
    """Warn of a space or line end around a secret: editors and ``echo`` add them."""
    text = secret.reveal()
    if text != text.strip():
        what = "begins or ends with a space or a line end, which is part of the secret"
        source.warn(path, f"the {place} {what}")


def _try_form(source: Source, path: Path, credential: CredentialSettings, secret: Secret) -> bool:
    """Report a secret in the wrong format; False if the format of the secret (a password) is
    arbitrary."""
    try:
        match credential, path[-1]:
            case GoogleCredential(), "key":
                read_key(secret)
            case EntraCredential(), "certificate":
                read_certificate(secret)
            case AccessKeyCredential(), "key":
                read_access_key(secret)
            case _:
                return False
    except TokenError as error:
        source.fault(path, str(error))
    return True


def _try_secret(source: Source, path: Path, secret: object, environment: Mapping[str, str]) -> bool:
    """Tell whether there is a secret, and it can be read."""
    if not isinstance(secret, NamedSecret) or not secret.name:
        return False
    if secret.kind == "file":
        _check_private(source, path, secret.name)
    return try_secret(source, path, secret, environment)


def _check_pair(source: Source, path: Path, chain: str, key: str, *, serves: bool = True) -> None:
    """Check that a certificate and its key can be read, and match."""
    if not chain or (*path[:-1], "key") in source.mistaken:
        return
    readable = [try_to_read(source, path, chain)]
    if key:
        readable.append(try_to_read(source, (*path[:-1], "key"), key))
    if not all(readable):
        return
    _check_private(source, (*path[:-1], "key") if key else path, key or chain)

    def load() -> Context:
        if serves:
            return server_context(chain, key or None)
        return client_context(certificate=chain, key=key or None)

    if _try_to_load(source, path, load):
        _check_dates(source, path, chain)


def _check_dates(source: Source, path: Path, chain: str) -> None:
    """Warn of a certificate outside its dates; many clients do not check, so mail continues."""
    from cryptography import x509  # noqa: PLC0415 - slow to import

    try:
        own, now = x509.load_pem_x509_certificate(FilePath(chain).read_bytes()), datetime.now(UTC)
    except ValueError as error:  # OpenSSL accepts forms of PEM that others do not
        source.fault(path, f"certificate {chain}: {error}")
        return
    begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
    if ends <= now:
        source.warn(path, f"certificate {chain}: it expired on {ends:%Y-%m-%d}")
    elif begins > now:
        when = f"{begins:%Y-%m-%d %H:%M} UTC"
        source.warn(path, f"certificate {chain}: it is not valid before {when}")


def _check_authorities(source: Source, path: Path, file: str) -> None:
    if try_to_read(source, path, file):
        _try_to_load(source, path, lambda: client_context(ca_file=file))


def _try_to_load(source: Source, path: Path, load: Callable[[], Context]) -> bool:
    try:
        load()
    except TlsError as error:
        if not any(str(error) in str(each) for each in source.problems):
            source.fault(path, str(error))
        return False
    return True


def _check_private(source: Source, path: Path, file: str) -> None:
    """Warn of a secret that others on this machine can read or write.

    If the file belongs to another user, and we read it through its group, that is intended.
    """
    if os.name != "posix":
        return
    place = FilePath(file).absolute()
    try:
        status = place.stat()
        folders = [each.stat().st_mode for each in place.parents]
    except OSError:
        return  # reported elsewhere
    mode = status.st_mode
    if mode & _EVERYBODY and all(each & stat.S_IXOTH for each in folders):
        who, can_read = "everybody on this machine", mode & stat.S_IROTH
    elif _is_for_group(place, status) and all(map(_may_groups_enter, folders)):
        who, can_read = "the file's group, too", mode & stat.S_IRGRP
    else:
        return
    what = "read" if can_read else "written"
    message = f"the secret in {file} can be {what} by {who} (chmod 600)"
    if not any(message in str(each) for each in source.warnings):
        source.warn(path, message)


def _is_for_group(place: FilePath, status: os.stat_result) -> bool:
    """Tell whether the group of our file can use it. With an access control list (systemd gives one
    to its credentials) the mode of the group is not its own, but the limit of the list (acl(5))."""
    if not status.st_mode & _GROUP or status.st_uid != os.geteuid():
        return False
    return not has_access_list(place)


def _may_groups_enter(mode: int) -> bool:
    return bool(mode & (stat.S_IXOTH | stat.S_IXGRP))
