"""Reads the DKIM keys of a configuration, and makes what signs the mail of its targets."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from gatepost.config.settings import Configuration, DkimKeySettings
from gatepost.dkim.signing_keys import SigningKey, parse_private_key
from gatepost.errors import ConfigError
from gatepost.model.route import dkim_domains_of
from gatepost.relay.transport.message_signing import MessageSigner, SignatureTerms
from gatepost.relay.transport.published_keys import PublishedKeys

ALL: Final = "*"


def message_signers(
    config: Configuration, published: PublishedKeys, now: Callable[[], datetime]
) -> Mapping[str, MessageSigner]:
    """Return what signs the mail of each target, by its name. Raises ConfigError."""
    dkim = config.dkim
    keys = [_read_key(each) for each in dkim.keys]
    lifetime = None if dkim.lifetime is None else int(dkim.lifetime.total_seconds())
    terms = SignatureTerms(now, dkim.header, dkim.body, lifetime)
    signers: dict[str, MessageSigner] = {}
    for target in [target for route in config.routes for target in route.chain]:
        domains = dkim_domains_of(target)
        own = [each for each in keys if ALL in domains or each.domain in domains]
        if own:
            signers[target.name] = MessageSigner(own, published, terms)
    return signers


def _read_key(settings: DkimKeySettings) -> SigningKey:
    try:
        private = parse_private_key(Path(settings.file).read_bytes())
    except OSError as error:
        problem = f"the DKIM key cannot be read: {error.strerror or error}"
        raise ConfigError(problem, where=settings.file) from error
    except ValueError as error:
        raise ConfigError(f"the DKIM key: {error}", where=settings.file) from error
    return SigningKey(settings.domain, settings.selector, private)
