"""The scan of texts sees every import and declaration that the parser sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergelaw.language import ast, parse
from mergelaw.laws import sources

LIBRARY = sources.library_files()
TRICKY = """\
import A, // from "hidden.crdt"
  B from // "c.crdt"
  "b.crdt"
// import C from "c.crdt"
import D from "d\\u002ecrdt" type X { state Nat merge(a, b) = max(a, b)
  rule r: "import E from // no comment" // store Hidden { }
}
store Y[A: Ordered, B] { state { type: Map[A, X] } }
"""


@pytest.mark.parametrize("path", LIBRARY, ids=[p.stem for p in LIBRARY])
def test_sources_see_what_the_parser_sees(path: Path) -> None:
    text = sources.read(path)
    module = parse(text, str(path))
    assert sources.imported(text) == [d.path for d in module.declarations if isinstance(d, ast.Import)]
    assert sources.declared(text) == [d.name for d in module.declarations if isinstance(d, ast.TypeDecl)]


def test_sources_are_not_misled_by_comments_and_texts() -> None:
    module = parse(TRICKY, "tricky.crdt")
    assert sources.imported(TRICKY) == [d.path for d in module.declarations if isinstance(d, ast.Import)]
    assert sources.imported(TRICKY) == ["b.crdt", "d.crdt"]
    assert sources.declared(TRICKY) == ["X", "Y"]


def test_sources_closure_follows_imports_beside_the_file_and_in_the_library(tmp_path: Path) -> None:
    (tmp_path / "a.crdt").write_text('import B from "b.crdt" import Max from "kernel/max.crdt"')
    (tmp_path / "b.crdt").write_text('import A from "a.crdt" import C from "c.crdt"')
    found = {s.name: s for s in sources.closure(tmp_path / "a.crdt")}
    assert len(found) == 5  # a, b, max, a again as b imports it, and c, which is not there
    assert found["kernel/max.crdt"].of_library
    assert found["kernel/max.crdt"].text == sources.read(sources.library() / "kernel" / "max.crdt")
    assert [s.name for s in found.values() if s.path is None] == ["c.crdt at None"]
    (tmp_path / "c.crdt").write_text("type C { state Nat }")
    assert sources.closure(tmp_path / "a.crdt") != list(found.values())


def test_sources_closure_tells_when_a_library_file_is_shadowed(tmp_path: Path) -> None:
    (tmp_path / "a.crdt").write_text('import Max from "kernel/max.crdt"')
    before = sources.closure(tmp_path / "a.crdt")
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "max.crdt").write_text("type Max { state Nat }")
    _, after = sources.closure(tmp_path / "a.crdt")
    assert before[1].of_library
    assert not after.of_library
