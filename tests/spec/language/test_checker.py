"""The checker: what it makes of well-formed specs, and every error that it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from mergelaw.language import CODES, SpecErrors, check_file, check_text, core, library_dir
from mergelaw.language.check.trees import free, pattern_variables, scopes
from mergelaw.language.check.unify import Meta, Poison, parts
from mergelaw.language.core import BOOL, DOT, INT, NAT, REAL, TEXT, TIME, MapT, Named, OptionType, ParamT
from mergelaw.language.span import Span

FIXTURES = Path(__file__).parents[2] / "fixtures" / "errors"
BAD = sorted(p for p in FIXTURES.glob("ML[2-5]*.crdt"))
LIBRARY = sorted(library_dir().rglob("*.crdt"))

OR_SET = """
import DotSet from "kernel/dot_set.crdt"
store ORSet[E] {
  state { adds: Map[E, DotSet] }
  update add(e: E) by r at d = { adds[e] = {d} } forgetting adds[e]
  update remove(e: E) = { forget adds[e] }
  query contains(e: E): Bool = adds[e] != {}
  query members: Set[E] = { e where contains(e) }
  theorem add_wins(s: This, e: E, p: Replica, q: Replica):
    merge(s.add(e) by p, s.remove(e) by q).contains(e)
  theorem stays_removed(s: This, e: E, p: Replica, t: later This):
    (exists x in t.adds[e]: not (x in s.seen)) or not merge(s.remove(e) by p, t).contains(e)
}
"""


def rendered(errors: SpecErrors) -> str:
    return "\n\n".join(e.render(Path(e.span.file).read_text(encoding="utf-8")) for e in errors.errors) + "\n"


def codes(text: str) -> list[str]:
    """The codes of the errors in a text, none if it is well formed."""
    try:
        check_text(text)
    except SpecErrors as e:
        return [x.code for x in e.errors]
    return []


def query_body(declarations: str, clauses: str) -> core.Expr:
    """The body of the first query of a type T that has these clauses."""
    return check_text(f"{declarations}\ntype T {{ {clauses} }}").types["T"].queries[0].body


def in_query(body: str, result: str, params: str = "") -> core.Expr:
    """The body of a query over a state with fields of many types."""
    state = """state { counts: Map[Text, Nat], names: Set[Text], size: Nat, real: Map[Text, Real], log: Seq[Nat] }
      merge(a, b) = a"""
    signature = f"({params})" if params else ""
    return query_body("enum Light { red, green(since: Time) }", f"{state} query q{signature}: {result} = {body}")


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_bad_spec_gives_its_whole_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES)
    with pytest.raises(SpecErrors) as e:
        check_file(Path(path.name))
    assert rendered(e.value) == path.with_suffix(".txt").read_text(encoding="utf-8")
    assert path.stem[:5] in {x.code for x in e.value.errors}


def test_no_code_lacks_a_fixture() -> None:
    of_checker = {c for c in CODES if c[2] in "2345"}
    assert of_checker == {p.stem[:5] for p in BAD}


def test_errors_of_one_pass_come_together() -> None:
    text = """
    type T {
      state { top: Nat }
      merge(a, b) = { top = max(a.tip, b.top) }
      query one: Nat = tap
      query two: Bool = top
    }"""
    assert codes(text) == ["ML203", "ML201", "ML301"]


def test_one_fault_gives_one_error() -> None:
    text = """
    type T {
      state { top: Nat }
      merge(a, b) = a
      query one: Set[Nat] = { k where nothing[k] > 0 and k + 1 == nothing[k] } | { nothing }
    }"""
    assert set(codes(text)) == {"ML201"}


# -- the library -----------------------------------------------------------------------------------


def nodes(x: object) -> Iterator[object]:
    if isinstance(x, tuple):
        for i in x:
            yield from nodes(i)
    elif is_dataclass(x) and not isinstance(x, core.Type | Span | type):
        yield x
        for f in fields(x):
            yield from nodes(getattr(x, f.name))


def bound_again(e: core.Expr, scope: frozenset[str]) -> Iterator[str]:
    """Variables that are bound within the scope of a variable of the same name."""
    for names, inner in scopes(e):
        yield from scope.intersection(names)
        for p in inner:
            yield from bound_again(p, scope.union(names))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.stem)
def test_library_becomes_well_formed_core(path: Path) -> None:
    program = check_file(path)
    for definition in (*program.types.values(), *program.functions.values()):
        for node in nodes(definition):
            if isinstance(node, core.Expr):
                assert not [t for t in parts(node.type) if isinstance(t, Meta | Poison)], node
                assert not list(bound_again(node, frozenset())), node
            if isinstance(node, core.Lit):
                assert isinstance(node.value, Fraction) == (node.type == REAL)
                assert node.type in (BOOL, NAT, INT, REAL, TEXT, TIME)
            if isinstance(node, core.Build):
                assert node.sources
                assert not [s for s in node.sources if node.var in free(s)]
                assert all(isinstance(program.unfold(s.type), MapT) for s in node.sources)
            if isinstance(node, core.RecordE):
                record = program.unfold(node.type)
                assert isinstance(record, core.RecordT)
                assert [n for n, _ in node.fields] == [n for n, _ in record.fields]


# -- elaboration -----------------------------------------------------------------------------------


def test_or_set_elaborates() -> None:
    program = check_text(OR_SET)
    t = program.types["ORSet"]
    dot_set, element = Named("DotSet"), ParamT("E")
    this, e, d = core.Var(t.self_type, "this"), core.Var(element, "e"), core.Var(DOT, "d")
    adds = core.Get(MapT(element, dot_set), this, "adds")
    path = core.Path(("adds", e), dot_set)
    one = core.MapE(dot_set, ((d, core.Lit(BOOL, True)),))
    assert t.update("add").body == core.Block((core.Assign(path, one), core.Forget(path)))
    assert t.update("add").by == "r" and t.update("add").at == ("d",)
    assert t.update("remove").body == core.Block((core.Forget(path),))
    at = core.At(dot_set, adds, e)
    assert t.query("contains").body == core.Op(BOOL, "ne", (at, core.Zero(dot_set)))
    members = t.query("members").body
    assert isinstance(members, core.Build) and members.sources == (adds,)
    assert isinstance(members.body, core.CallQuery) and members.body.seen_of == "this"
    wins = t.theorems[0].body
    assert isinstance(wins, core.CallQuery) and wins.seen_of is None
    assert isinstance(wins.subject, core.Merge) and wins.subject.type == t.self_type
    assert isinstance(wins.subject.left, core.Apply) and wins.subject.left.update == "add"
    assert t.theorems[1].later == {"t"}
    assert program.main == ("ORSet",)


def test_transparent_state_takes_plain_expressions() -> None:
    t = check_text("type M { state Nat merge(a, b) = max(a, b) update raise(n: Nat) = max(this, n) }").types["M"]
    body = t.update("raise").body
    assert isinstance(body, core.Block)
    (entry,) = body.entries
    assert isinstance(entry, core.Assign) and entry.path == core.Path((), Named("M"))


def test_what_is_forgotten_goes_into_every_branch() -> None:
    text = """import DotSet from "kernel/dot_set.crdt"
    store F { state { on: DotSet }
      update set(b: Bool) at d = if b then { on = {d} } else {} forgetting on }"""
    body = check_text(text).types["F"].update("set").body
    assert isinstance(body, core.IfDelta)
    forget = core.Forget(core.Path(("on",), Named("DotSet")))
    assert isinstance(body.then, core.Block) and body.then.entries[-1] == forget
    assert body.orelse == core.Block((forget,))


def test_fields_left_out_are_zero() -> None:
    text = "type P { state { x: Nat, y: Option[Nat] } merge(a, b) = { x = max(a.x, b.x) } }"
    merge = check_text(text).types["P"].merge
    assert merge is not None and isinstance(merge.body, core.RecordE)
    assert merge.body.type == Named("P")
    assert merge.body.fields[1] == ("y", core.Zero(OptionType(NAT)))


def test_merge_takes_the_declared_type() -> None:
    text = """import DotSet from "kernel/dot_set.crdt"
    store W { state { on: DotSet } merge(a, b) = { on = merge(a.on, {}) | merge({}, b.on) } }"""
    merge = check_text(text).types["W"].merge
    assert merge is not None
    found = [n.type for n in nodes(merge.body) if isinstance(n, core.Merge)]
    assert found == [Named("DotSet"), Named("DotSet")]


@pytest.mark.parametrize(
    ("body", "result", "expected"),
    [
        ("1", "Nat", core.Lit(NAT, 1)),
        ("1", "Int", core.Lit(INT, 1)),
        ("1", "Real", core.Lit(REAL, Fraction(1))),
        ("0", "Time", core.Lit(TIME, 0)),
        ("some(1)", "Option[Real]", core.Some(OptionType(REAL), core.Lit(REAL, Fraction(1)))),
        ("{}", "Map[Text, Nat]", core.Zero(MapT(TEXT, NAT))),
        ("none", "Option[Nat]", core.Zero(OptionType(NAT))),
        ("[]", "Seq[Nat]", core.Zero(core.SeqT(NAT))),
        ("red", "Light", core.Variant(core.EnumT("Light"), 0, ())),
        ("green(5)", "Light", core.Variant(core.EnumT("Light"), 1, (core.Lit(TIME, 5),))),
    ],
)
def test_literals_take_the_type_expected(body: str, result: str, expected: core.Expr) -> None:
    assert in_query(body, result) == expected


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ("size + 1", NAT),
        ("size - 1", INT),
        ("size * 0.5", REAL),
        ("-size", INT),
        ("monus(size, 1)", NAT),
        ("max(size, 1)", NAT),
        ("sum(counts)", NAT),
        ("sum(real)", REAL),
        ("count(names)", NAT),
        ("length(log)", NAT),
    ],
)
def test_numbers_have_the_narrowest_type(body: str, type_: core.Type) -> None:
    assert in_query(body, str(type_)).type == type_


def test_narrow_numbers_widen_inside_values() -> None:
    assert in_query("first(log)", "Option[Real]").type == OptionType(NAT)
    assert in_query("counts", "Map[Text, Int]").type == MapT(TEXT, NAT)
    assert codes("type T { state Set[Nat] merge(a, b) = a | b query q: Set[Int] = this }") == ["ML301"]


def test_times_add_numbers_only() -> None:
    assert in_query("max(t + 1, 1 + t)", "Time", "t: Time").type == TIME


def test_comparisons_turn_round() -> None:
    size = core.Get(NAT, core.Var(Named("T"), "this"), "size")
    two = core.Lit(NAT, 2)
    assert in_query("size > 2", "Bool") == core.Op(BOOL, "lt", (two, size))
    assert in_query("size >= 2", "Bool") == core.Op(BOOL, "le", (two, size))
    assert isinstance(in_query("names <= {}", "Bool"), core.Op)
    subset = in_query('names >= {"a"}', "Bool")
    assert isinstance(subset, core.Op) and subset.op == "subset"
    assert isinstance(subset.args[0], core.MapE)


def test_binders_find_their_types() -> None:
    body = in_query("exists x in names: forall y in keys(counts): counts[x] < counts[y]", "Bool")
    assert isinstance(body, core.Quant) and body.var_type == TEXT
    body = in_query("{ k -> counts[k] + 1 where k in names }", "Map[Text, Nat]")
    assert isinstance(body, core.Build)
    assert [s.type for s in body.sources] == [MapT(TEXT, BOOL)]
    late = query_body("", "state { m: Map[(Text, Nat), Nat] } merge(a, b) = a query q: Nat = sum({ p -> m[p] })")
    assert isinstance(late, core.Sum) and isinstance(late.subject.type, MapT)
    assert late.subject.type.key == core.TupleT((TEXT, NAT))


def test_inner_variables_are_renamed_apart() -> None:
    body = in_query("{ k where k in names and { k where k in names and counts[k] > 0 } != {} }", "Set[Text]")
    assert isinstance(body, core.Build) and not list(bound_again(body, frozenset(("this",))))
    inner = [n for n in nodes(body.body) if isinstance(n, core.Build)]
    assert [n.var for n in inner] == ["k_2"]


def test_generic_functions_find_their_type_arguments() -> None:
    declarations = """fun pick[V: Ordered](a: Option[V], b: V): V = match a { some(x) => max(x, b), none => b }"""
    body = query_body(declarations, "state Nat merge(a, b) = a query q: Nat = pick(none, this)")
    assert isinstance(body, core.CallFun)
    assert body.type_args[0][0] == "V"
    assert body.args[0] == core.Zero(OptionType(body.type_args[0][1]))


def test_let_of_a_state_means_the_state() -> None:
    text = """import Max from "kernel/max.crdt"
    type H { state { top: Max } update up(n: Nat) = { top = n }
      theorem t(s: This, n: Nat, p: Replica): let u = s.up(n) by p in merge(u, s).top == u.top }"""
    body = check_text(text).types["H"].theorems[0].body
    assert len([n for n in nodes(body) if isinstance(n, core.Apply)]) == 2
    assert not [n for n in nodes(body) if isinstance(n, core.Let)]


def test_parts_of_states_know_their_context() -> None:
    text = """import DotSet from "kernel/dot_set.crdt"
    store F { state { on: DotSet } query known: Bool = on <= seen }
    store G { state { parts: Map[Text, F] }
      query known(k: Text): Bool = parts[k].known
      compatible both(a, b): forall k: a.parts[k].known and b.parts[k].known }"""
    t = check_text(text).types["G"]
    asked = [n.seen_of for n in nodes(t.properties[0].body) if isinstance(n, core.CallQuery)]
    assert asked == ["a", "b"]


def test_recursive_types_go_through_declared_types() -> None:
    text = """import DotFun from "kernel/dot_fun.crdt"
    import DotMap from "kernel/dot_map.crdt"
    alias Node = { name: DotFun[Text], members: Map[Text, Tree] }
    store Tree { state DotMap[Node] update name(d: Dot, t: Text) at e = { this[d].value.name[e] = some(t) } }"""
    body = check_text(text).types["Tree"].update("name").body
    assert isinstance(body, core.Block) and isinstance(body.entries[0], core.Assign)
    assert body.entries[0].path.type == OptionType(TEXT)


def test_unnamed_properties_get_names() -> None:
    text = "type T { state Nat merge(a, b) = max(a, b) invariant: this >= 0 invariant: true compatible(a, b): a == a }"
    names = [p.name for p in check_text(text).types["T"].properties]
    assert names == ["invariant1", "invariant2", "compatible1"]


# -- files -----------------------------------------------------------------------------------------


def test_files_keep_their_functions_apart(tmp_path: Path) -> None:
    for name, n in (("one", 1), ("two", 2)):
        text = f"fun rank(n: Nat): Nat = n + {n}\nfun of_{name}(n: Nat): Nat = rank(n)\n"
        (tmp_path / f"{name}.crdt").write_text(text, encoding="utf-8")
    text = 'import of_one from "one.crdt"\nimport of_two from "two.crdt"\nfun both(n: Nat): Nat = of_one(of_two(n))'
    program = check_text(text, search=(tmp_path,))
    called = [
        n.name for f in ("of_one", "of_two") for n in nodes(program.functions[f].body) if isinstance(n, core.CallFun)
    ]
    assert len(set(called)) == 2
    added = [program.functions[c].body for c in called]
    assert [b.args[1] for b in added if isinstance(b, core.Op)] == [core.Lit(NAT, 1), core.Lit(NAT, 2)]


def test_imports_are_found_beside_the_file_first(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "max.crdt").write_text("type Max { state Text merge(a, b) = max(a, b) }", encoding="utf-8")
    main = tmp_path / "main.crdt"
    main.write_text('import Max from "kernel/max.crdt"\ntype T { state { m: Max } }', encoding="utf-8")
    program = check_file(main)
    assert program.types["Max"].state == TEXT
    assert program.main == ("T",)
    assert program.types["Max"].file == str(tmp_path / "kernel" / "max.crdt")


def test_a_file_imported_twice_is_read_once() -> None:
    text = """import DotFun from "kernel/dot_fun.crdt"
    import DotFun from "dot_fun.crdt"
    store T { state DotFun[Nat] }"""
    assert set(check_text(text).types) == {"DotFun", "T"}


def test_missing_file_is_an_error_of_the_input(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as e:
        check_file(tmp_path / "nothing.crdt")
    assert [x.code for x in e.value.errors] == ["ML007"]


# -- totality --------------------------------------------------------------------------------------

STATE = """import DotSet from "kernel/dot_set.crdt"
fun half(n: Nat): Nat = if n == 0 then 0 else n
fun one_more(n: Nat): Nat = n + 1
store T {
  state { counts: Map[Text, Nat], names: Set[Text], deep: Map[Text, Map[Text, Nat]], dots: Map[Text, DotSet] }
  merge(a, b) = a
  query has(k: Text): Bool = counts[k] != 0
"""


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("{ k where counts[k] > 0 }", "Set[Text]"),
        ("{ k where has(k) }", "Set[Text]"),
        ("{ k where this.has(k) and k not in names }", "Set[Text]"),
        ("{ k -> half(counts[k]) }", "Map[Text, Nat]"),
        ('{ k -> monus(counts[k], 1) + deep[k]["a"] }', "Map[Text, Nat]"),
        ("{ k -> { j -> deep[k][j] * 2 } }", "Map[Text, Map[Text, Nat]]"),
        ("{ k -> if k in names then 1 else 0 }", "Map[Text, Nat]"),
        ("{ k -> let c = counts in c[k] }", "Map[Text, Nat]"),
        ("{ k -> match greatest(d in dots[k]) { some(d) => d.number, none => 0 } }", "Map[Text, Nat]"),
        ("{ k where exists d in dots[k]: d.number > 3 }", "Set[Text]"),
        ("{ k where not (counts[k] == 0 or k in names) }", "Set[Text]"),
        ("{ k where not (k in names => true) or 1 < counts[k] }", "Set[Text]"),
        ("{ k -> sum(deep[k]) + count(dots[k]) }", "Map[Text, Nat]"),
        ("{ k -> (counts[k], some(1)) where k in names }", "Map[Text, (Nat, Option[Nat])]"),
        ("{ d where d in seen and d.number < 3 }", "Set[Dot]"),
    ],
)
def test_finite_comprehensions_are_accepted(body: str, result: str) -> None:
    assert codes(f"{STATE} query q: {result} = {body} }}") == []


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("{ k where counts[k] == 0 }", "Set[Text]"),
        ("{ k where not has(k) }", "Set[Text]"),
        ("{ k -> one_more(counts[k]) }", "Map[Text, Nat]"),
        ('{ k -> counts["a"] }', "Map[Text, Nat]"),
        ('{ k -> deep["a"][k] + 1 }', "Map[Text, Nat]"),
        ("{ k -> { j -> deep[j][k] } }", "Map[Text, Map[Text, Nat]]"),
        ("{ k where forall d in dots[k]: d.number > 3 }", "Set[Text]"),
        ("{ k -> some(counts[k]) }", "Map[Text, Option[Nat]]"),
        ("{ k -> (counts[k], 1) }", "Map[Text, (Nat, Nat)]"),
        ("{ k where k in names or counts[k] <= 5 }", "Set[Text]"),
        ("{ d where d not in seen }", "Set[Dot]"),
    ],
)
def test_infinite_comprehensions_are_refused(body: str, result: str) -> None:
    assert "ML501" in codes(f"{STATE} query q: {result} = {body} }}")


def test_contexts_are_sources_only_where_nothing_else_is() -> None:
    queries = """query q: Set[Dot] = { d where d in dots["a"] and d in seen }
      query r: Set[Dot] = { d where d in seen } }"""
    text = f"{STATE} {queries}"
    t = check_text(text).types["T"]
    (first,) = [n for n in nodes(t.query("q").body) if isinstance(n, core.Build)]
    (second,) = [n for n in nodes(t.query("r").body) if isinstance(n, core.Build)]
    assert [type(s) for s in first.sources] == [core.At]
    assert [type(s) for s in second.sources] == [core.Seen]


@pytest.mark.parametrize(
    "fun",
    [
        "fun f(n: Nat): Nat = if n == 0 then 0 else f(monus(n, 1))",
        "fun f(n: Nat): Nat = if 0 < n then f(monus(n, 2)) else 0",
        "fun f(n: Int): Nat = if n > 0 then f(n - 1) else 0",
        "fun f(s: Seq[Nat]): Nat = match first(s) { some(x) => x + f(rest(s)), none => 0 }",
        "fun f(s: Seq[Nat], t: Seq[Nat]): Bool = s == [] or f(init(s), t ++ t)",
        "enum E { leaf, node(l: E, r: E) } fun f(e: E): Nat = match e { leaf => 1, node(l, r) => f(l) + f(r) }",
        "fun f(n: Nat): Bool = n == 0 or g(n)  fun g(n: Nat): Bool = n != 0 and f(monus(n, 1))",
        "enum E { one(n: Nat), many(s: Seq[E]) } fun f(e: E): Nat = "
        "match e { one(n) => n, many(s) => length([ f(x) for x in s ]) }",
    ],
)
def test_descending_recursion_is_accepted(fun: str) -> None:
    assert codes(fun) == []
    assert check_text(fun).functions["f"].recursive


@pytest.mark.parametrize(
    "fun",
    [
        "fun f(n: Nat): Nat = f(n)",
        "fun f(n: Nat): Nat = f(monus(n, 1))",
        "fun f(n: Nat): Nat = if n == 0 then 0 else f(n + 1)",
        "fun f(n: Int): Int = if n != 0 then f(n - 1) else 0",
        "fun f(n: Nat): Nat = if n != 0 then 0 else f(monus(n, 1))",
        "fun f(s: Seq[Nat]): Nat = length(s) + f(rest(s))",
        "fun f(n: Nat, m: Nat): Nat = if n == 0 then 0 else if m == 0 then f(monus(n, 1), 5) else f(n, monus(m, 1))",
        "fun f(n: Nat): Bool = g(n)  fun g(n: Nat): Bool = f(n)",
        "fun f(n: Nat): Nat = let m = n in f(m)",
    ],
)
def test_recursion_that_may_not_end_is_refused(fun: str) -> None:
    assert set(codes(fun)) == {"ML502"}


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        ("{ n = merge(a.n, b.n), kids = merge(a.kids, b.kids) }", True),
        ("{ n = merge(a.n, b.n), kids = { k -> merge(a.kids[k], b.kids[k]) } }", True),
        ("{ n = merge(a.n, b.n), kids = { k -> if a.kids[k] == {} then b.kids[k] else a.kids[k] } }", True),
        ("merge(a, b)", False),
        ('if a == b then a else { n = merge(a.n, b.n), kids = {"x": merge(a.kids["x"], b.kids["x"])} }', False),
    ],
)
def test_written_merges_end(body: str, ends: bool) -> None:
    text = f"""import Max from "kernel/max.crdt"
    type Tree {{ state {{ n: Max, kids: Map[Text, Tree] }} merge(a, b) = {body} }}"""
    assert codes(text) == ([] if ends else ["ML502"])


def test_deep_trees_do_not_exhaust_the_stack() -> None:
    deep = "(" * 90 + "n" + " + 1)" * 90
    assert codes(f"fun f(n: Nat): Nat = {deep}") == []
    nested = "if n == 0 then 1 else " * 90 + "2"
    assert codes(f"fun f(n: Nat): Nat = {nested}") == []


def test_patterns_bind_each_variable_once() -> None:
    body = in_query("match (first(log), last(log)) { (some(x), some(y)) => x + y, _ => 0 }", "Nat")
    assert isinstance(body, core.Match)
    assert list(pattern_variables(body.cases[0][0])) == ["x", "y"]


def test_functions_that_call_one_another_twice_are_seen_through() -> None:
    doubling = [f"fun f{i}(n: Nat): Nat = f{i - 1}(n) + f{i - 1}(n)" for i in range(1, 30)]
    functions = "\n".join(["fun f0(n: Nat): Nat = n", *doubling])
    clauses = "state { m: Map[Nat, Nat] } merge(a, b) = a query q: Map[Nat, Nat] = { k -> f29(m[k]) }"
    assert codes(f"{functions} type T {{ {clauses} }}") == []
