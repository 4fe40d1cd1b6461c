"""spec/README.md: its specs check, its commands print what it shows, and it names every construct.

Run as a program (`PYTHONPATH=.:spec:reference:checker python tests/spec/test_readme_spec.py`) it writes what the
commands print now into the README.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from doctest import DocTestParser, DocTestRunner
from pathlib import Path

import pytest

from mergelaw.language import CODES, SpecErrors, check_text, format_module, library_dir, parse
from mergelaw.language.check.declared import BUILTIN_FUNCTIONS, BUILTIN_TYPES
from mergelaw.language.lexer import RESERVED
from mergelaw.language.precedence import BINARY, UNARY
from mergelaw.laws.model import Kind, Verdict
from tests.checker.cli.command import ROOT
from tests.console import BLOCK, blocks, commands, redacted, run

TEXT = (ROOT / "spec" / "README.md").read_text(encoding="utf-8")
GRAMMAR = (library_dir().parent / "language" / "grammar.lark").read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
SPECS = [b for b in BLOCKS if b.kind == "crdt"]
WRONG = [b for b in BLOCKS if b.kind.startswith("crdt error ")]
FRAGMENTS = [b for b in BLOCKS if b.kind == "crdt fragment"]


def write_files(folder: Path, before: int) -> None:
    """Writes the files that the blocks before the given one show; of two with one name the later stays."""
    for block in BLOCKS[:before]:
        name = block.file
        if name is not None:
            (folder / name).write_text(block.body)


def errors_of(text: str, folder: Path) -> list[str]:
    try:
        check_text(text, "readme.crdt", (folder,))
    except SpecErrors as found:
        return [e.code for e in found.errors]
    return []


def mentions(word: str) -> bool:
    """Whether the text has the word in code: between backquotes, or in a block."""
    code = [*re.findall(r"`([^`\n]+)`", TEXT), *(b.body for b in BLOCKS)]
    pattern = rf"(?<![\w]){re.escape(word)}(?![\w])" if word[0].isalpha() or word == "_" else re.escape(word)
    return any(re.search(pattern, c.replace("\\|", "|")) for c in code)


def test_readme_spec_blocks_check_and_are_formatted(tmp_path: Path) -> None:
    assert len(SPECS) >= 8
    for block in SPECS:
        name = block.file
        if name is not None:
            (tmp_path / name).write_text(block.body)
        assert errors_of(block.body, tmp_path) == [], block.body
        assert format_module(parse(block.body, "readme.crdt")) == block.body


def test_readme_spec_wrong_blocks_have_their_error(tmp_path: Path) -> None:
    assert WRONG
    for block in WRONG:
        assert set(errors_of(block.body, tmp_path)) == {block.kind.split()[-1]}, block.body


def test_readme_spec_fragments_are_from_a_checked_block() -> None:
    for block in FRAGMENTS:
        assert any(block.body in b.body for b in SPECS), block.body


RUNS = [i for i, b in enumerate(BLOCKS) if b.mark == "run"]


def test_readme_spec_shows_runs() -> None:
    shown = "".join(BLOCKS[i].body for i in RUNS)
    for verdict in ("proved", "refuted", "unknown", "vacuous"):
        assert re.search(rf"[1-9]\d* {verdict}\b", shown), verdict


@pytest.mark.parametrize("number", RUNS)
def test_readme_spec_commands_print_what_it_shows(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_files(folder, number)
    asked = commands(BLOCKS[number].body)
    assert asked
    for command, shown in asked:
        assert redacted(run(command, folder, tmp_path / "cache")) == redacted(shown), command


def test_readme_spec_python_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, len(BLOCKS))
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    tried = 0
    for block in BLOCKS:
        if block.kind == "python":
            test = DocTestParser().get_doctest(block.body, {}, "README", None, None)
            result = DocTestRunner(verbose=False).run(test, out=told.append)
            tried += result.attempted
    assert told == []
    assert tried >= 5


def test_readme_spec_names_every_error_code_with_its_meaning() -> None:
    table = dict(re.findall(r"^\| `(ML\d+)` \| (.*) \|$", TEXT, re.MULTILINE))
    assert table == CODES


@pytest.mark.parametrize("word", sorted({*re.findall(r'"([a-z]+)"', GRAMMAR), *RESERVED}))
def test_readme_spec_names_every_keyword(word: str) -> None:
    assert mentions(word)


OTHER_NAMES = {"This", "Ordered", "Lattice", "Store", "this", "seen"}


@pytest.mark.parametrize("name", sorted({*BUILTIN_FUNCTIONS, *BUILTIN_TYPES, *OTHER_NAMES}))
def test_readme_spec_names_every_built_in(name: str) -> None:
    assert mentions(name)


@pytest.mark.parametrize("mark", sorted({o.replace("_", " ") for o in (*BINARY, *UNARY)}))
def test_readme_spec_names_every_operator(mark: str) -> None:
    assert mentions(mark)


def test_readme_spec_lists_exactly_the_reserved_words() -> None:
    found = re.search(r"These words are never names: (.*?)\. ", TEXT, re.DOTALL)
    assert found is not None
    assert set(re.findall(r"`(\w+)`", found[1])) == RESERVED


def test_readme_spec_names_every_obligation_and_verdict() -> None:
    for word in (*(k.value for k in Kind), *(v.value for v in Verdict)):
        assert re.search(rf"`[^`]*\b{word}\b[^`]*`", TEXT), word


def test_readme_spec_links_lead_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in headings, target
        else:
            assert (ROOT / "spec" / target).exists(), target


def rewritten() -> str:
    """The README with what its commands print now."""
    fresh = iter(_printed())
    return BLOCK.sub(lambda m: m[0] if m["mark"] != "run" else m[0].replace(m["body"], next(fresh)), TEXT)


def _printed() -> Iterator[str]:
    for number in RUNS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "folder")
            folder.mkdir()
            write_files(folder, number)
            told = [(c, run(c, folder, Path(name, "cache")).rstrip()) for c, _ in commands(BLOCKS[number].body)]
        yield "".join(f"$ {command}\n{output}\n" for command, output in told)


if __name__ == "__main__":
    (ROOT / "spec" / "README.md").write_text(rewritten(), encoding="utf-8")
