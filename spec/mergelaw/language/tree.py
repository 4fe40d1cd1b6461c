"""Makes the surface tree: one method for each rule of the grammar, called as the parser reduces it.

Where the grammar takes more than the language has (chains of operators, what stands between braces), the methods
here sort it out and raise `SpecErrors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from lark import Transformer, v_args

from mergelaw.language import ast
from mergelaw.language.errors import SpecError, SpecErrors
from mergelaw.language.lexer import Lexeme, number_value, text_value
from mergelaw.language.precedence import BINARY, COMPARE, IMPLIES, UNARY
from mergelaw.language.span import NOWHERE, Span

DEPTH_MAX = 100
"""Levels of an expression or type; later passes recurse, and nothing readable comes near it."""

N = TypeVar("N", bound=ast.Node)


@dataclass(frozen=True)
class Pair(ast.Node):
    """`k: v` between braces."""

    key: ast.Expr
    value: ast.Expr


@dataclass(frozen=True)
class Filtered(ast.Node):
    """`x where c` between braces."""

    body: ast.Expr
    condition: ast.Expr


@dataclass(frozen=True)
class Mapping(ast.Node):
    """`k -> v where c` between braces."""

    key: ast.Expr
    value: ast.Expr
    condition: ast.Expr | None


Item = ast.Expr | ast.Entry | Pair | Filtered | Mapping


def cover(first: Lexeme | ast.Node, last: Lexeme | ast.Node) -> Span:
    """The span from the start of one to the end of the other."""
    return first.span.to(last.span)


def fail(code: str, message: str, span: Span, hint: str) -> SpecErrors:
    """One error, ready to be raised."""
    return SpecErrors([SpecError(code, message, span, hint)])


def too_deep(span: Span) -> SpecErrors:
    """The error for text that nests more than DEPTH_MAX levels."""
    hint = f"At most {DEPTH_MAX} levels are allowed. Name parts of it with `let` or `fun`."
    return fail("ML105", "nested too deeply", span, hint)


def tree_builder() -> Transformer[Lexeme, object]:
    """The callbacks for the parser that Lark makes."""
    return _TreeBuilder()


@v_args(inline=True)
class _TreeBuilder(Transformer[Lexeme, object]):
    """Children come as the grammar has them: tokens too, None for what is optional and missing."""

    def start(self, *declarations: ast.Declaration) -> tuple[ast.Declaration, ...]:
        return declarations

    def list(self, *children: object) -> tuple[object, ...]:
        return children[::2]

    def names(self, *children: Lexeme) -> tuple[str, ...]:
        return tuple(c.value for c in children[::2])

    # -- declarations

    def import_(self, start: Lexeme, names: tuple[str, ...], _from: Lexeme, path: Lexeme) -> ast.Import:
        return ast.Import(names, text_value(path), doc=start.doc, span=cover(start, path))

    def alias(
        self, start: Lexeme, name: Lexeme, params: tuple[ast.TypeParam, ...] | None, _eq: Lexeme, type_: ast.TypeNode
    ) -> ast.Alias:
        return ast.Alias(name.value, params or (), type_, doc=start.doc, span=cover(start, type_))

    def enum(
        self,
        start: Lexeme,
        name: Lexeme,
        params: tuple[ast.TypeParam, ...] | None,
        _open: Lexeme,
        variants: tuple[tuple[str, tuple[ast.Param, ...]], ...],
        close: Lexeme,
    ) -> ast.EnumDecl:
        return ast.EnumDecl(name.value, params or (), variants, doc=start.doc, span=cover(start, close))

    def variant(self, name: Lexeme, params: tuple[ast.Param, ...] | None) -> tuple[str, tuple[ast.Param, ...]]:
        return name.value, params or ()

    def fun(
        self,
        start: Lexeme,
        name: Lexeme,
        type_params: tuple[ast.TypeParam, ...] | None,
        params: tuple[ast.Param, ...],
        _colon: Lexeme,
        result: ast.TypeNode,
        _eq: Lexeme,
        body: ast.Expr,
    ) -> ast.FunDecl:
        return ast.FunDecl(name.value, type_params or (), params, result, body, doc=start.doc, span=cover(start, body))

    def type_decl(
        self,
        kind: Lexeme,
        name: Lexeme,
        params: tuple[ast.TypeParam, ...] | None,
        _open: Lexeme,
        clauses: tuple[ast.Clause, ...],
        close: Lexeme,
    ) -> ast.TypeDecl:
        return ast.TypeDecl(kind.value, name.value, params or (), clauses, doc=kind.doc, span=cover(kind, close))

    def type_params(
        self, _open: Lexeme, params: tuple[ast.TypeParam, ...], _close: Lexeme
    ) -> tuple[ast.TypeParam, ...]:
        return params

    def type_param(self, name: Lexeme, _colon: Lexeme | None, bound: Lexeme | None) -> ast.TypeParam:
        return ast.TypeParam(name.value, bound and bound.value, span=cover(name, bound or name))

    def params(self, _open: Lexeme, params: tuple[ast.Param, ...] | None, _close: Lexeme) -> tuple[ast.Param, ...]:
        return params or ()

    def param(self, name: Lexeme, _colon: Lexeme, later: Lexeme | None, type_: ast.TypeNode) -> ast.Param:
        return ast.Param(name.value, type_, later is not None, span=cover(name, type_))

    # -- clauses

    def clauses(self, *clauses: ast.Clause) -> tuple[ast.Clause, ...]:
        return clauses

    def state(self, start: Lexeme, type_: ast.TypeNode) -> ast.StateClause:
        return ast.StateClause(type_, doc=start.doc, span=cover(start, type_))

    def merge(
        self,
        start: Lexeme,
        _open: Lexeme,
        left: Lexeme,
        _comma: Lexeme,
        right: Lexeme,
        _close: Lexeme,
        _eq: Lexeme,
        body: ast.Expr,
    ) -> ast.MergeClause:
        return ast.MergeClause(left.value, right.value, body, doc=start.doc, span=cover(start, body))

    def dots(self, start: Lexeme, _eq: Lexeme, body: ast.Expr) -> ast.DotsClause:
        return ast.DotsClause(body, doc=start.doc, span=cover(start, body))

    def update(
        self,
        start: Lexeme,
        name: Lexeme,
        params: tuple[ast.Param, ...] | None,
        _by: Lexeme | None,
        by: Lexeme | None,
        _at: Lexeme | None,
        at: tuple[str, ...] | None,
        _when: Lexeme | None,
        when: Lexeme | None,
        _requires: Lexeme | None,
        requires: ast.Expr | None,
        _eq: Lexeme,
        body: ast.Expr,
        _forgetting: Lexeme | None,
        forgetting: tuple[ast.Expr, ...] | None,
    ) -> ast.UpdateClause:
        return ast.UpdateClause(
            name.value,
            params or (),
            by and by.value,
            at or (),
            when and when.value,
            requires,
            body,
            forgetting or (),
            doc=start.doc,
            span=cover(start, forgetting[-1] if forgetting else body),
        )

    def query(
        self,
        start: Lexeme,
        name: Lexeme,
        params: tuple[ast.Param, ...] | None,
        _colon: Lexeme,
        result: ast.TypeNode,
        _eq: Lexeme,
        body: ast.Expr,
    ) -> ast.QueryClause:
        return ast.QueryClause(name.value, params or (), result, body, doc=start.doc, span=cover(start, body))

    def invariant(self, start: Lexeme, name: Lexeme | None, _colon: Lexeme, body: ast.Expr) -> ast.InvariantClause:
        return ast.InvariantClause(name and name.value, body, doc=start.doc, span=cover(start, body))

    def compatible(self, start: Lexeme, name: Lexeme | None, *rest: Lexeme | ast.Expr) -> ast.CompatibleClause:
        _open, left, _comma, right, _close, _colon, body = rest
        assert isinstance(left, Lexeme) and isinstance(right, Lexeme) and isinstance(body, ast.Expr)
        return ast.CompatibleClause(
            name and name.value, left.value, right.value, body, doc=start.doc, span=cover(start, body)
        )

    def home(self, start: Lexeme, name: Lexeme | None, *rest: Lexeme | ast.Expr) -> ast.HomeClause:
        _open, replica, _comma, mine, _comma, other, _close, _colon, body = rest
        assert isinstance(replica, Lexeme) and isinstance(mine, Lexeme) and isinstance(other, Lexeme)
        assert isinstance(body, ast.Expr)
        return ast.HomeClause(
            name and name.value, replica.value, mine.value, other.value, body, doc=start.doc, span=cover(start, body)
        )

    def theorem(
        self,
        start: Lexeme,
        name: Lexeme,
        params: tuple[ast.Param, ...] | None,
        _bounded: Lexeme | None,
        bound: Lexeme | None,
        _requires: Lexeme | None,
        causal: Lexeme | None,
        _colon: Lexeme,
        body: ast.Expr,
    ) -> ast.TheoremClause:
        number = None
        if bound is not None:
            value = number_value(bound)
            if not isinstance(value, int):
                hint = "The bound is the number of updates to explore, such as `bounded 3`."
                raise fail("ML110", "the bound of a theorem is a whole number", bound.span, hint)
            number = value
        return ast.TheoremClause(
            name.value, params or (), number, causal is not None, body, doc=start.doc, span=cover(start, body)
        )

    def rule_(
        self,
        start: Lexeme,
        name: Lexeme,
        _open: Lexeme | None,
        updates: tuple[str, ...] | None,
        _close: Lexeme | None,
        _colon: Lexeme,
        text: Lexeme,
    ) -> ast.RuleClause:
        return ast.RuleClause(name.value, updates or (), text_value(text), doc=start.doc, span=cover(start, text))

    # -- types

    def named_type(
        self,
        name: Lexeme,
        _open: Lexeme | None = None,
        args: tuple[ast.TypeNode, ...] = (),
        close: Lexeme | None = None,
    ) -> ast.NamedType:
        return ast.NamedType(name.value, args, span=cover(name, close or name))

    def tuple_type(self, start: Lexeme, items: tuple[ast.TypeNode, ...], end: Lexeme) -> ast.TypeNode:
        return items[0] if len(items) == 1 else ast.TupleType(items, span=cover(start, end))

    def record_type(self, start: Lexeme, items: tuple[tuple[str, ast.TypeNode], ...], end: Lexeme) -> ast.RecordType:
        return ast.RecordType(items, span=cover(start, end))

    def record_field(self, name: Lexeme, _colon: Lexeme, type_: ast.TypeNode) -> tuple[str, ast.TypeNode]:
        return name.value, type_

    # -- expressions

    def chain(self, *parts: Lexeme | ast.Expr) -> ast.Expr:
        if len(parts) == 1:
            (only,) = parts
            assert isinstance(only, ast.Expr)
            return only
        if len(parts) > 2 * DEPTH_MAX:
            raise too_deep(cover(parts[0], parts[-1]))
        return _Chain(parts).expression(0)

    def not_in(self, start: Lexeme, end: Lexeme) -> Lexeme:
        return Lexeme("NOT_IN", "not_in", cover(start, end))

    def if_(
        self, start: Lexeme, cond: ast.Expr, _then: Lexeme, then: ast.Expr, _else: Lexeme, orelse: ast.Expr
    ) -> ast.If:
        return ast.If(cond, then, orelse, span=cover(start, orelse))

    def let(self, start: Lexeme, name: Lexeme, _eq: Lexeme, value: ast.Expr, _in: Lexeme, body: ast.Expr) -> ast.Let:
        return ast.Let(name.value, value, body, span=cover(start, body))

    def quantifier(
        self, kind: Lexeme, binders: tuple[ast.Binder, ...], _colon: Lexeme, body: ast.Expr
    ) -> ast.Quantifier:
        return ast.Quantifier(kind.value, binders, body, span=cover(kind, body))

    def binder(self, name: Lexeme, _in: Lexeme | None, source: ast.Expr | None) -> ast.Binder:
        return ast.Binder(name.value, source=source, span=cover(name, source or name))

    def typed_binder(self, start: Lexeme, name: Lexeme, _colon: Lexeme, type_: ast.TypeNode, end: Lexeme) -> ast.Binder:
        return ast.Binder(name.value, type=type_, span=cover(start, end))

    def applied(
        self, call: ast.MethodCall, _by: Lexeme, by: ast.Expr, _when: Lexeme | None, when: ast.Expr | None
    ) -> ast.MethodCall:
        return replace(call, by=by, when=when, span=cover(call, when or by))

    def timed(self, call: ast.MethodCall, _when: Lexeme, when: ast.Expr) -> ast.MethodCall:
        return replace(call, when=when, span=cover(call, when))

    def field(self, subject: ast.Expr, _dot: Lexeme, name: Lexeme) -> ast.FieldAccess:
        return ast.FieldAccess(subject, name.value, span=cover(subject, name))

    def index(self, subject: ast.Expr, _open: Lexeme, key: ast.Expr, close: Lexeme) -> ast.Index:
        return ast.Index(subject, key, span=cover(subject, close))

    def method(
        self,
        subject: ast.Expr,
        _dot: Lexeme,
        name: Lexeme,
        _open: Lexeme,
        args: tuple[ast.Expr, ...] | None,
        close: Lexeme,
    ) -> ast.MethodCall:
        return ast.MethodCall(subject, name.value, args or (), span=cover(subject, close))

    def name(self, name: Lexeme) -> ast.Name:
        return ast.Name(name.value, span=name.span)

    def call(self, name: Lexeme, _open: Lexeme, args: tuple[ast.Expr, ...] | None, close: Lexeme) -> ast.Call:
        return ast.Call(name.value, args or (), span=cover(name, close))

    def number(self, token: Lexeme) -> ast.Number:
        return ast.Number(number_value(token), span=token.span)

    def text(self, token: Lexeme) -> ast.TextLit:
        return ast.TextLit(text_value(token), span=token.span)

    def true(self, token: Lexeme) -> ast.BoolLit:
        return ast.BoolLit(True, span=token.span)

    def false(self, token: Lexeme) -> ast.BoolLit:
        return ast.BoolLit(False, span=token.span)

    def none(self, token: Lexeme) -> ast.NoneLit:
        return ast.NoneLit(span=token.span)

    def parenthesised(self, start: Lexeme, items: tuple[ast.Expr, ...], end: Lexeme) -> ast.Expr:
        """A tuple, or the one expression; its span then takes in the parentheses, so that operators cover them."""
        if len(items) == 1:
            return replace(items[0], span=cover(start, end))
        return ast.Tuple(items, span=cover(start, end))

    def sequence(self, start: Lexeme, items: tuple[ast.Expr, ...] | None, end: Lexeme) -> ast.SeqLit:
        return ast.SeqLit(items or (), span=cover(start, end))

    def sequence_for(
        self,
        start: Lexeme,
        body: ast.Expr,
        _for: Lexeme,
        name: Lexeme,
        _in: Lexeme,
        source: ast.Expr,
        _by: Lexeme | None,
        keys: tuple[ast.SortKey, ...] | None,
        _where: Lexeme | None,
        condition: ast.Expr | None,
        end: Lexeme,
    ) -> ast.SeqFor:
        return ast.SeqFor(body, name.value, source, keys or (), condition, span=cover(start, end))

    def pick(
        self,
        kind: Lexeme,
        _open: Lexeme,
        name: Lexeme,
        _in: Lexeme,
        source: ast.Expr,
        _by: Lexeme | None,
        keys: tuple[ast.SortKey, ...] | None,
        end: Lexeme,
    ) -> ast.Pick:
        return ast.Pick(kind.value, name.value, source, keys or (), span=cover(kind, end))

    def key(self, desc: Lexeme | None, expr: ast.Expr) -> ast.SortKey:
        return ast.SortKey(expr, desc is not None, span=cover(desc or expr, expr))

    def match(
        self,
        start: Lexeme,
        subject: ast.Expr,
        _open: Lexeme,
        cases: tuple[tuple[ast.Pattern, ast.Expr], ...],
        end: Lexeme,
    ) -> ast.Match:
        return ast.Match(subject, cases, span=cover(start, end))

    def case(self, pattern: ast.Pattern, _arrow: Lexeme, body: ast.Expr) -> tuple[ast.Pattern, ast.Expr]:
        return pattern, body

    def wild(self, token: Lexeme) -> ast.WildPattern:
        return ast.WildPattern(span=token.span)

    def variable(self, token: Lexeme) -> ast.VarPattern:
        return ast.VarPattern(token.value, span=token.span)

    def variant_pattern(
        self, name: Lexeme, _open: Lexeme, args: tuple[ast.Pattern, ...], end: Lexeme
    ) -> ast.CallPattern:
        return ast.CallPattern(name.value, args, span=cover(name, end))

    def tuple_pattern(self, start: Lexeme, items: tuple[ast.Pattern, ...], end: Lexeme) -> ast.Pattern:
        return items[0] if len(items) == 1 else ast.TuplePattern(items, span=cover(start, end))

    # -- braces

    def pair(self, key: ast.Expr, _colon: Lexeme, value: ast.Expr) -> Pair:
        return Pair(key, value, span=cover(key, value))

    def assign(self, target: ast.Expr, _eq: Lexeme, value: ast.Expr) -> ast.Assign:
        _check_path(target)
        return ast.Assign(target, value, span=cover(target, value))

    def filtered(self, body: ast.Expr, _where: Lexeme, condition: ast.Expr) -> Filtered:
        return Filtered(body, condition, span=cover(body, condition))

    def mapping(
        self, key: ast.Expr, _arrow: Lexeme, value: ast.Expr, _where: Lexeme | None, condition: ast.Expr | None
    ) -> Mapping:
        return Mapping(key, value, condition, span=cover(key, condition or value))

    def part_at(self, call: ast.MethodCall, _at: Lexeme, dot: Lexeme) -> ast.PartUpdate:
        whole = cover(call, dot)
        return ast.PartUpdate(replace(call, at=(dot.value,), span=whole), span=whole)

    def forget(self, start: Lexeme, target: ast.Expr) -> ast.Forget:
        return ast.Forget(target, span=cover(start, target))

    def each(
        self,
        start: Lexeme,
        name: Lexeme,
        _in: Lexeme,
        source: ast.Expr,
        _colon: Lexeme,
        _open: Lexeme,
        items: tuple[Item, ...],
        end: Lexeme,
    ) -> ast.Each:
        return ast.Each(name.value, source, _entries(items), span=cover(start, end))

    def braces(self, start: Lexeme, items: tuple[Item, ...] | None, end: Lexeme) -> ast.Expr:
        span = cover(start, end)
        if not items:
            return ast.Empty(span=span)
        first = items[0]
        if isinstance(first, Filtered):
            _check_alone(items, "a set comprehension")
            return ast.SetCompr(_variable(first.body), first.condition, span=span)
        if isinstance(first, Mapping):
            _check_alone(items, "a map comprehension")
            return ast.MapCompr(_variable(first.key), first.value, first.condition, span=span)
        if isinstance(first, Pair):
            return ast.MapLit(tuple((p.key, p.value) for p in _all(items, Pair, "a map literal, `{k: v}`")), span=span)
        if any(isinstance(i, ast.Entry) for i in items) or all(_updates_part(i) for i in items):
            return ast.Construct(_entries(items), span=span)
        return ast.SetLit(tuple(_all(items, ast.Expr, "a set literal, `{a, b}`")), span=span)


def _updates_part(item: Item) -> bool:
    """Whether `item` looks like an update of a part of the state, `path.update(x)`.

    `{ a.f(x) }` could also be the set of the result of a query. Parentheses say so, `{ (a.f(x)) }`: an expression
    in parentheses does not start where its subject starts.
    """
    if not isinstance(item, ast.MethodCall) or item.by is not None or item.when is not None:
        return False
    start, subject = item.span, item.subject.span
    return is_path(item.subject) and (start.line, start.column) == (subject.line, subject.column)


def is_path(expr: ast.Expr) -> bool:
    """Whether `expr` has the form of a place: a name, then fields and keys."""
    while isinstance(expr, ast.FieldAccess | ast.Index):
        expr = expr.subject
    return isinstance(expr, ast.Name)


def _check_path(target: ast.Expr) -> None:
    if not is_path(target):
        hint = "Left of `=` stands a field of the state or `this`, followed by `.field` and `[key]` as needed."
        raise fail("ML110", "this is not a place in the state", target.span, hint)


def _variable(expr: ast.Expr) -> str:
    if isinstance(expr, ast.Name):
        return expr.name
    hint = (
        "A comprehension is `{ x where condition }` or `{ k -> value }` with a new name for the key.\n"
        "For the images of a set write `[e for x in s]` or a comprehension over the images."
    )
    raise fail("ML110", "the key of a comprehension is a name", expr.span, hint)


def _check_alone(items: Sequence[Item], what: str) -> None:
    if len(items) > 1:
        hint = "Combine sets and maps with operators instead, such as `{a, b} | { x where c }`."
        raise fail("ML109", f"{what} stands alone between its braces", items[1].span, hint)


def _all(items: Sequence[Item], kind: type[N], what: str) -> list[N]:
    found: list[N] = []
    for item in items:
        if not isinstance(item, kind):
            raise fail("ML109", f"this does not belong into {what}", item.span, _FORMS)
        found.append(item)
    return found


_FORMS = (
    "Between braces stand either members `{a, b}`, pairs `{k: v}`, entries `{ field = e, part.update(x), forget p }`,\n"
    "or one comprehension, `{ x where c }` or `{ k -> v }`."
)


def _entries(items: Sequence[Item]) -> tuple[ast.Entry, ...]:
    """The entries of a construct. A bare name right after `part.update(x) at d` is one more dot for it."""
    entries: list[ast.Entry] = []
    for item in items:
        if isinstance(item, ast.Entry):
            entries.append(item)
        elif isinstance(item, ast.Name) and entries and _takes_dots(last := entries[-1]):
            assert isinstance(last, ast.PartUpdate)
            span = cover(last, item)
            call = replace(last.call, at=(*last.call.at, item.name), span=span)
            entries[-1] = ast.PartUpdate(call, span=span)
        elif isinstance(item, ast.MethodCall) and item.by is None and item.when is None:
            entries.append(ast.PartUpdate(item, span=item.span))
        else:
            raise fail("ML109", "this is not an entry of a state or a delta", item.span, _FORMS)
    return tuple(entries)


def _takes_dots(entry: ast.Entry) -> bool:
    return isinstance(entry, ast.PartUpdate) and bool(entry.call.at)


class _Chain:
    """Groups a flat chain of prefixes, operands and operators by precedence."""

    def __init__(self, parts: Sequence[Lexeme | ast.Expr]) -> None:
        self.parts = parts
        self.next = 0

    def expression(self, level: int) -> ast.Expr:
        """Reads operands as long as operators of at least `level` join them."""
        left = self._operand()
        while self.next < len(self.parts):
            operator = self.parts[self.next]
            assert isinstance(operator, Lexeme)
            binds = BINARY[operator.value]
            if binds < level:
                break
            self.next += 1
            right = self.expression(binds if binds == IMPLIES else binds + 1)
            left = ast.Binary(operator.value, left, right, span=cover(left, right))
            if binds == COMPARE:
                self._check_no_comparison(operator)
        return left

    def _operand(self) -> ast.Expr:
        part = self.parts[self.next]
        self.next += 1
        if not isinstance(part, Lexeme):
            return part
        operand = self.expression(UNARY[part.value])
        return ast.Unary(part.value, operand, span=cover(part, operand))

    def _check_no_comparison(self, before: Lexeme) -> None:
        if self.next == len(self.parts):
            return
        operator = self.parts[self.next]
        assert isinstance(operator, Lexeme)
        if BINARY[operator.value] == COMPARE:
            first, second = (o.value.replace("_", " ") for o in (before, operator))
            hint = f"Write `a {first} b and b {second} c`, or put one comparison in parentheses."
            raise fail("ML107", f"`{first}` and `{second}` cannot stand in a row", operator.span, hint)


def check_depth(declarations: Sequence[ast.Declaration]) -> Iterator[SpecError]:
    """An error for each declaration or clause that nests more than DEPTH_MAX levels. Does not recurse."""
    for declaration in declarations:
        for node in declaration.clauses if isinstance(declaration, ast.TypeDecl) else (declaration,):
            stack: list[tuple[object, int, Span]] = [(node, 0, NOWHERE)]
            while stack:
                value, depth, span = stack.pop()
                if isinstance(value, ast.Node):
                    depth, span = depth + 1, value.span
                    if depth > DEPTH_MAX:
                        yield too_deep(span).errors[0]
                        break
                    stack.extend((getattr(value, n), depth, span) for n in _child_fields(type(value)))
                elif isinstance(value, tuple):
                    stack.extend((v, depth, span) for v in value)


_CHILD_FIELDS: dict[type, tuple[str, ...]] = {}


def _child_fields(cls: type[ast.Node]) -> tuple[str, ...]:
    """The fields of a node that may hold nodes."""
    if cls not in _CHILD_FIELDS:
        plain = ("str", "str | None", "bool", "int | None", "int | Fraction", "tuple[str, ...]", "Span")
        _CHILD_FIELDS[cls] = tuple(f.name for f in fields(cls) if f.type not in plain)
    return _CHILD_FIELDS[cls]
