"""The parser: trees, spans and comments; every lexical and syntax error; no input that makes it fall over."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergelaw.language import ast
from mergelaw.language.errors import CODES, SpecError, SpecErrors
from mergelaw.language.parser import ERRORS_MAX, _grammar, parse, read_source
from mergelaw.language.printer import format_module, show_expr
from mergelaw.language.span import Span
from mergelaw.language.tree import DEPTH_MAX
from tests.spec.language import strategies

FIXTURES = Path(__file__).parents[2] / "fixtures" / "errors"
MINE = sorted(code for code in CODES if code < "ML2")


def expression(text: str) -> ast.Expr:
    """The tree of one expression."""
    (declaration,) = parse(f"fun f(): T = {text}", "<text>").declarations
    assert isinstance(declaration, ast.FunDecl)
    return declaration.body


def clause(text: str) -> ast.Clause:
    """The tree of one clause of a store."""
    (declaration,) = parse(f"store S {{\n{text}\n}}", "<text>").declarations
    assert isinstance(declaration, ast.TypeDecl)
    (only,) = declaration.clauses
    return only


def errors(text: str) -> tuple[SpecError, ...]:
    with pytest.raises(SpecErrors) as caught:
        parse(text, "x.crdt")
    return caught.value.errors


def places(text: str) -> list[tuple[str, int, int]]:
    return [(e.code, e.span.line, e.span.column) for e in errors(text)]


# -- expressions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a => b => c", "a => (b => c)"),
        ("a or b and c => d", "(a or (b and c)) => d"),
        ("not a == b and c", "(not (a == b)) and c"),
        ("not a in s", "not (a in s)"),
        ("a not in s | t", "a not in (s | t)"),
        ("a | b & c - d", "a | (b & (c - d))"),
        ("a - b - c", "(a - b) - c"),
        ("a + b * -c", "a + (b * (-c))"),
        ("a ++ b - c", "(a ++ b) - c"),
        ("-a.b[c]", "-((a.b)[c])"),
        ("a and forall x: b or c", "a and (forall x: (b or c))"),
        ("a => if b then c else d => e", "a => (if b then c else (d => e))"),
        ("not exists x in s: a and b", "not (exists x in s: (a and b))"),
        ("let x = a in x in s", "let x = a in (x in s)"),
        ("let x = let y = a in y in x", "let x = (let y = a in y) in x"),
        ("let x = a not in s in x", "let x = (a not in s) in x"),
        ("let x = exists y in s: p in x", "let x = (exists y in s: p) in x"),
        ("let x = {y where y in s} in x", "let x = ({y where y in s}) in x"),
        ("if a then if b then c else d else e", "if a then (if b then c else d) else e"),
        ("s.add(e) by p when t", "s.add(e) by (p) when (t)"),
        ("s.add(e) by d.replica", "s.add(e) by (d.replica)"),
        ("s.add(e) by p == t", "(s.add(e) by p) == t"),
        ("(((a)))", "a"),
        ("greatest(x in s.at(k) by k, desc x)", "greatest(x in (s.at(k)) by (k), desc (x))"),
        ("[x for x in s by k where c]", "[(x) for x in (s) by (k) where (c)]"),
        ("match x { (a) => b, }", "match x { a => b }"),
        ("f(a, b,)", "f(a, b)"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert expression(text) == expression(same)


def test_braces_tell_their_forms_apart() -> None:
    a, b = ast.Name("a"), ast.Name("b")
    call = ast.MethodCall(a, "f", (b,))
    assert expression("{}") == ast.Empty()
    assert expression("{a, b}") == ast.SetLit((a, b))
    assert expression("{a: b}") == ast.MapLit(((a, b),))
    assert expression("{a where b}") == ast.SetCompr("a", b)
    assert expression("{a -> b}") == ast.MapCompr("a", b, None)
    assert expression("{a -> b where a}") == ast.MapCompr("a", b, a)
    assert expression("{a = b}") == ast.Construct((ast.Assign(a, b),))
    assert expression("{forget a}") == ast.Construct((ast.Forget(a),))
    assert expression("{a.f(b)}") == ast.Construct((ast.PartUpdate(call),))
    assert expression("{(a.f(b))}") == ast.SetLit((call,))
    assert expression("{a.f(b), b}") == ast.SetLit((call, b))
    assert expression("{each a in b: {forget a}}") == ast.Construct((ast.Each("a", b, (ast.Forget(a),)),))


def test_part_update_takes_several_dots() -> None:
    tree = expression("{ a.f() at d, e, b = 1, g.h() }")
    assert isinstance(tree, ast.Construct)
    first, second, third = tree.entries
    assert isinstance(first, ast.PartUpdate) and first.call.at == ("d", "e")
    assert isinstance(second, ast.Assign)
    assert isinstance(third, ast.PartUpdate) and third.call.at == ()


def test_numbers_are_exact() -> None:
    from fractions import Fraction

    assert expression("0.1") == ast.Number(Fraction(1, 10))
    two = expression("2.0")
    assert isinstance(two, ast.Number) and isinstance(two.value, Fraction)


def test_text_escapes_are_those_of_json() -> None:
    assert expression(r'"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"') == ast.TextLit('"\\/\b\f\n\r\té😀é')


# -- names, clauses, comments, spans ---------------------------------------------------------------


def test_keywords_are_names_where_the_grammar_has_no_use_for_them() -> None:
    tree = clause("query type(state: Nat, by: Nat): Nat = update + by + home.at(when) + merge(dots(type), from)")
    assert isinstance(tree, ast.QueryClause)
    assert (tree.name, [p.name for p in tree.params]) == ("type", ["state", "by"])


def test_merge_at_the_start_of_a_line_is_a_call_in_an_expression() -> None:
    tree = clause("theorem t(s: This):\n  merge(s, s)\n  == s")
    assert isinstance(tree, ast.TheoremClause)
    assert tree.body == ast.Binary("==", ast.Call("merge", (ast.Name("s"), ast.Name("s"))), ast.Name("s"))


def test_update_with_all_parts() -> None:
    tree = clause("update u(e: E) by r at d, f when now requires c = {} forgetting x, y")
    x, y = ast.Name("x"), ast.Name("y")
    param = ast.Param("e", ast.NamedType("E"))
    assert tree == ast.UpdateClause("u", (param,), "r", ("d", "f"), "now", ast.Name("c"), ast.Empty(), (x, y))


def test_theorem_with_all_parts() -> None:
    tree = clause("theorem t(s: This, u: later This) bounded 3 requires causal: c")
    this = ast.NamedType("This")
    assert tree == ast.TheoremClause("t", (ast.Param("s", this), ast.Param("u", this, True)), 3, True, ast.Name("c"))


def test_doc_is_the_comment_right_above() -> None:
    text = (
        "// Not about S.\n"
        "\n"
        "// About S,\n"
        "//   indented.\n"
        "store S { // not a doc\n"
        "  // About a.\n"
        "  query a: Nat = 1 // behind\n"
        "  query b: Nat = 1\n"
        "  // Far from c.\n"
        "\n"
        "  query c: Nat = 1\n"
        "}\n"
    )
    module = parse(text, "x.crdt")
    (store,) = module.declarations
    assert isinstance(store, ast.TypeDecl)
    assert store.doc == ("About S,", "  indented.")
    assert [c.doc for c in store.clauses] == [("About a.",), (), ()]
    assert [(span.line, text) for span, text in module.comments] == [
        (1, "Not about S."),
        (3, "About S,"),
        (4, "  indented."),
        (5, "not a doc"),
        (6, "About a."),
        (7, "behind"),
        (9, "Far from c."),
    ]


def test_spans_are_exact() -> None:
    text = "fun f(): T = (a + bc) * d[e]\n  - g.h(1)"
    (fun,) = parse(text, "x.crdt").declarations
    assert isinstance(fun, ast.FunDecl)
    assert fun.span == Span("x.crdt", 1, 1, 2, 11)
    minus = fun.body
    assert isinstance(minus, ast.Binary) and minus.op == "-"
    assert minus.span == Span("x.crdt", 1, 14, 2, 11)
    assert minus.right.span == Span("x.crdt", 2, 5, 2, 11)
    times = minus.left
    assert isinstance(times, ast.Binary)
    assert times.left.span == Span("x.crdt", 1, 14, 1, 22)
    assert times.right.span == Span("x.crdt", 1, 25, 1, 29)
    assert isinstance(times.left, ast.Binary) and times.left.right.span == Span("x.crdt", 1, 19, 1, 21)


@settings(max_examples=50)
@given(strategies.exprs)
def test_spans_cut_out_their_text(expr: ast.Expr) -> None:
    """The text of each operand, read alone, is the operand."""
    text = f"fun f(): T = {show_expr(expr)}"
    (fun,) = parse(text, "x.crdt").declarations
    assert isinstance(fun, ast.FunDecl)
    stack = [fun.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Binary):
            stack += [node.left, node.right]
        elif isinstance(node, ast.Unary | ast.FieldAccess):
            stack.append(node.operand if isinstance(node, ast.Unary) else node.subject)
        assert expression(text[node.span.column - 1 : node.span.end_column - 1]) == node


def test_line_ends_of_windows_are_blanks() -> None:
    assert parse("alias A = Nat // x\r\nalias B = A\r\n", "f") == parse("alias A = Nat // x\nalias B = A\n", "f")


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [c for c in MINE if c != "ML007"])
def test_every_code_has_a_fixture(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES)
    file = Path(f"{code}.crdt")
    with pytest.raises(SpecErrors) as caught:
        parse(read_source(file), str(file))
    assert {e.code for e in caught.value.errors} == {code}
    source = file.read_bytes().decode("utf-8", errors="replace")
    assert caught.value.render(source) + "\n" == Path(f"{code}.txt").read_text("utf-8")


def test_unreadable_file_is_an_error_of_the_input(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.crdt", tmp_path):
        with pytest.raises(SpecErrors) as caught:
            read_source(path)
        (error,) = caught.value.errors
        assert error.code == "ML007" and error.span.file == str(path)


def test_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.crdt").write_bytes(b"\xef\xbb\xbfalias A = Nat\n")
    assert read_source(tmp_path / "a.crdt") == "alias A = Nat\n"


def test_all_lexical_errors_are_reported() -> None:
    assert places('fun f(): T = £\n  "abc\n  "a\\q" + 1.2.3 + 12abc') == [
        ("ML001", 1, 14),
        ("ML002", 2, 3),
        ("ML003", 3, 5),
        ("ML004", 3, 11),
        ("ML004", 3, 19),
    ]


def test_parsing_goes_on_at_the_next_clause_and_declaration() -> None:
    text = (
        "store S {\n"
        "  query a: Nat = 1 +\n"
        "  query b: Nat = 2\n"
        "  query c Nat = 3\n"
        "  merge(a, b) = 1 2\n"
        "}\n"
        "fun f(): T = a = b\n"
        "store T {\n"
        "  query d: Nat = )\n"
        "}\n"
    )
    assert places(text) == [("ML101", 3, 3), ("ML101", 4, 11), ("ML101", 5, 19), ("ML113", 7, 16), ("ML104", 9, 18)]


def test_unclosed_brace_points_at_the_opener() -> None:
    assert places("store S {\n  update u = { a = {d}\n  update v = {}\n}\n") == [("ML103", 2, 14)]
    assert places("store S {\n  state Nat\n\nstore T {}\n") == [("ML103", 1, 9)]


def test_end_of_input_is_where_the_text_ends() -> None:
    (error,) = errors("store S {\n  query a: Nat = f(1\n\n// more\n")
    assert (error.code, error.span) == ("ML102", Span("x.crdt", 2, 21, 2, 21))
    assert "2:19" in error.message


def test_errors_are_bounded() -> None:
    assert len(errors("fun f(): T = )\n" * 1000)) == ERRORS_MAX
    assert len(errors("£ \n" * 10_000)) <= 100


def test_render_keeps_tabs_and_hides_control_characters() -> None:
    (error,) = errors("fun f(): T =\t1 \x1b[A\n")
    rendered = error.render("fun f(): T =\t1 \x1b[A\n")
    assert "\x1b" not in rendered
    assert rendered.splitlines()[2] == "    | " + " " * 12 + "\t" + "  ^"


# -- no input makes it fall over -------------------------------------------------------------------

DEEP = 10_000


@pytest.mark.parametrize(
    "text",
    [
        "(" * DEEP + "1" + ")" * DEEP,
        "(" * DEEP,
        "{" * DEEP,
        "f(" * DEEP,
        "[" * DEEP + "]" * DEEP,
        "1" + " + 1" * 5_000,
        "a" + " => a" * 5_000,
        "not " * 5_000 + "a",
        "- " * 5_000 + "a",
        "a" + ".b" * 5_000,
        "a" + "[b]" * 5_000,
        "a" + ".b()" * 5_000,
        "if a then b else " * 5_000 + "c",
        "let x = a in " * 5_000 + "x",
        "forall x: " * 5_000 + "x",
        "match x { a => " * 300 + "b" + "}" * 300,
        "let x = " * 5_000,
    ],
    ids=lambda t: t[:12],
)
def test_deep_nesting_is_an_error(text: str) -> None:
    assert {e.code for e in errors(f"fun f(): T = {text}")} == {"ML105"}


def test_deep_types_are_an_error() -> None:
    assert {e.code for e in errors("alias A = " + "Set[" * DEEP + "Nat" + "]" * DEEP)} == {"ML105"}


def test_nesting_up_to_the_limit_is_fine() -> None:
    half = DEPTH_MAX // 2
    for text in (
        "(" * half + "a" + ")" * half,
        "a" + " + a" * half,
        "if a then b else " * half + "c",
        "-" * half + "a",
    ):
        (fun,) = (module := parse(f"fun f(): T = {text}", "x")).declarations
        assert isinstance(fun, ast.FunDecl)
        assert parse(format_module(module), "x") == module


def test_random_bytes_are_refused_quickly() -> None:
    data = random.Random(1).randbytes(100_000)
    start = time.monotonic()
    for text in (
        data.decode("latin-1"),
        data.decode("utf-8", errors="replace"),
        "".join(chr(32 + b % 95) for b in data),
    ):
        assert 1 <= len(errors(text)) <= 100
    assert time.monotonic() - start < 5


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.crdt"
    path.write_bytes(data)
    try:
        text = read_source(path)
        parse(text, "x")
    except SpecErrors as e:
        assert e.render(data.decode("utf-8", errors="replace"))


@given(st.text(max_size=100))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parse(text, "x")
    except SpecErrors as e:
        assert e.render(text)


_TOKENS = [*_grammar().terminals, "a", "b", "X", "1", "2.5", '"t"', "//", "\n", "\n", "\n", "\n"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(_TOKENS), max_size=40))
def test_any_tokens_parse_or_are_refused(tokens: list[str]) -> None:
    text = " ".join(tokens)
    try:
        parse(text, "x")
    except SpecErrors as e:
        assert e.render(text)


@settings(max_examples=100)
@given(strategies.modules, st.integers(0, 10**6), st.sampled_from(_TOKENS))
def test_a_spoilt_text_parses_or_is_refused(module: ast.Module, at: int, token: str) -> None:
    words = format_module(module).split(" ")
    words[at % len(words)] = token
    text = " ".join(words)
    try:
        parse(text, "x")
    except SpecErrors as e:
        assert len(e.errors) <= ERRORS_MAX and e.render(text)


def test_importing_the_parser_makes_no_grammar() -> None:
    code = "from mergelaw.language import parser; print(parser._grammar.cache_info().currsize)"
    path = ":".join(sys.path)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path}, check=True
    )
    assert run.stdout == "0\n"
