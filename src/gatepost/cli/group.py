"""A group of commands that lists each with its whole first sentence, over lines if need be."""

from typing import Final

import click

_WHOLE: Final = 1_000


class Group(click.Group):
    """What ``click.Group`` does, but that it cuts sentences off at the terminal's width."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, a sentence each."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(_WHOLE)) for name, each in found if each]
            )
