"""The relay that a crash run kills, and its output."""

from pathlib import Path

from gatepost.testing.crash.victim import Victim


def test_an_event_that_a_kill_cut_off_hides_no_other(tmp_path: Path) -> None:
    victim = Victim(tmp_path, (), 0)
    victim.output.write_text(
        '{"time":"1","event":"ready"}\n{"time":"2","event":"accepted","mail_from"'
        '{"time":"3","event":"ready"}\nno event\n{"time":"4","event":"acc'
    )
    assert victim.events() == {"ready": 2}
