"""The formatter: it keeps the tree and the comments, and changes nothing when run again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergelaw.language import ast
from mergelaw.language.parser import parse
from mergelaw.language.printer import format_module, show_expr, show_type
from tests.spec.language import strategies

LIBRARY = sorted(Path(ast.__file__).parents[1].joinpath("types").rglob("*.crdt"))

thorough = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def expression(text: str) -> ast.Expr:
    """The tree of one expression."""
    (declaration,) = parse(f"fun f(): T = {text}", "<text>").declarations
    assert isinstance(declaration, ast.FunDecl)
    return declaration.body


def formatted(text: str) -> str:
    return format_module(parse(text, "<text>"))


def body(lines: str) -> str:
    return f"store S {{\n{lines}}}\n"


# -- laws ------------------------------------------------------------------------------------------


@thorough
@given(strategies.modules)
def test_parse_undoes_format(module: ast.Module) -> None:
    assert parse(format_module(module), "<text>") == module


@thorough
@given(strategies.modules)
def test_formatting_twice_changes_nothing_more(module: ast.Module) -> None:
    once = format_module(module)
    assert formatted(once) == once


@thorough
@given(strategies.exprs)
def test_parse_undoes_show_expr(expr: ast.Expr) -> None:
    text = show_expr(expr)
    assert "\n" not in text
    assert expression(text) == expr


@given(strategies.types)
def test_parse_undoes_show_type(type_: ast.TypeNode) -> None:
    (declaration,) = parse(f"alias A = {show_type(type_)}", "<text>").declarations
    assert isinstance(declaration, ast.Alias) and declaration.type == type_


_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|\w+(?:\.\d+)?|=>|->|==|!=|<=|>=|\+\+|[^\w\s]|\n')


@thorough
@given(strategies.modules, st.sampled_from((0.02, 0.1, 0.5)), st.integers(0, 999))
def test_comments_survive_anywhere(module: ast.Module, odds: float, seed: int) -> None:
    """Comments are strewn between the tokens of a text, behind one or on their own line."""
    pieces: list[str] = []
    comments: list[str] = []
    random = Random(seed)
    for token in _TOKEN.findall(format_module(module)):
        pieces.append(token)
        if token.startswith("//"):
            comments.append(token)
        elif random.random() < odds:
            comments.append(f"// c{len(comments)}.")
            pieces.append(random.choice(("", "\n", "\n\n")) + comments[-1] + random.choice(("\n", "\n\n")))
    text = " ".join(pieces)
    tree = parse(text, "<text>")
    once = format_module(tree)
    assert [c for c in comments if c not in once] == []
    assert parse(once, "<text>") == tree
    assert formatted(once) == once


EVERY_KIND = """\
import A from "a.crdt"
alias P[V: Ordered] = { pair: (V, Nat) }
enum E { one(x: Nat), two }
fun f[V](x: V): V = if true then let y = x in y else -0.5

store S[K] {
  state Map[K, Nat]
  merge(a, b) = { k -> a[k] where b[k] == {} }
  dots = { k where exists x, y in s, (z: Nat): not g(x, "t") }
  update u(k: K) by r at d when t requires c = { this[k] = 1, part.w(k) at d, forget x, each i in s: { forget i } }
  query q: T = match x { some((a, _)) => [1, 2], none => [i for i in s by desc i, j where i in {1}] }
  invariant i: greatest(x in s by x) == some((1, 2))
  compatible c(a, b): a.x.y(1) == {1: none}
  home h(p, mine, other): this
  theorem t(s: later This) bounded 2 requires causal:
    s.u(k) by p when t == s
  rule r(u): "All of it."
}
"""


def test_every_kind_of_node_is_printed_and_read_back() -> None:
    module = parse(EVERY_KIND, "<text>")
    bases = {ast.Node, ast.TypeNode, ast.Expr, ast.Pattern, ast.Entry, ast.Clause, ast.Declaration}
    kinds = {c for c in vars(ast).values() if isinstance(c, type) and issubclass(c, ast.Node)} - bases
    assert kinds - {type(n) for n in nodes(module)} == set()
    assert parse(format_module(module), "<text>") == module


def nodes(value: object) -> Iterator[ast.Node]:
    if isinstance(value, ast.Node):
        yield value
        for f in fields(value):
            yield from nodes(getattr(value, f.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from nodes(item)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.stem)
def test_library_keeps_its_trees_and_comments(path: Path) -> None:
    module = parse(path.read_text("utf-8"), path.name)
    once = format_module(module)
    assert parse(once, path.name) == module
    assert formatted(once) == once
    assert [text for _, text in module.comments if text not in once] == []
    too_long = [line for line in once.splitlines() if len(line.split("  //")[0]) > 100 and '"' not in line]
    assert [line for line in too_long if not line.lstrip().startswith("//")] == []


# -- the layout ------------------------------------------------------------------------------------


def same(text: str) -> None:
    """The text is in the standard layout."""
    assert formatted(text) == text


def test_clauses_that_fit_stay_on_one_line() -> None:
    same(
        'import A, B from "a.crdt"\n'
        "alias Stamp[V: Ordered] = (Time, V)\n"
        "enum Value { text(value: Text), number(value: Real), nothing }\n"
        "fun zero(): Nat = 0\n"
        "\n"
        "store S[E] {\n"
        "  state { adds: Map[E, DotSet] }\n"
        "  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)\n"
        "  dots = this\n"
        "  update add(e: E) by r at d, f when now requires c = { adds[e] = {d} } forgetting adds[e], x\n"
        "  update clear = { forget adds }\n"
        "  query has(e: E): Bool = adds[e] != {}\n"
        "  invariant known: adds <= seen\n"
        "  invariant: true\n"
        "  compatible(a, b): a == b\n"
        "  home own(p, mine, other): other <= mine\n"
        "  theorem t(s: This, t: later This) bounded 3 requires causal:\n"
        "    s.add(e) by p when 3 == t\n"
        '  rule add_wins(add): "An add wins."\n'
        "}\n"
    )


def test_long_bodies_break_where_a_reader_expects_it() -> None:
    same(
        body(
            "  merge(a, b) = {\n"
            "    created = a.created or b.created,\n"
            "    start =\n"
            "      if not a.created then b.start\n"
            "      else if not b.created then a.start\n"
            "      else max(a.start_of_the_whole_thing, b.start_of_the_whole_thing),\n"
            "    acknowledged = { origin -> merge(a.acknowledged[origin], b.acknowledged[origin]) }\n"
            "  }\n"
            "  query longest: Bool =\n"
            "    (exists dot in keys(this.elements[position]): dot not in this.context_of_all_updates)\n"
            "      or not (merge(this, other).contains(position) and position <= last_position)\n"
            "  query chosen: Value =\n"
            "    match greatest(dot in keys(entries) by entries[dot].time, desc dot.replica) {\n"
            "      some(dot) => some(entries[dot].value),\n"
            "      none => match fallback { some(value) => value, none => zero }\n"
            "    }\n"
            "  theorem t(s: This):\n"
            "    s.register.stamp(t) < s.register.stamp(u) =>\n"
            "      let both = merge(s.set(v) by p when t, s.set(w) by q when u) in\n"
            "      let one = s.set(v) by p when t in\n"
            "      both.value == some(w) and one.value == some(v)\n"
        )
    )


def test_blank_lines_between_clauses_stay_single_ones() -> None:
    text = "store S {\n\n\n  state Nat\n  dots = this\n\n\n\n  query a: Nat = this\n\n}\nalias B = Nat\nalias C = Nat\n"
    wanted = "store S {\n  state Nat\n  dots = this\n\n  query a: Nat = this\n}\n\nalias B = Nat\nalias C = Nat\n"
    assert formatted(text) == wanted


def test_parentheses_are_those_that_are_needed_or_help() -> None:
    assert show_expr(expression("((a) + (b * c)) - (d)")) == "a + b * c - d"
    assert show_expr(expression("a - (b - c)")) == "a - (b - c)"
    assert show_expr(expression("(a => b) => (c => d)")) == "(a => b) => c => d"
    assert show_expr(expression("a and b or c")) == "(a and b) or c"
    assert show_expr(expression("a & b | a - c")) == "(a & b) | (a - c)"
    assert show_expr(expression("not (a in b)")) == "not (a in b)"
    assert show_expr(expression("a and (forall x: b)")) == "a and forall x: b"
    assert show_expr(expression("(forall x: b) and a")) == "(forall x: b) and a"
    assert show_expr(expression("let x = (a in b) in x")) == "let x = (a in b) in x"
    assert show_expr(expression("(s.add(e) by p).has(e)")) == "(s.add(e) by p).has(e)"


def test_comments_stay_where_they_are() -> None:
    same(
        "// A file.\n"
        "\n"
        "// An alias.\n"
        "alias A = Nat  // short\n"
        "\n"
        "// A store.\n"
        "store S {  // here it starts\n"
        "  // Of the state.\n"
        "  state {\n"
        "    // Of one field.\n"
        "    adds: Map[E, DotSet],  // behind one\n"
        "    other: Nat\n"
        "  }\n"
        "\n"
        "  // Of nothing.\n"
        "\n"
        "  merge(a, b) =\n"
        "    // Both sides hold it,\n"
        "    (a & b)\n"
        "      // or one never saw it.\n"
        "      | (a - b.seen)  // left\n"
        "      | (b - a.seen)  // right\n"
        "  update u = {\n"
        "    a = 1,  // one\n"
        "    // two\n"
        "    b = 2\n"
        "    // no more\n"
        "  }\n"
        "  query q: T =\n"
        "    match x {\n"
        "      // nothing\n"
        "      none => a,  // zero\n"
        "      some(y) => y\n"
        "    }\n"
        "  // At the end.\n"
        "}\n"
        "\n"
        "// Of the file.\n"
    )


def test_a_comment_never_becomes_a_doc() -> None:
    text = "store S { // head\n  query a: Nat = f( // inside\n    1)\n  query b: Nat = 1\n}\n"
    module = parse(text, "x")
    again = parse(format_module(module), "x")
    assert again == module
    assert all(not clause.doc for d in again.declarations if isinstance(d, ast.TypeDecl) for clause in d.clauses)


def test_comments_are_written_with_one_blank() -> None:
    assert formatted("//a\n//  b\n//\n///// c\nalias A = Nat//d\n") == "// a\n//  b\n//\n///// c\nalias A = Nat  // d\n"


def test_text_literals_escape_what_cannot_be_seen() -> None:
    assert show_expr(ast.TextLit('a"\\\n\x07\u202eé')) == r'"a\"\\\n\u0007\u202eé"'
