"""What a statement is about, whatever words it has."""

from gatepost.diagnosis.ranking.concepts import MAX_CONCEPTS, Concepts

CONCEPTS = Concepts(
    {"sender": ["sender", "absender*"], "refused": ["reject*", "not allowed"], "spam": ["垃圾"]}
)


def features(statement: str) -> list[str]:
    return list(CONCEPTS.find(statement))


def test_concepts_alone_and_in_pairs_in_the_order_of_the_table() -> None:
    expected = ["about sender", "about refused", "about sender refused"]
    assert features("rejected: your sender") == expected
    assert features("the sender is not allowed") == expected


def test_a_word_stands_for_itself_and_a_stem_for_all_that_begin_so() -> None:
    assert features("senders") == []
    assert features("absenderadresse") == ["about sender"]


def test_scripts_without_spaces() -> None:
    assert features("这是垃圾邮件") == ["about spam"]


def test_a_statement_about_everything_has_no_pairs() -> None:
    names = [f"word{number}" for number in range(MAX_CONCEPTS + 1)]
    concepts = Concepts({name: [name] for name in names})
    assert list(concepts.find(" ".join(names))) == [f"about {name}" for name in names]
    assert len(list(concepts.find(" ".join(names[1:])))) > len(names)
