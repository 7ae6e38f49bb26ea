"""``gatepost``: finds the command, and gives every failure its exit code."""

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from gatepost.cli.output import FAILED, USAGE, print_error

# fmt: off
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "account": ("gatepost.cli.account:account", "Who may sign in to a relay."),
    "app": ("gatepost.cli.nouns.app:app", "Applications that sign in."),
    "bench": ("gatepost.cli.bench:bench", "Put a relay to the test: kill it, and count."),
    "check": ("gatepost.cli.check:check", "Check a configuration, and explain every value."),
    "clock": ("gatepost.cli.clock:clock", "Let a local relay's time go forward."),
    "doctor": ("gatepost.cli.doctor:doctor", "Name the cause of a failed SMTP login, prove it."),
    "domain": ("gatepost.cli.nouns.domain:domain", "Domains to send from, and their proofs."),
    "env": ("gatepost.cli.env:env", "Print what Azure's libraries read from the environment."),
    "events": ("gatepost.cli.events:events", "Tell what became of each message."),
    "messages": ("gatepost.cli.messages:messages", "Look at the mail that a relay captured."),
    "outcome": ("gatepost.cli.outcome:outcome", "Script what becomes of mail."),
    "profile": ("gatepost.cli.profile:profile", "Providers and servers that `up` behaves like."),
    "queue": ("gatepost.cli.queue:queue", "Mail on its way, and why it is still here."),
    "record": ("gatepost.cli.record:record",
               "Record what an application says to its server, and why it fails."),
    "resource": ("gatepost.cli.nouns.resource:resource",
                 "Communication and Email services, groups, subscriptions."),
    "role": ("gatepost.cli.nouns.role:role", "Roles, and to whom they are assigned."),
    "secret": ("gatepost.cli.nouns.secret:secret", "Client secrets of applications."),
    "send": ("gatepost.cli.send:send", "Send a message with what the server offers."),
    "sender": ("gatepost.cli.nouns.sender:sender", "Addresses that a domain may send with."),
    "smtp-username": ("gatepost.cli.nouns.smtp_username:smtp_username",
                      "Login names that stand for an application."),
    "serve": ("gatepost.cli.serve:serve", "Run a relay by its configuration."),
    "suppression": ("gatepost.cli.suppression:suppression", "The managed suppression list."),
    "talk": ("gatepost.cli.talk:talk", "Speak SMTP by hand, through STARTTLS."),
    "tenant": ("gatepost.cli.nouns.tenant:tenant", "Entra directories."),
    "up": ("gatepost.cli.up:up", "Run a local relay that behaves like a provider."),
    "watch": ("gatepost.cli.watch:watch",
              "Look at upstreams on a schedule, tell what is different."),
    "webhook": ("gatepost.cli.webhook:webhook", "Have events sent to an HTTP endpoint."),
}
# fmt: on
"""Name: where it is, and its line in the list; so that ``--help`` imports no command."""
DIRECTORY: Final = (
    "tenant", "app", "secret", "role", "resource", "domain", "sender", "smtp-username",
)  # fmt: skip
"""Those that change who may send what, from the outside in."""


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in order."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the command that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 - only for a mistake

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        others = sorted(COMMANDS.keys() - set(DIRECTORY))
        for title, names in (("Commands", others), ("Who may send what", DIRECTORY)):
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name][1]) for name in names])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatepost", message="%(version)s")
def root() -> None:
    """Any client's AUTH in, any provider's AUTH out: durable, and it tells you why.

    \b
    Start here:
      gatepost up                            a local relay that behaves like ACS
      gatepost serve --config gatepost.toml  a relay in front of a provider
      gatepost doctor smtp.example.com:587   why does the login fail?
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 finding, 3 unreachable, 64 usage."""
    atexit.register(gc.freeze)  # at its end Python looks for garbage in all that it loaded
    try:
        outcome: Any = root.main(arguments, prog_name="gatepost", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()  # while it can still be told that the disk is full
    except click.ClickException as error:
        error.show()
        if _wants_json(sys.argv[1:] if arguments is None else arguments):
            print_error(error)
        sys.exit(USAGE if isinstance(error, click.UsageError) else FAILED)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader left; there is nobody to tell
        sys.exit(FAILED)
    except OSError as error:
        click.echo(f"Error: {error.strerror or error}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left of the output goes nowhere
        sys.exit(FAILED)
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _wants_json(arguments: list[str]) -> bool:
    """Tell it from the words: what is wrong may be that they cannot be parsed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


if __name__ == "__main__":
    main()
