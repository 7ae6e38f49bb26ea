"""From a configuration to a relay: ids that never repeat, and the limits of strict mode."""

import time
from uuid import RFC_4122, UUID

import pytest

from gatepost.app.message_ids import make_guids, make_ids
from gatepost.config.preset import served_profile
from gatepost.errors import ConfigError
from gatepost.model.profile import StrictLimits


def test_no_id_comes_twice_in_any_process_or_start() -> None:
    sources = [make_ids(epoch) for epoch in (1, 2, 11)]
    ids = [source() for source in sources for _ in range(20)]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "1-1"


def test_guids_that_grow_with_the_time() -> None:
    sources = [make_guids() for _ in range(3)]
    ids = [[source() for _ in range(50)] for source in sources]
    assert len({each for some in ids for each in some}) == 150
    assert {UUID(each).version for each in ids[0]} == {7}
    assert all(UUID(each).variant == RFC_4122 for each in ids[1])
    time.sleep(0.001)
    assert all(sources[1]() > each for some in ids for each in some)


def test_strict_limits_hold_only_where_they_are_asked_for() -> None:
    assert served_profile("acs", strict=False).strict == StrictLimits()
    strict = served_profile("acs", strict=True).strict
    assert (strict.connections, strict.effective_size) == (250, 10_485_760)
    assert served_profile("acs", strict=False).limits == served_profile("acs", strict=True).limits


def test_an_unknown_profile_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="did you mean acs"):
        served_profile("asc", strict=False)
