"""Of a log with very many remarks, those are kept that may tell something."""

from gatepost.doctor.logs.read_log import MAX_REMARKS, read_log


def test_the_first_the_last_and_failures_are_kept_once_and_in_order() -> None:
    lines = [
        f"step {number} {'failed' if number % 7 == 0 else 'done'} for mail"
        for number in range(MAX_REMARKS + 200)
    ]
    remarks = read_log("\n".join(lines)).remarks
    assert len(remarks) == len(set(remarks)) == MAX_REMARKS
    assert sorted(remarks, key=lines.index) == list(remarks)
    assert {lines[0], lines[-1], lines[MAX_REMARKS // 7 // 2 * 7]} <= set(remarks)
