"""Surface tree to text: the one layout that every spec has.

`parse(format_module(m), file) == m` for every tree that the parser makes, and formatting twice changes nothing more.
Parentheses stand where precedence asks for them, and where readers often do not know it; comments stay with what they
are about; between clauses, one blank line stays where there is any.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from mergelaw.language import ast
from mergelaw.language.comments import Comments, attach, walk
from mergelaw.language.layout import (
    HARD,
    INDENT,
    LINE,
    NOTHING,
    SOFT,
    Doc,
    Hang,
    Note,
    Seq,
    Text,
    comment,
    group,
    join,
    nest,
    render,
    seq,
)
from mergelaw.language.lexer import CONTROL
from mergelaw.language.precedence import APPLIED, BINARY, COMPARE, IMPLIES, NEGATE, NOT, POSTFIX, TAIL, UNARY
from mergelaw.language.span import NOWHERE
from mergelaw.language.tree import is_path

_OPEN_ON_THE_RIGHT = ("=>", "or", "and", "not")
"""Operators whose last operand may be an `if`, `let` or quantifier without parentheses."""

_KEPT_APART = {
    "or": ("and",),
    "not": ("==", "!=", "<", "<=", ">", ">=", "in", "not_in"),
    "|": ("&", "-", "+", "++"),
    "&": ("-", "+", "++"),
}
"""Operators that stand in parentheses below another one even where precedence does not ask for it."""

_BRACES = (ast.Construct, ast.SetLit, ast.MapLit, ast.SetCompr, ast.MapCompr)
"""What may break between its braces and leave them where they are."""

_ATOMS = (ast.Name, ast.Number, ast.TextLit, ast.BoolLit, ast.NoneLit, ast.Empty)

_SHORT = 24
"""Columns of arguments that never break."""


def format_module(module: ast.Module) -> str:
    """The text of a file in the standard layout; ends with a line break unless it is empty."""
    return _Printer(attach(module)).module(module)


def show_expr(expr: ast.Expr) -> str:
    """An expression on one line."""
    return render(_Printer(Comments(), one_line=True).expr(expr), math.inf)


def show_type(type_: ast.TypeNode) -> str:
    """A written type on one line."""
    return render(_Printer(Comments(), one_line=True).type(type_), math.inf)


class _Printer:
    """Makes documents of nodes."""

    def __init__(self, comments: Comments, one_line: bool = False) -> None:
        self.comments = comments
        self.one_line = one_line

    # -- declarations and clauses, one under the other

    def module(self, module: ast.Module) -> str:
        lines: list[str] = []
        previous: ast.Declaration | None = None
        end = 0
        for declaration in module.declarations:
            new_type = previous is not None and ast.TypeDecl in (type(previous), type(declaration))
            end = self._statement(lines, declaration, end, 0, self._declaration, apart=new_type)
            previous = declaration
        self._end_comments(lines, module, end, 0)
        return "\n".join(lines) + "\n" if lines else ""

    def _statement(
        self,
        lines: list[str],
        node: ast.Declaration | ast.Clause,
        end: int,
        indent: int,
        make: Callable[[ast.Declaration | ast.Clause, int], str],
        apart: bool = False,
    ) -> int:
        """Appends a declaration or clause with the comments before and behind it; the line in the file it ends at.

        `end` is that of the one before; where a blank line follows it in the file, it stays.
        """
        place = node.span is not NOWHERE
        start = node.span.line - len(node.doc)
        commented = False
        for span, text in self.comments.leading.get(id(node), ()):
            moved_out = span.line >= start
            self._gap(lines, (span.line - end > 1 and not moved_out) or (apart and not commented))
            lines.append(" " * indent + comment(text))
            end, commented = span.end_line, True
        # A comment right above would be the node's `doc`.
        self._gap(lines, commented or apart or (place and start - end > 1))
        lines.extend(" " * indent + comment(line) for line in node.doc)
        text = make(node, indent)
        behind = [comment(n.text) for n in self.comments.trailing.get(id(node), ())]
        lines.append("  ".join([text, *behind]))
        return node.span.end_line if place else end

    def _gap(self, lines: list[str], wanted: bool) -> None:
        if wanted and lines and lines[-1]:
            lines.append("")

    def _end_comments(self, lines: list[str], outer: ast.Node, end: int, indent: int) -> None:
        for span, text in self.comments.ends.get(id(outer), ()):
            self._gap(lines, span.line - end > 1)
            lines.append(" " * indent + comment(text))
            end = span.end_line

    def _declaration(self, node: ast.Declaration | ast.Clause, indent: int) -> str:
        if isinstance(node, ast.TypeDecl):
            return self._type_decl(node)
        return render(self._plain(node), indent=indent)

    def _type_decl(self, node: ast.TypeDecl) -> str:
        head = render(seq(f"{node.kind} {node.name}", self._type_params(node.params), " {"))
        head = "  ".join([head, *map(comment, self.comments.heads.get(id(node), ()))])
        lines: list[str] = []
        end = node.span.line
        for clause in node.clauses:
            end = self._statement(lines, clause, end, INDENT, lambda n, i: render(self._plain(n), indent=i))
        self._end_comments(lines, node, end, INDENT)
        if not lines and head.endswith("{"):
            return head + "}"
        return "\n".join([head, *lines, "}"])

    def _plain(self, node: ast.Declaration | ast.Clause) -> Doc:
        """Everything but a type declaration, which has lines of its own."""
        match node:
            case ast.Import(names=names, path=path):
                return seq(f"import {', '.join(names)} from {_text(path)}")
            case ast.Alias(name=name, params=params, type=type_):
                return group(f"alias {name}", self._type_params(params), " =", nest(LINE, self.type(type_)))
            case ast.EnumDecl(name=name, params=params, variants=variants):
                head = seq(f"enum {name}", self._type_params(params), " ")
                return seq(head, self._braces([self._variant(n, ps) for n, ps in variants]))
            case ast.FunDecl():
                head = seq(
                    f"fun {node.name}",
                    self._type_params(node.type_params),
                    self._params(node.params, always=True),
                    ": ",
                    self.type(node.result),
                )
                return self._definition(head, "=", node.body)
            case ast.StateClause(type=type_):
                return seq("state ", self.type(type_))
            case ast.MergeClause(left=left, right=right, body=body):
                return self._definition(Text(f"merge({left}, {right})"), "=", body)
            case ast.DotsClause(body=body):
                return self._definition(Text("dots"), "=", body)
            case ast.UpdateClause():
                return self._update(node)
            case ast.QueryClause():
                head = seq(f"query {node.name}", self._params(node.params), ": ", self.type(node.result))
                return self._definition(head, "=", node.body)
            case ast.InvariantClause(name=name, body=body):
                return self._definition(Text(_named("invariant", name)), ":", body)
            case ast.CompatibleClause(name=name, left=left, right=right, body=body):
                return self._definition(Text(f"{_named('compatible', name)}({left}, {right})"), ":", body)
            case ast.HomeClause(name=name, replica=replica, mine=mine, other=other, body=body):
                return self._definition(Text(f"{_named('home', name)}({replica}, {mine}, {other})"), ":", body)
            case ast.TheoremClause():
                return self._theorem(node)
            case ast.RuleClause(name=name, updates=updates, text=text):
                about = self._list("(", map(Text, updates), ")") if updates else NOTHING
                return group(group(f"rule {name}", about, ":"), nest(LINE, _text(text)))
            case _:
                raise AssertionError(f"no layout for {type(node).__name__}")

    def _definition(self, head: Doc, mark: str, body: ast.Expr) -> Doc:
        return group(group(head), " " if mark == "=" else "", mark, self._body(body))

    def _body(self, body: ast.Expr, level: int = TAIL, tail: bool = True) -> Doc:
        """What follows a `=`, `:`, `=>`, `then` or `else`."""
        doc = self.expr(body, level, tail)
        return Hang(doc) if isinstance(body, _BRACES) else nest(LINE, doc)

    def _update(self, node: ast.UpdateClause) -> Doc:
        by = f" by {node.by}" if node.by is not None else ""
        at = f" at {', '.join(node.at)}" if node.at else ""
        when = f" when {node.when}" if node.when is not None else ""
        requires = nest(LINE, "requires ", self.expr(node.requires)) if node.requires is not None else NOTHING
        head = group(f"update {node.name}", self._params(node.params), by, at, when, requires, " =")
        body = self._body(node.body)
        if not node.forgetting:
            return group(head, body)
        forgotten = join(seq(",", LINE), map(self.expr, node.forgetting))
        return group(head, body, nest(LINE, group("forgetting ", nest(forgotten))))

    def _theorem(self, node: ast.TheoremClause) -> Doc:
        bound = f" bounded {node.bound}" if node.bound is not None else ""
        causal = " requires causal" if node.causal else ""
        head = group(f"theorem {node.name}", self._params(node.params), f"{bound}{causal}:")
        return seq(head, nest(HARD, self.expr(node.body)))

    def _type_params(self, params: Sequence[ast.TypeParam]) -> Doc:
        return (
            self._list("[", [self._noted(p, Text(_typed(p.name, p.bound))) for p in params], "]") if params else NOTHING
        )

    def _params(self, params: Sequence[ast.Param], always: bool = False) -> Doc:
        """All on one line if they fit there, the line of the name or the next one."""
        if not params:
            return Text("()") if always else NOTHING
        return group("(", nest(SOFT, group(join(seq(",", LINE), map(self._param, params)))), SOFT, ")")

    def _param(self, param: ast.Param) -> Doc:
        later = "later " if param.later else ""
        return self._noted(param, seq(f"{param.name}: {later}", self.type(param.type)))

    def _variant(self, name: str, params: Sequence[ast.Param]) -> Doc:
        """On one line; a variant is no node, so the comments of its parameters and their types stand around it."""
        own = [note for param in params[-1:] for note in self.comments.trailing.pop(id(param), ())]
        nodes = [node for param in params for node in walk(param)]
        before = [note for node in nodes for note in self._before(node)]
        inside = [note for node in nodes for note in self.comments.trailing.pop(id(node), ())]
        before += [note for note in inside if note.own_line]
        after = [note for note in inside if not note.own_line]
        return Seq([*before, Text(render(seq(name, self._params(params)), math.inf)), *after, *own])

    # -- types

    def type(self, node: ast.TypeNode) -> Doc:
        """The document of a written type."""
        return self._noted(node, self._type(node))

    def _type(self, node: ast.TypeNode) -> Doc:
        match node:
            case ast.NamedType(name=name, args=args):
                items = [self.type(a) for a in args]
                return (
                    seq(name, self._list("[", items, "]", isinstance(args[0], ast.RecordType))) if args else Text(name)
                )
            case ast.TupleType(items=items):
                return self._list("(", map(self.type, items), ")")
            case ast.RecordType(fields=fields):
                return self._braces([Seq([*self._before(t), Text(f"{name}: "), self.type(t)]) for name, t in fields])
            case _:
                raise AssertionError(f"no layout for {type(node).__name__}")

    # -- expressions

    def expr(self, node: ast.Expr, level: int = TAIL, tail: bool = True) -> Doc:
        """The document of an expression, in parentheses if it binds looser than `level`.

        `tail`: whether an `if`, `let` or quantifier goes without them all the same, since nothing follows it.
        """
        own = _level(node)
        bare = own >= level or (own == TAIL and tail)
        doc = self._expr(node, tail or not bare)
        return self._noted(node, doc if bare else seq("(", doc, ")"))

    def _expr(self, node: ast.Expr, tail: bool) -> Doc:
        match node:
            case ast.Name(name=name):
                return Text(name)
            case ast.Number(value=value):
                return Text(_number(value))
            case ast.TextLit(value=text):
                return Text(_text(text))
            case ast.BoolLit(value=value):
                return Text("true" if value else "false")
            case ast.NoneLit():
                return Text("none")
            case ast.Empty():
                return Text("{}")
            case ast.FieldAccess(subject=subject, name=name):
                return seq(self._subject(subject), f".{name}")
            case ast.Index(subject=subject, key=key):
                return seq(self._subject(subject), "[", self.expr(key), "]")
            case ast.Call(name=name, args=args):
                return seq(name, self._args(args))
            case ast.MethodCall():
                return self._method(node)
            case ast.Unary(op=op, operand=operand):
                sign = "not " if op == "not" else op
                return seq(sign, self._operand(op, operand, UNARY[op], tail))
            case ast.Binary():
                return self._binary(node, tail)
            case ast.If():
                return self._if(node)
            case ast.Let():
                return self._let(node)
            case ast.Quantifier(kind=kind, binders=binders, body=body):
                heads = join(seq(",", LINE), map(self._binder, binders))
                return group(f"{kind} ", group(nest(heads)), ":", nest(LINE, self.expr(body)))
            case ast.Match(subject=subject, cases=cases):
                return group("match ", self.expr(subject, 1, False), " ", self._cases(cases))
            case ast.Tuple(items=items):
                return self._list("(", map(self.expr, items), ")")
            case ast.SeqLit(items=items):
                return self._list("[", map(self.expr, items), "]")
            case ast.SetLit(items=items):
                return self._set(items)
            case ast.MapLit(items=items):
                pairs = [seq(self.expr(k, 1, False), ": ", nest(self.expr(v))) for k, v in items]
                return self._list("{", pairs, "}")
            case ast.SetCompr(var=var, condition=condition):
                return self._braces([seq(f"{var} where ", nest(self.expr(condition)))])
            case ast.MapCompr(var=var, value=value, condition=condition):
                where = seq(LINE, "where ", nest(self.expr(condition))) if condition else NOTHING
                return self._braces([seq(group(f"{var} ->", self._body(value)), where)])
            case ast.SeqFor():
                return self._seq_for(node)
            case ast.Pick(kind=kind, var=var, source=source, keys=keys):
                return group(f"{kind}(", nest(SOFT, f"{var} in ", self._source(source), self._by(keys)), SOFT, ")")
            case ast.Construct(entries=entries):
                return self._braces(map(self._entry, entries))
            case _:
                raise AssertionError(f"no layout for {type(node).__name__}")

    def _subject(self, node: ast.Expr) -> Doc:
        """What a field, a key or a method follows; `1.f` would be read as a number."""
        if isinstance(node, ast.Number):
            return self._noted(node, seq("(", self._expr(node, True), ")"))
        return self.expr(node, POSTFIX, False)

    def _method(self, node: ast.MethodCall) -> Doc:
        parts = [self._subject(node.subject), Text(f".{node.name}"), self._args(node.args)]
        if node.by is not None:
            parts += [Text(" by "), self.expr(node.by, POSTFIX, False)]
        if node.at:
            parts.append(Text(f" at {', '.join(node.at)}"))
        if node.when is not None:
            parts += [Text(" when "), self.expr(node.when, POSTFIX, False)]
        return Seq(parts)

    def _binary(self, node: ast.Binary, tail: bool) -> Doc:
        level = BINARY[node.op]
        if level == IMPLIES:
            left, right = self._operand("=>", node.left, level + 1, False), self._operand("=>", node.right, level, tail)
            return group(left, " =>", nest(LINE, right))
        spine: list[ast.Binary] = [node]
        while level != COMPARE and isinstance(inner := spine[-1].left, ast.Binary) and BINARY[inner.op] == level:
            spine.append(inner)
        spine.reverse()
        rest: list[Doc] = []
        for binary in spine:
            # Comments of the operand stand before its operator, where they have a line of their own.
            before = self._before(binary.right)
            operand = self._operand(binary.op, binary.right, level + 1, tail and binary is node)
            op = binary.op.replace("_", " ")
            rest += [LINE, *before, Text(f"{op} "), nest(operand)]
            if binary is not node:
                rest += self.comments.trailing.pop(id(binary), [])
        leading = [note for b in spine[:-1] for note in self._before(b)]
        first = self._operand(spine[0].op, spine[0].left, level + (level == COMPARE), False)
        return group(*leading, first, nest(*rest))

    def _operand(self, op: str, node: ast.Expr, level: int, tail: bool) -> Doc:
        """An operand of `op`; parentheses also keep apart what a reader may not know the precedence of."""
        if isinstance(node, ast.Binary) and node.op != op and node.op in _KEPT_APART.get(op, ()):
            level = POSTFIX
        return self.expr(node, level, tail and op in _OPEN_ON_THE_RIGHT)

    def _if(self, node: ast.If) -> Doc:
        parts: list[Doc] = []
        after: list[Note] = []
        keyword = "if "
        orelse: ast.Expr = node
        while isinstance(orelse, ast.If) and (orelse is node or not self.comments.leading.get(id(orelse))):
            then = self._body(orelse.then, 1, False)
            parts += [group(keyword, nest(self.expr(orelse.condition, 1, False)), " then", then), LINE]
            keyword, orelse = "else if ", orelse.orelse
            after += self.comments.trailing.pop(id(orelse), [])
        return group(*parts, group("else", self._body(orelse)), *after)

    def _let(self, node: ast.Let) -> Doc:
        parts: list[Doc] = []
        after: list[Note] = []
        body: ast.Expr = node
        while isinstance(body, ast.Let) and (body is node or not self.comments.leading.get(id(body))):
            closed = isinstance(body.value, ast.Let) or _bare(body.value, _is_in)
            value = self.expr(body.value, POSTFIX if closed else TAIL, not closed)
            parts += [group(f"let {body.name} =", nest(LINE, value), " in"), LINE]
            body = body.body
            after += self.comments.trailing.pop(id(body), [])
        return group(*parts, self.expr(body), *after)

    def _binder(self, node: ast.Binder) -> Doc:
        if node.type is not None:
            return self._noted(node, seq(f"({node.name}: ", self.type(node.type), ")"))
        if node.source is not None:
            return self._noted(node, seq(f"{node.name} in ", self._source(node.source)))
        return self._noted(node, Text(node.name))

    def _source(self, node: ast.Expr) -> Doc:
        """What is ranged over: an update of a state goes in parentheses, since its `by` would be that of an order."""
        return self.expr(node, POSTFIX if _bare(node, _is_applied) else 1, False)

    def _by(self, keys: Sequence[ast.SortKey]) -> Doc:
        return seq(LINE, "by ", join(Text(", "), map(self._key, keys))) if keys else NOTHING

    def _key(self, node: ast.SortKey) -> Doc:
        return self._noted(node, seq("desc " if node.descending else "", self.expr(node.expr)))

    def _seq_for(self, node: ast.SeqFor) -> Doc:
        where = seq(LINE, "where ", nest(self.expr(node.condition))) if node.condition else NOTHING
        ranged = seq(f"for {node.var} in ", self._source(node.source))
        return group("[", nest(SOFT, self.expr(node.body), LINE, ranged, self._by(node.keys), where), SOFT, "]")

    def _set(self, items: Sequence[ast.Expr]) -> Doc:
        docs = [self.expr(i) for i in items]
        if all(isinstance(i, ast.MethodCall) and _level(i) == POSTFIX and is_path(i.subject) for i in items):
            # Without parentheses these would be updates of parts of the state.
            docs = [seq("(", doc, ")") for doc in docs]
        return self._list("{", docs, "}")

    def _cases(self, cases: Sequence[tuple[ast.Pattern, ast.Expr]]) -> Doc:
        """On one line if they fit, unless there is another `match` in one of them."""
        docs = join(seq(",", LINE), map(self._case, cases))
        nested = any(isinstance(body, ast.Match) for _, body in cases)
        return group("{", nest(HARD if nested and not self.one_line else LINE, docs), LINE, "}")

    def _case(self, case: tuple[ast.Pattern, ast.Expr]) -> Doc:
        pattern, body = case
        return group(self._pattern(pattern), " =>", self._body(body))

    def _pattern(self, node: ast.Pattern) -> Doc:
        match node:
            case ast.WildPattern():
                return self._noted(node, Text("_"))
            case ast.VarPattern(name=name):
                return self._noted(node, Text(name))
            case ast.CallPattern(name=name, args=args):
                return self._noted(node, seq(name, self._list("(", map(self._pattern, args), ")")))
            case ast.TuplePattern(items=items):
                return self._noted(node, self._list("(", map(self._pattern, items), ")"))
            case _:
                raise AssertionError(f"no layout for {type(node).__name__}")

    def _entry(self, node: ast.Entry) -> Doc:
        match node:
            case ast.Assign(target=target, value=value):
                return self._noted(node, group(self.expr(target), " =", self._body(value)))
            case ast.PartUpdate(call=call):
                return self._noted(node, self.expr(call))
            case ast.Forget(target=target):
                return self._noted(node, seq("forget ", self.expr(target)))
            case ast.Each(var=var, source=source, entries=entries):
                body = self._braces(map(self._entry, entries))
                return self._noted(node, group(f"each {var} in ", self._source(source), ": ", body))
            case _:
                raise AssertionError(f"no layout for {type(node).__name__}")

    # -- brackets and comments

    def _args(self, args: Sequence[ast.Expr]) -> Doc:
        """Arguments in parentheses; a few short ones stay together, so that lines break where there is more."""
        docs = [self.expr(a) for a in args]
        short = all(isinstance(a, _ATOMS) and not d.before and not d.after for a, d in zip(args, docs, strict=True))
        if short and sum(len(show_expr(a)) + 2 for a in args) <= _SHORT:
            return seq("(", join(Text(", "), docs), ")")
        return self._list("(", docs, ")", isinstance(args[0], _BRACES))

    def _list(self, start: str, items: Iterable[Doc], end: str, braces: bool = False) -> Doc:
        """`braces`: if there is one item, it has lines of its own."""
        items = tuple(items)
        if braces and len(items) == 1 and not items[0].before and not items[0].after:
            return seq(start, *items, end)
        return group(start, nest(SOFT, join(seq(",", LINE), items)), SOFT, end)

    def _braces(self, items: Iterable[Doc]) -> Doc:
        return group("{", nest(LINE, join(seq(",", LINE), items)), LINE, "}")

    def _before(self, node: ast.Node) -> list[Note]:
        """Takes the comments before a node."""
        return [Note(text, own_line=True) for _, text in self.comments.leading.pop(id(node), ())]

    def _noted(self, node: ast.Node, doc: Doc) -> Doc:
        before = self._before(node)
        after = self.comments.trailing.pop(id(node), [])
        return Seq([*before, doc, *after]) if before or after else doc


def _level(node: ast.Expr) -> int:
    """How tightly a node binds."""
    match node:
        case ast.If() | ast.Let() | ast.Quantifier():
            return TAIL
        case ast.Binary(op=op):
            return BINARY[op]
        case ast.Unary(op=op):
            return NOT if op == "not" else NEGATE
        case ast.MethodCall() if node.by is not None or node.at or node.when is not None:
            return APPLIED
        case _:
            return POSTFIX


def _bare(node: ast.Expr, wanted: Callable[[ast.Expr], bool]) -> bool:
    """Whether an expression has a part like that outside of all brackets, or may have."""
    stack = [node]
    while stack:
        node = stack.pop()
        if wanted(node):
            return True
        match node:
            case ast.Binary(left=left, right=right):
                stack += [left, right]
            case ast.Unary(operand=operand):
                stack.append(operand)
            case ast.If(condition=condition, then=then, orelse=orelse):
                stack += [condition, then, orelse]
            case ast.Let(body=body) | ast.Quantifier(body=body):
                stack.append(body)
    return False


def _is_in(node: ast.Expr) -> bool:
    return isinstance(node, ast.Binary) and node.op in ("in", "not_in")


def _is_applied(node: ast.Expr) -> bool:
    return _level(node) in (APPLIED, TAIL)


def _named(keyword: str, name: str | None) -> str:
    return keyword if name is None else f"{keyword} {name}"


def _typed(name: str, bound: str | None) -> str:
    return name if bound is None else f"{name}: {bound}"


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_ESCAPED = re.compile(rf'["\\\x00-\x1f{CONTROL}]')


def _text(text: str) -> str:
    """A text literal."""
    return '"' + _ESCAPED.sub(lambda m: _ESCAPES.get(m[0]) or f"\\u{ord(m[0]):04x}", text) + '"'


def _number(value: int | Fraction) -> str:
    """A number literal; a Fraction has a decimal point. Decimals are exact: the parser makes no others."""
    if isinstance(value, int):
        return str(value)
    places = 1
    while (scaled := value * 10**places).denominator != 1:
        places += 1
        assert places <= 2 * value.denominator.bit_length() + 1, f"{value} is no decimal number"
    digits = str(scaled.numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"
