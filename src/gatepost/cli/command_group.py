"""A group of commands that lists each with its complete first sentence, in several lines if
necessary."""

from typing import Final

import click

_WHOLE: Final = 1_000


class Group(click.Group):
    """Like ``click.Group``, which cuts sentences at the terminal's width."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with a sentence each."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(_WHOLE)) for name, each in commands if each]
            )
