"""One concept, one word; one word, one concept (``docs/reference/glossary.md``)."""

from tests.shape import words

TERMS = 60


def faults(kind: str) -> list[str]:
    return sorted(
        f"{package}: {name}"
        for package, name in words.FAULTS[kind]()
        if (package, name) not in words.CONTRACTS
    )


def test_a_function_that_answers_with_a_bool_is_a_question() -> None:
    assert faults("questions") == []


def test_a_function_that_acts_is_a_verb() -> None:
    assert faults("actions") == []


def test_no_name_fits_everything() -> None:
    assert faults("empty") == []


def test_each_public_class_has_a_name_of_its_own() -> None:
    assert faults("classes") == []


def test_no_name_has_a_word_that_the_glossary_replaces() -> None:
    assert faults("replaced") == []


def test_the_glossary_is_short() -> None:
    rows = words.glossary()
    terms = [term for row in rows for term in row[0].split(", ")]
    assert 20 < len(rows) <= TERMS
    assert len(terms) == len(set(terms))
