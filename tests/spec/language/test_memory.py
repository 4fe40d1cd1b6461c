"""What a process keeps of files that it has parsed and checked: never anything that another run would not find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from mergelaw.language import SpecErrors, check, check_file, check_text, core, library_dir, parser
from mergelaw.language.check.clauses import type_definition
from mergelaw.language.check.declared import Declared
from mergelaw.language.check.memory import Memory
from mergelaw.language.check.nodes import CHILD_FIELDS, TYPED_FIELDS
from mergelaw.language.span import Span

LIBRARY = sorted(library_dir().rglob("*.crdt"))
NODES = core.Expr | core.Delta | core.Entry | core.Path

PEEK = """
store Peek {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
  query old: Set[Dot] = seen & this
}
"""


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """A memory that knows nothing yet."""
    return forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory(64)
    monkeypatch.setattr(check, "MEMORY", memory)
    parser.parsed.cache_clear()
    return memory


def write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / f"{name}.crdt").write_text(text, encoding="utf-8")


def told(path: Path) -> list[str]:
    """The errors of a file, whole."""
    try:
        check_file(path)
    except SpecErrors as e:
        return [x.render(Path(x.span.file).read_text(encoding="utf-8")) for x in e.errors]
    return []


def codes(path: Path) -> list[str]:
    try:
        check_file(path)
    except SpecErrors as e:
        return [x.code for x in e.errors]
    return []


def everything(x: object) -> Iterator[object]:
    """All that a program holds, spans too, which equality ignores."""
    if isinstance(x, tuple):
        yield "("
        for i in x:
            yield from everything(i)
        yield ")"
    elif isinstance(x, Mapping):
        for k, v in x.items():
            yield k
            yield from everything(v)
    elif is_dataclass(x) and not isinstance(x, core.Type | Span):
        yield type(x)
        for f in fields(x):
            yield from everything(getattr(x, f.name))
    else:
        yield x


def checked_types(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the types whose clauses are checked from now on."""
    names: list[str] = []

    def noted(d: Declared, name: str) -> core.TypeDef:
        names.append(name)
        return type_definition(d, name)

    monkeypatch.setattr(check, "type_definition", noted)
    return names


# -- what is known ---------------------------------------------------------------------------------


def test_what_is_known_is_what_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    together = {p: check_file(p) for p in LIBRARY}
    for name in ("keyspace.crdt", "json.crdt", "classics/or_set_refinement.crdt"):
        forget(monkeypatch)
        path = library_dir() / name
        assert list(everything(check_file(path))) == list(everything(together[path]))


def test_known_files_are_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    check_file(library_dir() / "scalar.crdt")
    names = checked_types(monkeypatch)
    program = check_file(library_dir() / "hash.crdt")
    assert {"Scalar", "DotFun", "Hash"} < set(program.types)
    assert "Hash" in names and not {"Scalar", "DotFun"} & set(names)
    names.clear()
    check_file(library_dir() / "hash.crdt")
    assert names == []


def test_the_memory_forgets_what_was_used_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "MEMORY", Memory(2))
    names = checked_types(monkeypatch)
    for name in "ABACA":
        check_text(f"type {name} {{ state Nat merge(a, b) = max(a, b) }}")
    assert names == ["A", "B", "C"]
    check_text("type B { state Nat merge(a, b) = max(a, b) }")
    assert names == ["A", "B", "C", "B"]


def test_trees_are_kept_by_text_and_label() -> None:
    text = "type A { state Nat }"
    assert parser.parsed(text, "a") is parser.parsed(text, "a")
    assert parser.parsed(text, "b").span.file == "b"
    for _ in range(2):
        with pytest.raises(SpecErrors):
            parser.parsed("type", "a")


# -- what is not -----------------------------------------------------------------------------------


def test_errors_are_told_again(tmp_path: Path) -> None:
    write(tmp_path, {"part": "type Part { state Nat }", "main": 'import Part from "part.crdt"\nfun f(): Nat = g()'})
    first = told(tmp_path / "main.crdt")
    assert [e.splitlines()[0] for e in first] == [
        f"{tmp_path}/main.crdt:2:16: error ML204: there is no function `g`",
        f"{tmp_path}/part.crdt:1:19: error ML404: Part needs a merge of its own: there is none for Nat",
    ]
    assert told(tmp_path / "main.crdt") == first


def test_errors_of_an_importing_file_leave_the_imported_one_unknown(tmp_path: Path) -> None:
    write(tmp_path, {"part": "type Part { state Nat }", "good": "fun f(): Nat = 1"})
    write(tmp_path, {"main": 'import f from "good.crdt"\nimport Part from "part.crdt"\nfun g(): Nat = f()'})
    assert codes(tmp_path / "good.crdt") == []
    for _ in range(2):
        assert codes(tmp_path / "main.crdt") == codes(tmp_path / "part.crdt") == ["ML404"]


def test_errors_leave_known_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    check_file(library_dir() / "scalar.crdt")
    with pytest.raises(SpecErrors):
        check_text('import Scalar from "scalar.crdt"\nfun f(): Nat = g()')
    names = checked_types(monkeypatch)
    check_text('import Scalar from "scalar.crdt"\ntype T { state Nat merge(a, b) = max(a, b) }')
    assert names == ["T"]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.crdt"
    for text, errors in (("fun f(): Nat = 1", []), ("fun f(): Nat = g()", ["ML204"]), ("fun f(): Nat = 2", [])):
        path.write_text(text, encoding="utf-8")
        assert codes(path) == errors
    assert check_file(path).functions["f"].body == core.Lit(core.NAT, 2)


def test_a_changed_import_changes_what_imports_it(tmp_path: Path) -> None:
    write(tmp_path, {"low": "fun low(n: Nat): Nat = n"})
    write(tmp_path, {"middle": 'import low from "low.crdt"\nfun middle(n: Nat): Nat = low(n)'})
    write(tmp_path, {"main": 'import middle from "middle.crdt"\nfun top(n: Nat): Nat = middle(n)'})
    path = tmp_path / "main.crdt"
    assert codes(path) == []
    write(tmp_path, {"low": "fun low(n: Nat): Int = n"})
    assert codes(path) == ["ML301"]
    write(tmp_path, {"low": "\nfun low(n: Nat): Nat = n + 1"})
    assert isinstance(check_file(path).functions["low"].body, core.Op)
    write(tmp_path, {"low": "fun lower(n: Nat): Nat = n"})
    assert codes(path) == ["ML207"]


def test_another_file_of_the_same_name_is_another_import(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, {"part": f'fun part(): Text = "{name}"'})
    text = 'import part from "part.crdt"\nfun f(): Text = part()'
    for name in ("x", "y", "x"):
        program = check_text(text, search=(tmp_path / name,))
        assert program.functions["part"].body == core.Lit(core.TEXT, name)


def test_ids_of_functions_depend_on_the_program(tmp_path: Path) -> None:
    for name, n in (("one", 1), ("two", 2)):
        write(tmp_path, {name: f"fun rank(n: Nat): Nat = n + {n}\nfun of_{name}(n: Nat): Nat = rank(n)"})
    imports = {name: f'import of_{name} from "{name}.crdt"\n' for name in ("one", "two")}
    for order in (["two"], ["one", "two"], ["two", "one"], ["two"], ["one", "two"]):
        text = "".join(imports[n] for n in order) + f"fun f(n: Nat): Nat = of_{order[0]}(n)"
        program = check_text(text, search=(tmp_path,))
        for name, n in (("one", 1), ("two", 2)):
            if name in order:
                body = program.functions[f"of_{name}"].body
                assert isinstance(body, core.CallFun)
                assert body.name == ("rank" if name == order[0] else "rank_2")
                added = program.functions[body.name].body
                assert isinstance(added, core.Op) and added.args[1] == core.Lit(core.NAT, n)


def test_variants_of_other_files_can_make_a_known_file_unclear(tmp_path: Path) -> None:
    write(tmp_path, {"light": "enum Light { red, green }\nfun dark(): Bool = red == red"})
    write(tmp_path, {"wine": "enum Wine { white, red }"})
    write(tmp_path, {"main": 'import dark from "light.crdt"\nimport Wine from "wine.crdt"\nfun f(): Bool = dark()'})
    assert codes(tmp_path / "light.crdt") == codes(tmp_path / "wine.crdt") == []
    assert "ML217" in codes(tmp_path / "main.crdt")
    assert codes(tmp_path / "light.crdt") == []


def test_variants_of_enums_that_a_file_does_not_import_are_no_part_of_what_is_known(tmp_path: Path) -> None:
    write(tmp_path, {"light": "enum Light { dark, green(since: Nat) }"})
    write(tmp_path, {"use": "fun shines(): Bool = green(1) == green(2)"})
    write(tmp_path, {"main": 'import Light from "light.crdt"\nimport shines from "use.crdt"\nfun f(): Bool = shines()'})
    assert codes(tmp_path / "main.crdt") == []
    assert codes(tmp_path / "use.crdt") == ["ML204", "ML204"]
    write(tmp_path, {"light": "enum Light { dark, green(since: Text) }"})
    assert codes(tmp_path / "main.crdt") == ["ML301", "ML301"]
    write(tmp_path, {"light": "enum Light { dark, green(since: Nat) }"})
    assert codes(tmp_path / "main.crdt") == []
    write(tmp_path, {"use": "fun shines(): Set[Bool] = { green(1) == green(2) }"})
    assert codes(tmp_path / "main.crdt") == ["ML301"]


def test_queries_of_known_files_are_known_to_read_contexts(tmp_path: Path) -> None:
    write(tmp_path, {"peek": PEEK, "main": 'import Peek from "peek.crdt"\nfun f(p: Peek): Set[Dot] = p.old'})
    assert codes(tmp_path / "peek.crdt") == []
    write(tmp_path, {"other": 'import Peek from "peek.crdt"\nstore S { state { p: Peek } query q: Set[Dot] = p.old }'})
    assert codes(tmp_path / "other.crdt") == []
    for _ in range(2):
        assert codes(tmp_path / "main.crdt") == ["ML219"]
    text = 'import S from "other.crdt"\nfun f(s: S): Set[Dot] = s.q'
    with pytest.raises(SpecErrors) as e:
        check_text(text, search=(tmp_path,))
    assert [x.code for x in e.value.errors] == ["ML219"]


def test_known_definitions_are_looked_into(tmp_path: Path) -> None:
    write(tmp_path, {"part": "fun part(m: Map[Nat, Nat], k: Nat): Nat = if m[k] == 0 then 0 else k"})
    for body, errors in (("part(m, k)", []), ("part(m, k) + 1", ["ML501"]), ("part(m, k) * 2", [])):
        write(
            tmp_path,
            {"main": f'import part from "part.crdt"\nfun f(m: Map[Nat, Nat]): Map[Nat, Nat] = {{ k -> {body} }}'},
        )
        assert codes(tmp_path / "main.crdt") == errors


def test_sources_do_not_depend_on_what_is_known(tmp_path: Path) -> None:
    part = """fun part(a: Map[Nat, Set[Nat]], b: Map[Nat, Set[Nat]], k: Nat): Set[Nat] =
      { x where (x in a[k] or k == k) and x in b[k] }"""
    both = (
        "fun f(a: Map[Nat, Set[Nat]], b: Map[Nat, Set[Nat]]): Set[Nat] = { k where part(a, b, k) != {} and a[k] != {} }"
    )
    write(tmp_path, {"part": part})
    alone = check_text(f"{part}\n{both}").functions["f"].body
    assert codes(tmp_path / "part.crdt") == []
    known = check_text(f'import part from "part.crdt"\n{both}', search=(tmp_path,)).functions["f"].body
    assert isinstance(known, core.Build) and len(known.sources) == 1
    assert known == alone


def test_labels_are_part_of_what_is_known() -> None:
    for label in ("a", "b", "a"):
        t = check_text("type T { state Nat merge(a, b) = max(a, b) }", label).types["T"]
        assert (t.file, t.span.file) == (label, label)


def test_a_text_may_have_the_label_of_a_file_that_it_needs(tmp_path: Path) -> None:
    write(tmp_path, {"part": "fun part(): Nat = 1"})
    label = str(tmp_path / "part.crdt")
    assert codes(tmp_path / "part.crdt") == []
    for body, errors in (("part()", []), ("other()", ["ML204"]), ("part()", [])):
        text = f'import part from "part.crdt"\nfun whole(): Nat = {body}'
        try:
            assert set(check_text(text, label, search=(tmp_path,)).functions) == {"part", "whole"}
            found = []
        except SpecErrors as e:
            found = [x.code for x in e.errors]
        assert found == errors


# -- walks -----------------------------------------------------------------------------------------


def test_walks_miss_no_child() -> None:
    for path in LIBRARY:
        for n in _dataclasses(check_file(path)):
            for f in fields(n):
                inside = list(_parts(getattr(n, f.name)))
                if any(isinstance(i, NODES) for i in inside):
                    assert f.name in CHILD_FIELDS[type(n)], (type(n), f.name)
                if any(isinstance(i, NODES | core.Type) for i in inside):
                    assert f.name in TYPED_FIELDS[type(n)], (type(n), f.name)


def _dataclasses(x: object) -> Iterator[NODES]:
    for part in _parts(x):
        if isinstance(part, NODES):
            yield part
        if is_dataclass(part) and not isinstance(part, core.Type):
            for f in fields(part):
                yield from _dataclasses(getattr(part, f.name))


def _parts(x: object) -> Iterator[object]:
    if isinstance(x, tuple):
        for i in x:
            yield from _parts(i)
    elif isinstance(x, Mapping):
        for i in x.values():
            yield from _parts(i)
    else:
        yield x
