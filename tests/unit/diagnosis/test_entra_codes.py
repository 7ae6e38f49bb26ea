"""Every known error code of Entra is explained, also under the name of its finding."""

import pytest

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.entra.codes import CODES, find_code
from gatepost.doctor.explain import explain
from gatepost.errors import ConfigError
from gatepost.model.oauth_errors import is_passing
from gatepost.rest.entra import errors


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: str(code.number))
def test_codes_have_a_meaning_and_a_fix(code: object) -> None:
    known = CODES[code.number]  # type: ignore[attr-defined]
    assert known.proves.endswith((".", "?"))
    assert len(known.fix) > 15
    assert known.finding in CAUSES or is_passing(400, "", known.number)


def test_the_refusals_of_a_login_by_our_own_endpoint_are_explained() -> None:
    refusals = (
        errors.TENANT_MALFORMED, errors.TENANT_UNKNOWN, errors.APPLICATION_UNKNOWN,
        errors.SECRET_WRONG, errors.SECRET_EXPIRED, errors.PRINCIPAL_MISSING,
        errors.CREDENTIAL_MISSING, errors.SCOPE_INVALID, errors.RESOURCE_UNKNOWN,
    )  # fmt: skip
    assert {each.number for each in refusals} <= set(CODES)


@pytest.mark.parametrize("text", ["AADSTS7000215", "aadsts7000215:", " 7000215 "])
def test_codes_are_found_however_they_are_written(text: str) -> None:
    found = find_code(text)
    assert found is not None
    assert found.number == 7000215
    assert "oauth_client_auth_failed" in explain(text)


@pytest.mark.parametrize("text", ["AADSTS1", "AADSTS", "700021500000000000", "role_missing"])
def test_text_without_a_known_code(text: str) -> None:
    assert find_code(text) is None


def test_an_unknown_one() -> None:
    with pytest.raises(ConfigError):
        explain("AADSTS1")
