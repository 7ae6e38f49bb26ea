"""New client secrets: valid for two years by default."""

from datetime import UTC, datetime

from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.secrets import digest_of, matching_secret, new_secret

KEY = b"key of this directory"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_secret_is_kept_as_its_digest_and_ends_after_two_years() -> None:
    entry, value = new_secret(Application("app", "tenant", "Mail"), KEY, NOON)
    assert (entry.start, entry.end) == (NOON, datetime(2028, 2, 29, 12, tzinfo=UTC))
    assert entry.digest == digest_of(value.reveal(), KEY)
    assert entry.hint == value.reveal()[:3]
    assert value.reveal() not in repr(entry)


def test_the_given_secret_is_found_among_several() -> None:
    made = [new_secret(Application("app", "tenant", "Mail"), KEY, NOON) for _ in range(3)]
    kept = [entry for entry, _ in made]
    for entry, value in made:
        assert matching_secret(kept, digest_of(value.reveal(), KEY)) is entry
    assert matching_secret(kept, digest_of("another", KEY)) is None
    assert matching_secret([], digest_of("another", KEY)) is None
