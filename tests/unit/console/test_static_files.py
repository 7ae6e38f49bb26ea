"""Style sheet and scripts: small, ours, and at addresses that change with them."""

import re
import subprocess
from pathlib import Path

from gatepost.console import static_files
from tests.clients.node.packages import HERE, NODE, needs_node
from tests.unit.console.access.guarded import Guarded

CONSOLE = Path(static_files.__file__).parent
SCRIPTS = sorted((CONSOLE / "static").glob("*.js"))
_IMPORT = re.compile(r'^import .* from "(.+)";$', re.MULTILINE)


def test_the_browser_gets_little() -> None:
    everything = [each for each in CONSOLE.rglob("*") if each.suffix in {".js", ".css", ".svg"}]
    assert sum(each.stat().st_size for each in everything) <= 250_000
    assert sum(each.stat().st_size for each in SCRIPTS) <= 60_000
    assert sum(len(each.read_text().splitlines()) for each in SCRIPTS) <= 1_500


def test_scripts_import_only_each_other() -> None:
    names = {f"./{each.name}" for each in SCRIPTS}
    for script in SCRIPTS:
        assert set(_IMPORT.findall(script.read_text())) <= names
        assert "eval(" not in script.read_text()


def test_nothing_in_a_page_is_inline_or_from_elsewhere() -> None:
    for template in (CONSOLE / "templates").iterdir():
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), template
        assert not re.search(r"(?:src|href)=.https?:", text), template
        assert "|safe" not in re.sub(r"'[^'{}]*'\|safe", "", text), template


def test_files_are_immutable_and_others_do_not_exist() -> None:
    guarded, prefix = Guarded(), static_files.static_prefix()
    style = guarded.ask(f"{prefix}/console.css")
    assert style.status == 200
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/static/0000/console.css", f"{prefix}/../catalogue.py", f"{prefix}/none.js"):
        assert guarded.ask(path).status == 404


@needs_node
def test_the_types_of_the_scripts_are_right(tmp_path: Path) -> None:
    compiler = HERE / "node_modules" / "typescript" / "bin" / "tsc"
    options = [
        "--allowJs", "--checkJs", "--strict", "--noEmit", "--target", "es2022",
        "--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable",
    ]  # fmt: skip
    command = [str(NODE), str(compiler), *options, *map(str, SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (0, "")
