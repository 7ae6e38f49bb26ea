"""Device codes count for the tenant and the application to which they were given."""

import pytest

from gatepost.rest.entra.device_codes import LIFETIME, DeviceCodes
from gatepost.rest.entra.errors import EntraError
from gatepost.rest.entra.people import EmulatedPerson

ANN = EmulatedPerson("id", "ann@contoso.com", "Ann")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_code_is_redeemed_once_where_it_was_given() -> None:
    codes = DeviceCodes(Clock())
    device_code, user_code = codes.issue("t", "app", ("scope",))
    for other in ("app", "t2"), ("app2", "t"):
        with pytest.raises(EntraError, match="AADSTS70018"):
            codes.redeem(device_code, *other)
    with pytest.raises(EntraError, match="AADSTS70018"):
        codes.find(user_code, "t2")
    codes.find(f" {user_code.lower()} ", "t").person = ANN
    assert codes.redeem(device_code, "app", "t").person == ANN
    with pytest.raises(EntraError, match="AADSTS70018"):
        codes.redeem(device_code, "app", "t")


def test_a_code_that_has_expired() -> None:
    clock = Clock()
    codes = DeviceCodes(clock)
    device_code, user_code = codes.issue("t", "app", ())
    clock.now = LIFETIME
    with pytest.raises(EntraError, match="AADSTS70018"):
        codes.find(user_code, "t")
    with pytest.raises(EntraError, match="AADSTS70019"):
        codes.redeem(device_code, "app", "t")
