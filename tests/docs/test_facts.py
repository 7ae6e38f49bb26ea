"""The pages are correct: tables, names, links, numbers."""

import ast
import json
import re
from pathlib import Path
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

import gatepost
import gatepost.testing
from gatepost.app.provision_azure import Provisioned
from gatepost.app.ready_json import Trusted, describe
from gatepost.cli.main import COMMANDS, root
from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.causes.cause import Cause
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.model.secret import Secret
from gatepost.operator_log.sentences import LEVELS
from gatepost.profiles import available_profiles
from tests.docs.generated import BUILT, PAGES, commands, help_text, options
from tests.docs.pages import FINDINGS, ROOT, Page, all_pages, read_page
from tests.docs.tables import cell
from tests.syntax_trees import trees

README = read_page(ROOT / "README.md")
REFERENCE = ROOT / "docs" / "reference"
AZURE = ROOT / "src" / "gatepost" / "directory" / "azure"
EVENT = re.compile(r"report(?:er)?\(\s*\"([a-z_]+)\"")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_generated_pages_are_current(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path](), "run make docs"


class TestBuiltPages:
    def test_they_are_built(self) -> None:
        assert [name for name, make in BUILT.items() if not make()] == []

    def test_every_option_of_every_command_is_in_them(self) -> None:
        page = BUILT["options.md"]()
        for name, command in commands(root, "gatepost"):
            assert f"\n## {name}\n" in page
            assert [
                flags for flags, _, _ in options(command) if f"| {cell(flags)} |" not in page
            ] == []

    def test_every_profile_is_in_them(self) -> None:
        page = BUILT["replies.md"]()
        assert [name for name in available_profiles() if f"\n## {name}\n" not in page] == []


class TestLinks:
    @pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
    def test_links_lead_somewhere(self, page: Page) -> None:
        assert [link for link in page.links() if not self.leads(page, link)] == []

    def leads(self, page: Page, link: str) -> bool:
        if link.startswith("https://"):
            return True
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        if target.suffix != ".md" or not target.exists():
            return target.exists() and not anchor
        return not anchor or anchor in read_page(target).anchors()

    def test_every_page_is_reached_from_the_readme(self) -> None:
        reached, waiting = set(), [README.path]
        while waiting:
            path = waiting.pop()
            if path in reached:
                continue
            reached.add(path)
            targets = (path.parent / link.partition("#")[0] for link in read_page(path).links())
            waiting += [each.resolve() for each in targets if each.suffix == ".md"]
        assert {page.name for page in all_pages() if page.path not in reached} == set()


class TestReadme:
    def test_something_can_be_run_within_twenty_lines(self) -> None:
        first = next(block for block in README.blocks() if block.language == "console")
        assert first.line + 1 <= 20

    def test_it_names_every_command(self) -> None:
        assert [name for name in COMMANDS if f"gatepost {name}" not in README.text] == []

    def test_it_counts_right(self) -> None:
        assert f"{len(CAUSES)} causes" in README.text
        assert f"{len(LIBRARIES)} libraries" in README.text


def test_every_command_shows_itself_by_example() -> None:
    def shows(path: str, command: click.Command) -> bool:
        _, heading, example = help_text(command).partition("Example:\n")
        return bool(heading) and path in example

    every = commands(root, "gatepost")
    assert [path for path, command in every if not shows(path, command)] == []


def test_the_bridge_on_the_page_of_a_finding_is_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = read_page(FINDINGS / "basic_auth_disabled.md")
    [block] = [each.text for each in page.blocks() if each.language == "toml"]
    in_clear = block.replace('certificate = "relay.pem"\nkey = "relay.key"', 'tls = "none"')
    file = Path("gatepost.toml")
    file.write_text(in_clear.replace("0.0.0.0:587", "127.0.0.1:2587"), "utf-8")
    Path("client-secret").write_text("secret", "utf-8")
    Path("client-secret").chmod(0o600)
    result = CliRunner().invoke(root, ["check", "--config", str(file)])
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.id)
def test_every_cause_has_a_page_that_begins_with_its_summary(cause: Cause) -> None:
    title, lead, *_ = (FINDINGS / f"{cause.id}.md").read_text("utf-8").split("\n\n")
    assert (title, " ".join(lead.split())) == (f"# {cause.id}", cause.summary)


class TestCommands:
    known: ClassVar = dict(commands(root, "gatepost"))

    def find(self, line: str) -> tuple[click.Command | None, list[str]]:
        """Return the command that a line begins with, and the words behind it."""
        words = line.split()
        for length in range(len(words), 0, -1):
            if command := self.known.get(" ".join(words[:length])):
                return command, words[length:]
        return None, words

    def options(self, command: click.Command) -> set[str]:
        return {flag for each in command.params for flag in each.opts} | {"--help", "-h"}

    def test_help_names_the_command_that_lists_profiles(self) -> None:
        [option] = [each for each in self.known["gatepost up"].params if each.name == "profile"]
        assert isinstance(option, click.Option)
        assert option.help is not None
        assert "`gatepost profile list`" in option.help
        listed = CliRunner().invoke(self.known["gatepost profile list"], ["--json"])
        names = [each["name"] for each in json.loads(listed.stdout)["profiles"]]
        assert sorted(names) == list(available_profiles())

    @pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
    def test_commands_in_prose_exist(self, page: Page) -> None:
        wrong = []
        for line in page.commands():
            command, words = self.find(line)
            if words[:1] == ["--help"] or words[:2] == ["gatepost", "COMMAND"]:
                continue
            if command is None:
                wrong.append(line)
            else:
                flags = {word.partition("=")[0] for word in words if word.startswith("--")}
                wrong += [line] if flags - self.options(command) else []
        assert wrong == []


class TestReference:
    def words(self, name: str) -> set[str]:
        """Return the text between backquotes on a page of the reference."""
        return set(re.findall(r"`([\w.]+)`", (REFERENCE / name).read_text("utf-8")))

    def test_ready_json(self) -> None:
        listeners = dict.fromkeys(("smtp", "smtps", "https", "http"))
        trusted = Trusted(Path("/data/ca.pem"), Path("/data/ca-bundle.pem"))
        document = describe(1, Path("/data"), listeners, trusted, provisioned())
        assert set(document) <= self.words("ready.md")

    def test_library(self) -> None:
        missing = {*gatepost.__all__, *gatepost.testing.__all__} - self.words("library.md")
        assert missing == set()

    def test_events(self) -> None:
        reported = {
            name
            for path in (ROOT / "src").rglob("*.py")
            for name in EVENT.findall(path.read_text("utf-8"))
        }
        assert {"accepted", "auth_refused", "signed_in"} <= reported
        assert reported - self.words("events.md") == set()
        assert reported - LEVELS.keys() == set()
        page = (REFERENCE / "events.md").read_text("utf-8")
        for names, levels in re.findall(r"(?m)^\| (`[^|]+`) \| ([a-z, ]+) \| .* \| .* \|$", page):
            shown = levels.split(", ")
            events = re.findall(r"`(\w+)`", names)
            assert [LEVELS[each] for each in events] == shown * (len(events) // len(shown)), names

    def test_reasons_of_a_refused_login(self) -> None:
        source = "".join(path.read_text("utf-8") for path in AZURE.glob("*.py"))
        reasons = set(re.findall(r"Denial\(\s*\"(\w+)\"", source))
        assert "secret_wrong" in reasons
        assert reasons - self.words("events.md") == set()


class TestManagement:
    page = read_page(ROOT / "docs" / "reference" / "arm-api.md").text

    def test_every_code_of_a_refusal(self) -> None:
        """The codes of changes are shared with Graph, where they have an underscore."""
        places = (ROOT / "src/gatepost/rest/arm", AZURE / "changes")
        source = "".join(path.read_text("utf-8") for each in places for path in each.glob("*.py"))
        named = r"(?:Rejected|ApiError|_refusal)\(\s*(?:\w+,\s*)?\"([A-Z]\w+)\""
        codes = {each for each in re.findall(named, source) if "_" not in each}
        assert {"NameReservationTaken", "AuthorizationFailed"} <= codes
        assert codes - set(re.findall(r"`(\w+)`", self.page)) - {"TenantNotFound"} == set()


def provisioned() -> Provisioned:
    """Return what a first start makes; the values do not matter here."""
    return Provisioned(
        tenant_id="tenant", subscription_id="subscription", client_id="application",
        client_secret=Secret("s"), resource_id="/resource", sender="a@b", access_key=Secret("k"),
    )  # fmt: skip


class TestArchitecture:
    page = read_page(ROOT / "ARCHITECTURE.md")

    def test_modules_that_it_names_exist(self) -> None:
        names = re.findall(r"`([a-z_]+(?:/[a-z_0-9]+)+(?:\.\w+)?/?)`", self.page.text)
        assert names, "nothing was found"
        assert [name for name in names if not self.exists(name)] == []

    def exists(self, name: str) -> bool:
        homes = (ROOT, ROOT / "src" / "gatepost")
        return any((home / f"{name.rstrip('/')}{suffix}").exists()
                   for home in homes for suffix in ("", ".py"))  # fmt: skip

    def test_names_in_code_exist(self) -> None:
        """A word with a dot, such as ``Store.put``, is a class and one of its attributes."""
        defined = {
            f"{owner.name}.{member.name}"
            for tree in trees().values()
            for owner in ast.walk(tree)
            if isinstance(owner, ast.ClassDef)
            for member in owner.body
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        named = set(re.findall(r"`([A-Z]\w+\.[a-z_]+)`", self.page.text))
        assert named - defined == set()
