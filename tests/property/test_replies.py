"""Every reply is read the same for any split."""

from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.reply import EnhancedStatus, Reply
from gatepost.wire.reply_reader import ReplyReader

codes = st.integers(200, 599)
texts = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=60)
statuses = st.none() | st.tuples(st.integers(0, 999), st.integers(0, 999))


def make_reply(code: int, lines: list[str], status: tuple[int, int] | None) -> Reply:
    klass = code // 100
    if status is None or klass not in (2, 4, 5):
        return Reply(code, "\n".join(line.lstrip("0123456789") for line in lines))
    return Reply(code, "\n".join(lines), EnhancedStatus(klass, *status))


replies = st.builds(make_reply, codes, st.lists(texts, min_size=1, max_size=5), statuses)


@given(st.lists(replies, min_size=1, max_size=4), st.lists(st.integers(1, 9)))
def test_any_replies_survive_any_split(sent: list[Reply], cuts: list[int]) -> None:
    wire, reader, read = b"".join(reply.encode() for reply in sent), ReplyReader(), []
    while wire:
        size = cuts.pop() if cuts else len(wire)
        reader.feed(wire[:size])
        wire = wire[size:]
        while (reply := reader.next_reply()) is not None:
            read.append(reply)
    assert read == sent
    assert not reader.has_unread
