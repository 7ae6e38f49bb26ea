"""Device codes: each waits for a person who enters its user code in a browser (RFC 8628)."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gatepost.rest.entra.errors import (
    DEVICE_CODE_EXPIRED,
    DEVICE_CODE_UNKNOWN,
    DEVICE_DECLINED,
    DEVICE_PENDING,
    DEVICE_TOO_OFTEN,
    EntraError,
)
from gatepost.rest.entra.people import EmulatedPerson

LIFETIME: Final = 900.0
"""Seconds."""
INTERVAL: Final = 5.0
"""Seconds between two questions of a device."""
_EARLY: Final = 1.0
"""Seconds by which a device may be early: its clock starts when the last answer arrives."""
_MOST: Final = 1_000
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Without vowels, so that no word results (RFC 8628 6.1)."""
_LENGTH: Final = 9


@dataclass(slots=True)
class DeviceSignIn:
    """A device that waits."""

    tenant_id: str
    client_id: str
    scopes: tuple[str, ...]
    user_code: str
    end: float
    person: EmulatedPerson | None = field(default=None)
    is_declined: bool = False
    last_asked: float = float("-inf")


class DeviceCodes:
    """The codes that have not expired; ``seconds`` is a clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._waiting: dict[bytes, DeviceSignIn] = {}
        """By the digest of the device code."""

    def issue(self, tenant_id: str, client_id: str, scopes: tuple[str, ...]) -> tuple[str, str]:
        """Return a device code and a user code; beyond a number, the oldest become invalid."""
        device_code = secrets.token_urlsafe(64)
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        end = self._seconds() + LIFETIME
        self._waiting[_digest(device_code)] = DeviceSignIn(
            tenant_id, client_id, scopes, user_code, end
        )
        while len(self._waiting) > _MOST:
            del self._waiting[next(iter(self._waiting))]
        return device_code, user_code

    def find(self, user_code: str, tenant_id: str) -> DeviceSignIn:
        """Return the device of a tenant with a user code, without regard to case. Raises
        EntraError."""
        wanted, now = user_code.strip().upper(), self._seconds()
        for each in self._waiting.values():
            if secrets.compare_digest(_digest(each.user_code), _digest(wanted)):
                is_open = each.person is None and not each.is_declined
                if now < each.end and is_open and each.tenant_id == tenant_id:
                    return each
                break
        raise EntraError(DEVICE_CODE_UNKNOWN, "user_code_unknown: no device waits with that code")

    def redeem(self, device_code: str, client_id: str, tenant_id: str) -> DeviceSignIn:
        """Return the device whose person has signed in to this application of this tenant, once.
        Raises EntraError."""
        key, now = _digest(device_code), self._seconds()
        device = self._waiting.get(key)
        if device is None or (device.client_id, device.tenant_id) != (client_id, tenant_id):
            raise EntraError(
                DEVICE_CODE_UNKNOWN, "device_code_unknown: no such device code was issued"
            )
        if now >= device.end:
            raise EntraError(DEVICE_CODE_EXPIRED, "device_code_expired: it has expired")
        if device.is_declined:
            del self._waiting[key]
            raise EntraError(DEVICE_DECLINED, "device_declined: the person has declined")
        if device.person is None:
            is_early = now - device.last_asked < INTERVAL - _EARLY
            device.last_asked = now
            if is_early:
                raise EntraError(DEVICE_TOO_OFTEN, "device_too_often: it asks too often")
            raise EntraError(DEVICE_PENDING, "device_pending: nobody has entered the code")
        del self._waiting[key]
        return device


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
