"""The certificates of a relay that makes its own, at its start and at each reload."""

from dataclasses import replace
from datetime import UTC, datetime

from gatepost.app.ready_json import Trusted
from gatepost.certificates.local_ca import ensure_certificates, make_flawed, write_bundle
from gatepost.certificates.local_names import names_of
from gatepost.config.settings import Configuration
from gatepost.model.operator_event import ReportEvent


def provide_certificates(
    config: Configuration, report: ReportEvent
) -> tuple[Configuration, Trusted | None]:
    """Return the configuration with the files of its certificates, and what clients must trust;
    None if it makes no certificates.

    They are made or renewed if necessary. The caller holds the lock on the data directory. Raises
    ConfigError.
    """
    if config.provisioning is None:
        return config, None
    data, now = config.storage.directory.resolve(), datetime.now(UTC)
    hosts = [*[each.host for each in config.listeners], *[each.host for each in config.apis]]
    more, console = list(config.provisioning.names), config.console
    if console is not None and console.has_own_certificate:
        hosts.append(console.host)
        more += [each.partition(":")[0] for each in console.hosts]
    names = names_of(hosts, more)
    certificates = ensure_certificates(data, now, names)
    if certificates.is_new_authority:
        report("authority_replaced", ca_file=str(certificates.ca_file))
    served, emulation = certificates.server_file, config.emulation
    if emulation is not None:
        if emulation.profile.server.certificate != "valid":
            served = make_flawed(data, emulation.profile.server.certificate, now)
        emulation = replace(emulation, certificate=str(served))
    own = str(certificates.server_file)
    secure = [replace(each, certificate=own) for each in config.apis if each.apis != "clear"]
    if console is not None and console.has_own_certificate:
        console = replace(console, certificate=own)
    config = replace(
        config,
        console=console,
        listeners=tuple([replace(each, certificate=str(served)) for each in config.listeners]),
        apis=(*secure, *[each for each in config.apis if each.apis == "clear"]),
        emulation=emulation,
    )
    return config, Trusted(certificates.ca_file, write_bundle(data, certificates.ca_file))
