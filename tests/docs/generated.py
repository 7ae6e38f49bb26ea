"""Write the pages that are generated from the code: ``make docs``.

Those in the repository are for readers who build nothing. The others list every option and every
reply, go to ``build/docs``, and are not in the repository.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from functools import partial
from importlib.resources import files
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import click

from gatepost.app.api_descriptions import describe_mailbox_api, describe_own_api
from gatepost.cli.main import root
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.model.profile import GROUPS as TABLES
from gatepost.model.profile import Profile
from gatepost.profiles import available_profiles, load_profile, pod_name
from gatepost.profiles.effective_values import effective_values
from gatepost.profiles.file_format import Faults, read_layer
from gatepost.rest.arm.operation_paths import Operation
from gatepost.rest.arm.operation_table import OPERATIONS
from gatepost.wire.server.replies import NAMES, Replies, replies_with
from tests.conformance.page import PAGE as CONFORMANCE
from tests.conformance.page import render as conformance_page
from tests.docs.aadsts import aadsts_page
from tests.docs.catalogue import catalogue_page
from tests.docs.failure_rules import failures_page
from tests.docs.pages import FINDINGS, ROOT
from tests.docs.remedies import FINDING_PAGES, finding_page, legend, rows, without_fixes
from tests.docs.report_schema import report_page, schema_file
from tests.docs.tables import attribute_docstrings, table

REFERENCE: Final = ROOT / "docs" / "reference"
BUILD: Final = ROOT / "build" / "docs"
NOTE: Final = "<!-- Made by `make docs`: change the code, not this page. -->"
GROUPS: Final[Mapping[str, type[Any]]] = {"": Profile, **TABLES}


# The HTTP APIs.


def api_file(describe: Callable[[], dict[str, Any]]) -> str:
    """Return an OpenAPI document."""
    return json.dumps(describe(), indent=1, ensure_ascii=False) + "\n"


# The command line.


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, groups before what is in them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{path} {name} cannot be loaded"
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def help_text(command: click.Command) -> str:
    """Return the help of a command, with its example and exit codes."""
    text = f"{cleandoc(command.help or '')}\n\n{cleandoc(command.epilog or '')}"
    return text.replace("\b\n", "").replace("``", "`")


def options(command: click.Command) -> Iterator[tuple[str, str, str]]:
    """Yield each option: its flags and value, its default, its help."""
    for option in command.params:
        if isinstance(option, click.Option):
            value = "" if option.is_flag else f" {option.make_metavar(click.Context(command))}"
            flags = ", ".join(f"`{flag}{value}`" for flag in option.opts)
            has_default = option.show_default and not option.is_flag
            default = f"`{_default(option.default)}`" if has_default else ""
            yield flags, default, option.help or ""


def _default(value: Any) -> str:
    return value.as_posix() if isinstance(value, Path) else str(value)


def cli_page() -> str:
    """Return the list of all commands."""
    lines = [
        "# Command line",
        "",
        NOTE,
        "",
        "`gatepost COMMAND --help` shows the options of a command, with examples. In a checkout,",
        "`make docs` writes all of them into one page, `build/docs/options.md`.",
        "",
        "Every command has `--json` (one document on standard output; `up`, `serve` and `watch`:",
        "one object per line) and `--help`. No command accepts a secret as an argument. Exit",
        "codes: 0 done or healthy, 1 failed or unknown, 2 finding, 3 unreachable, 64 wrong usage.",
        "",
        "For completion of commands and options in Bash, add this line to its start file (for Zsh",
        "and fish, use `zsh_source` and `fish_source`):",
        "",
        "```text",
        'eval "$(_GATEPOST_COMPLETE=bash_source gatepost)"',
        "```",
        "",
    ]
    return "\n".join([*lines, *table(("command", "purpose"), _purposes())]) + "\n"


def _purposes() -> Iterator[tuple[str, str]]:
    """Yield each command with its arguments, and the first sentence of its help."""
    for name, command in commands(root, "gatepost"):
        purpose = " ".join(cleandoc(command.help or "").partition("\n\n")[0].split())
        sentence = re.split(r"(?<=[.])\s", purpose.replace("``", "`"))[0]
        call = name if isinstance(command, click.Group) else f"{name}{_arguments(command)}"
        yield f"`{call}`", sentence


def _arguments(command: click.Command) -> str:
    context = click.Context(command)
    return "".join(f" {each.make_metavar(context)}" for each in command.params
                   if isinstance(each, click.Argument))  # fmt: skip


def options_page() -> str:
    """Return the help of all commands, with every option."""
    lines = ["# All options of all commands"]
    for name, command in commands(root, "gatepost"):
        lines += ["", f"## {name}", ""]
        if not isinstance(command, click.Group):
            lines += [f"`{name}{_arguments(command)}`", ""]
        lines += [*_fence_examples(help_text(command)), ""]
        if rows := list(options(command)):
            lines += table(("option", "default", "meaning"), rows)
    return "\n".join(lines).rstrip("\n") + "\n"


def _fence_examples(text: str) -> Iterator[str]:
    """Yield paragraphs unchanged; indented ones become examples."""
    fenced = False
    for line in text.strip().splitlines():
        if line.startswith("  ") and not fenced:
            yield from ("", "```text")
        elif fenced and not line.startswith("  "):
            yield "```"
        fenced = line.startswith("  ")
        yield line.removeprefix("  ") if fenced else line
    if fenced:
        yield "```"


# Profiles.


def profile_list_page() -> str:
    """Return the list of all profiles."""
    lines = [
        "# Profiles", "", NOTE, "",
        "`gatepost up --profile NAME` starts a server that behaves as one of these profiles says,",
        "and `gatepost profile show NAME` prints all its values. A profile is a TOML file: what a",
        "provider offers, refuses and limits, and the source of each value. In a checkout,",
        "`make docs` writes what the server replies with each profile to `build/docs/replies.md`.",
        "",
        "A server offers only those AUTH mechanisms that its directory can verify. A quirk is a",
        "server with one fault, whose cause the doctor finds; its other values are those of the",
        "profile that it extends.",
    ]  # fmt: skip
    for kind, title in (("provider", "Providers"), ("server", "Servers"), ("quirk", "Quirks")):
        rows = [
            (
                f"[`{each.name}`](../../src/gatepost/profiles/{_file(each)})",
                each.title,
                each.as_of or "ours",
                each.directory.kind,
                *([_cause(each)] if kind == "quirk" else []),
            )
            for each in map(load_profile, available_profiles())
            if each.kind == kind
        ]
        titles = ("profile", "what it is", "as of", "directory", "cause")
        lines += ["", f"## {title}", "", *table(titles[: 5 if kind == "quirk" else 4], rows)]
    return "\n".join(lines) + "\n"


def _file(profile: Profile) -> str:
    """Return the profile's file, in the package of the profiles."""
    return f"{'quirks/' if profile.kind == 'quirk' else ''}{profile.name}.toml"


def replies_page() -> str:
    """Return what the server replies with each profile, and the sources."""
    lines = ["# What the server replies with each profile"]
    for each in map(load_profile, available_profiles()):
        lines += ["", f"## {each.name}", "", *(_quirk if each.kind == "quirk" else _profile)(each)]
    lines += [
        "", "## Replies that no profile overrides", "",
        *table(("name", "reply"), [(f"`{name}`", getattr(Replies(), name))
                                   for name in sorted(NAMES, key=_code)]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _cause(profile: Profile) -> str:
    cause = profile.quirk.cause
    return f"[`{cause}`](../findings/{cause}.md)" if cause else ""


def _quirk(profile: Profile) -> Iterator[str]:
    """Yield the peculiarities of a server, from its own file."""
    yield f"{profile.title}."
    yield ""
    values = {each.key: each for each in effective_values(profile)}
    own = [values[key] for key in load_own(profile.name) if key in values and key not in _IN_TITLE]
    yield from table(
        ("key", "value", "source"),
        [(f"`{each.key}`", f"`{json.dumps(each.value, ensure_ascii=False)}`", each.origin)
         for each in own],
    )  # fmt: skip


def load_own(name: str) -> list[str]:
    """Return the keys that a profile's own file sets."""
    text = (files("gatepost.profiles") / "quirks" / f"{name}.toml").read_text("utf-8")
    return list(read_layer(tomllib.loads(text), name, Faults()).values)


_IN_TITLE: Final = ("title", "kind", "as_of")


def _code(name: str) -> tuple[int, str]:
    return getattr(Replies(), name).code, name


def _profile(profile: Profile) -> Iterator[str]:
    yield f"{profile.title}."
    yield ""
    lines = [(key, f"`{getattr(profile, key).replace(pod_name(), '{pod}')}`", source(profile, key))
            for key in _FIRST_LINES]  # fmt: skip
    yield from table(("first line", "text", "source"), lines)
    yield ""
    for when, offered in (("in clear", profile.in_clear), ("over TLS", profile.over_tls)):
        yield f"EHLO {when} (source: {source(profile, _KEYS[when])}):"
        yield ""
        yield "```text"
        yield from offered
        yield "```"
        yield ""
    if profile.replies:
        replies = replies_with(profile.replies)
        rows = sorted(profile.replies, key=lambda name: (getattr(replies, name).code, name))
        yield from table(
            ("reply", "text", "source"),
            [(f"`{each}`", getattr(replies, each), source(profile, f"replies.{each}"))
             for each in rows],
        )  # fmt: skip
        yield ""
    bounds = [(f"`{group}.{each.name}`", getattr(part, each.name), source(profile,
               f"{group}.{each.name}"))
              for group, part in (("limits", profile.limits), ("strict", profile.strict))
              for each in fields(part)
              if getattr(part, each.name) != each.default or f"{group}.{each.name}" in
              profile.sources]  # fmt: skip
    if bounds:
        yield from table(("limit", "value", "source"), bounds)


_FIRST_LINES: Final = ("greeting", "hello")
_KEYS: Final = {"in clear": "in_clear", "over TLS": "over_tls"}


def source(profile: Profile, key: str) -> str:
    """Return the source of a value."""
    return profile.sources.get(key) or profile.sources.get(key.partition(".")[0]) or "RFC or ours"


def profiles_page() -> str:
    """Return the reference of the keys of a profile."""
    lines = ["# Profiles: the keys of the file", "", NOTE, ""]
    lines += [
        "A profile is a TOML file. `[sources]` can name the source of each key, and its date. All",
        "unknown keys and wrong values are reported at once. Sizes are in octets, times in",
        "seconds.",
    ]
    for group, kind in GROUPS.items():
        lines += ["", f"## {f'[{group}]' if group else 'Top level'}", ""]
        keys = [each for each in fields(kind) if each.name not in ("name", "sources", *GROUPS)]
        meanings = attribute_docstrings(kind)
        rows = [
            (f"`{each.name}`", _shown_default(each), meanings.get(each.name, "")) for each in keys
        ]
        lines += table(("key", "default", "meaning"), rows) if rows else ["No keys yet."]
    return "\n".join(lines) + "\n"


def _shown_default(key: "Field[Any]") -> str:
    if key.default is MISSING:  # a table, empty
        return "none"
    return f"`{key.default!r}`" if key.default not in ((), "", None) else "none"


def findings_page() -> str:
    """Return all pages of findings in one file, which goes into the package."""
    pages = sorted(path for path in FINDINGS.glob("*.md") if path.name != "README.md")
    note = NOTE.replace("the code, not this page", "docs/findings, not this file")
    texts = (without_fixes(path.read_text("utf-8")).strip() for path in pages)
    return "\n".join([note, *(f"\n{each}" for each in texts)]) + "\n"


def remedies_page() -> str:
    """Return which fixes there are for each library, and which of them the tests run."""
    lines = [
        "# Fixes by library", "", NOTE, "",
        "The table lists the causes that a change in the client's code or settings can fix,",
        "and the libraries that the doctor knows (`--as LIBRARY`):", "",
        *legend(), "",
        "If a fix depends on what the server offers, the table shows it for LOGIN.", "",
        *table(("cause", *LIBRARIES), rows()), "",
        "## Versions in the tests", "",
        *table(("library", "version"), [(f"{each.title} (`{name}`)", each.tested or "not run")
                                     for name, each in LIBRARIES.items()]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def imitations_page() -> str:
    """Return how the doctor imitates each library, and the source of this knowledge."""
    tls = {"auto": "STARTTLS if offered", "starttls": "STARTTLS, required",
           "implicit": "from the first byte", "none": "none"}  # fmt: skip
    names = {"{node}": "the machine's name", "{literal}": "its address in brackets",
             "{fqdn}": "a full name, else the address"}  # fmt: skip
    rows = [
        (
            f"{each.title} (`{name}`)",
            " ".join(each.mechanisms)
            + (", without regard to EHLO" if each.chooses == "first" else ""),
            " ".join(sorted(each.initial.intersection(each.mechanisms))) or "none",
            names.get(each.hello, f"`{each.hello}`"),
            tls[each.tls],
            "not sent" if each.keeps_passwords else "sent",
            each.source + (" (tested)" if each.is_compared else ""),
        )
        for name, each in LIBRARIES.items()
    ]
    acting = [each.title for each in LIBRARIES.values() if each.fills_authzid]
    lines = [
        "# Libraries, as the doctor imitates them", "", NOTE, "",
        "`gatepost doctor HOST --as LIBRARY` signs in as the library does by default with a",
        "user name and a password: with the first of its mechanisms that EHLO lists, and the",
        "response on the AUTH line or after a prompt. The doctor never sends a password in",
        "clear, even if the library does.", "",
        *table(("library", "mechanisms, in its order", "response on the AUTH line", "name in EHLO",
                "TLS by default", "passwords in clear", "source"), rows), "",
        f"{', '.join(acting[:-1])} and {acting[-1]} send the user name also in PLAIN's",
        "first field, the authorization identity. Some servers refuse this:",
        "[authzid_not_permitted](../findings/authzid_not_permitted.md). With `--try-all`, the",
        "doctor also sends PLAIN without it, unless the server has checked the password already.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


# The management API.


def arm_page() -> str:
    """Return the page of the management API's operations."""
    rows = [
        (each.method, f"`{path_of(each)}`", f"`{each.action}`" if each.action else "any role")
        for each in OPERATIONS
    ]
    lines = [
        NOTE, "", "# The management API's operations", "",
        "The supported operations, and the action that a role must grant on the scope. A path of",
        "Microsoft.Authorization can follow any scope. More: [the management API](arm-api.md).", "",
        *table(("method", "path", "action"), rows),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def path_of(operation: Operation) -> str:
    """Return an operation's path."""
    path = operation.path
    return f"{{scope}}{path}" if path.startswith("/providers/Microsoft.Authorization") else path


PAGES: Final[dict[Path, Callable[[], str]]] = {
    REFERENCE / "openapi.json": partial(api_file, describe_own_api),
    REFERENCE / "swagger.json": partial(api_file, describe_mailbox_api),
    **{path: partial(finding_page, path) for path in FINDING_PAGES},
    REFERENCE / "remedies.md": remedies_page,
    REFERENCE / "libraries.md": imitations_page,
    REFERENCE / "aadsts.md": partial(aadsts_page, NOTE),
    REFERENCE / "failures.md": partial(failures_page, NOTE),
    REFERENCE / "catalogue.md": partial(catalogue_page, NOTE),
    REFERENCE / "doctor-report.md": partial(report_page, NOTE),
    REFERENCE / "cli.md": cli_page,
    REFERENCE / "profile-list.md": profile_list_page,
    REFERENCE / "profiles.md": profiles_page,
    REFERENCE / "arm-operations.md": arm_page,
    CONFORMANCE: conformance_page,
    ROOT / "src" / "gatepost" / "doctor" / "findings.md": findings_page,
}


BUILT: Final[Mapping[str, Callable[[], str]]] = {
    "options.md": options_page,
    "replies.md": replies_page,
    "doctor.schema.json": schema_file,
}


def main() -> None:
    """Write the pages."""
    BUILD.mkdir(parents=True, exist_ok=True)
    pages = PAGES | {BUILD / name: make for name, make in BUILT.items()}
    for path, make in pages.items():
        path.write_text(make(), "utf-8")


if __name__ == "__main__":
    main()
