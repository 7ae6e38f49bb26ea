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
from gatepost.cli.printable_streams import guard_streams

# fmt: off
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "account": ("gatepost.cli.account:account", "Accounts that may sign in to a relay."),
    "app": ("gatepost.cli.directory.app:app", "Applications that sign in."),
    "bench": ("gatepost.cli.bench:bench", "Test a relay by killing it under load."),
    "check": ("gatepost.cli.check:check", "Check a configuration, and explain every value."),
    "clock": ("gatepost.cli.clock:clock", "Move a local relay's clock forward."),
    "console": ("gatepost.cli.console:console", "Print a link to the console in a browser."),
    "dkim": ("gatepost.cli.dkim:dkim", "Keys that sign mail, and their records in the DNS."),
    "doctor": ("gatepost.cli.doctor:doctor", "Find the cause of a failed SMTP login."),
    "domain": ("gatepost.cli.directory.domain:domain", "Domains and their verification."),
    "env": ("gatepost.cli.env:env", "Print a local relay's settings as environment variables."),
    "events": ("gatepost.cli.events:events", "Show the events of messages."),
    "exchange": ("gatepost.cli.exchange:exchange",
                 "Mailboxes and permissions of an emulated Exchange Online."),
    "failure": ("gatepost.cli.failure:failure", "Script failures that clients then see."),
    "init": ("gatepost.cli.init:init", "Write a configuration to start from."),
    "login": ("gatepost.cli.login:login", "Sign in to a mailbox for a relay that sends as it."),
    "mcp": ("gatepost.cli.mcp:mcp", "Serve the doctor and captured mail to an assistant."),
    "messages": ("gatepost.cli.messages:messages", "List, show and delete captured mail."),
    "migrate": ("gatepost.cli.migrate:migrate", "Leave Azure Communication Services Email."),
    "node": ("gatepost.cli.nodes:node", "Drain one of the relays that share a database."),
    "nodes": ("gatepost.cli.nodes:nodes", "List the relays that share a database."),
    "outcome": ("gatepost.cli.outcome:outcome", "Set the delivery outcome of captured mail."),
    "profile": ("gatepost.cli.profile:profile", "List and check profiles for `gatepost up`."),
    "queue": ("gatepost.cli.queue:queue", "Show and control mail that waits for delivery."),
    "record": ("gatepost.cli.record:record",
               "Record and diagnose a session of an application with its server."),
    "resource": ("gatepost.cli.directory.resource:resource",
                 "Communication and Email services, groups, subscriptions."),
    "role": ("gatepost.cli.directory.role:role", "Roles and their assignments."),
    "secret": ("gatepost.cli.directory.secret:secret", "Client secrets of applications."),
    "send": ("gatepost.cli.send:send", "Send a message."),
    "sender": ("gatepost.cli.directory.sender:sender", "Sender addresses of a domain."),
    "sessions": ("gatepost.cli.sessions:sessions",
                 "Show SMTP sessions, and why logins were refused."),
    "smtp-username": ("gatepost.cli.directory.smtp_username:smtp_username",
                      "SMTP user names of applications."),
    "serve": ("gatepost.cli.serve:serve", "Run a relay with a configuration file."),
    "store": ("gatepost.cli.store:store", "Copy a relay's mail to another place."),
    "suppression": ("gatepost.cli.suppression:suppression", "The managed suppression list."),
    "talk": ("gatepost.cli.talk:talk", "Speak SMTP by hand, also over TLS."),
    "tenant": ("gatepost.cli.directory.tenant:tenant", "Entra directories."),
    "upstream": ("gatepost.cli.upstream:upstream",
                 "Show where mail goes, and check the servers."),
    "up": ("gatepost.cli.up:up", "Run a local relay that behaves like a provider."),
    "watch": ("gatepost.cli.watch:watch",
              "Check upstreams on a schedule, and report changes."),
    "webhook": ("gatepost.cli.webhook:webhook", "Have events sent to an HTTP endpoint."),
}
# fmt: on
"""By name: the module, and the line in the list, so that ``--help`` imports no command."""
DIRECTORY: Final = (
    "tenant", "app", "secret", "role", "resource", "domain", "sender", "smtp-username",
)  # fmt: skip
"""The commands that change the directory, outermost objects first."""


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
    """Diagnose SMTP logins, emulate mail providers, and relay mail between them.

    \b
    Start here:
      gatepost up                            a local relay that behaves like ACS
      gatepost serve --config gatepost.toml  a relay between applications and a provider
      gatepost doctor smtp.example.com:587   find the cause of a failed login
    """


_NO_THREAD: Final = "can't start new thread"
"""Python's text, as a RuntimeError, if the system has no memory for a thread's stack."""
_NO_MEMORY: Final = (
    "no more memory or threads are available; the system's limits may be too low (ulimit -a)"
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 finding, 3 unreachable, 64 usage."""
    guard_streams()
    atexit.register(gc.freeze)  # without this, Python collects garbage in everything at its end
    try:
        outcome: Any = root.main(arguments, prog_name="gatepost", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()  # while a full disk can still be reported
    except click.ClickException as error:
        error.show()
        if _wants_json(sys.argv[1:] if arguments is None else arguments):
            print_error(error)
        sys.exit(USAGE if isinstance(error, click.UsageError) else FAILED)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads the output any more
        sys.exit(FAILED)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and str(error) != _NO_THREAD:
            raise
        click.echo(f"Error: {_NO_MEMORY}", err=True)
        sys.exit(FAILED)
    except OSError as error:
        click.echo(f"Error: {error.strerror or error}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # discard the rest of the output
        sys.exit(FAILED)
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _wants_json(arguments: list[str]) -> bool:
    """Tell from the arguments, because parsing them may have failed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


if __name__ == "__main__":
    main()
