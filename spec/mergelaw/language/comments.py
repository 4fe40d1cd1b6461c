"""Finds the node that each comment belongs to.

A comment behind something on its line belongs to the node that ends there, where a line break is welcome (after the
items of a list, the operands of an operator); every other one belongs to the node that follows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from mergelaw.language import ast
from mergelaw.language.layout import Note
from mergelaw.language.span import Span

_Comment = tuple[Span, str]

_LISTS = (
    ast.Call,
    ast.MethodCall,
    ast.Tuple,
    ast.SetLit,
    ast.MapLit,
    ast.SeqLit,
    ast.Construct,
    ast.Each,
    ast.Match,
    ast.TuplePattern,
    ast.CallPattern,
    ast.NamedType,
    ast.TupleType,
    ast.RecordType,
    ast.EnumDecl,
)
"""Nodes that end with a bracket, and whose parts may stand one on a line."""


@dataclass
class Comments:
    """The comments of a module by the node they belong to (by identity)."""

    leading: dict[int, list[_Comment]] = field(default_factory=lambda: defaultdict(list))
    """Before the node, each on a line of its own; of declarations and clauses without their `doc`."""
    trailing: dict[int, list[Note]] = field(default_factory=lambda: defaultdict(list))
    """Behind the node, or on lines of their own before the bracket that ends its list."""
    heads: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of a type: behind its opening brace."""
    ends: dict[int, list[_Comment]] = field(default_factory=lambda: defaultdict(list))
    """Of a type or the module: after all its clauses or declarations."""


def attach(module: ast.Module) -> Comments:
    """The comments of `module`, all but those that are the `doc` of a node."""
    found = Comments()
    if module.comments:
        first_columns = _first_columns(module)
        docs = set(_doc_lines(module))
        for span, text in module.comments:
            own_line = first_columns.get(span.line, span.column) >= span.column
            if not (own_line and span.line in docs):
                _place(found, module, (span, text), own_line)
    return found


def children(node: ast.Node) -> list[ast.Node]:
    """The nodes right below, in the order of the text."""
    nodes: list[ast.Node] = []
    for name in _names(type(node)):
        nodes.extend(_nodes(getattr(node, name)))
    return sorted(nodes, key=lambda n: (n.span.line, n.span.column))


def _names(cls: type[ast.Node]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls) if f.name not in ("span", "doc", "comments"))


def _nodes(value: object) -> Iterator[ast.Node]:
    if isinstance(value, ast.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(root: ast.Node) -> Iterator[ast.Node]:
    """A node and all nodes below."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def _first_columns(module: ast.Module) -> dict[int, int]:
    """For each line the first column at which a node starts or has ended."""
    columns: dict[int, int] = {}
    for node in walk(module):
        if node is not module:
            for line, column in (node.span.line, node.span.column), (node.span.end_line, node.span.end_column):
                columns[line] = min(column, columns.get(line, column + 1))
    return columns


def _doc_lines(module: ast.Module) -> Iterator[int]:
    for declaration in module.declarations:
        yield from range(declaration.span.line - len(declaration.doc), declaration.span.line)
        for clause in declaration.clauses if isinstance(declaration, ast.TypeDecl) else ():
            yield from range(clause.span.line - len(clause.doc), clause.span.line)


def _starts_before(a: Span, b: Span) -> bool:
    return (a.line, a.column) < (b.line, b.column)


def _ends_before(a: Span, b: Span) -> bool:
    return (a.end_line, a.end_column) <= (b.line, b.column)


def _place(found: Comments, module: ast.Module, comment: _Comment, own_line: bool) -> None:
    span = comment[0]
    outer: ast.Node = module
    above: list[ast.Node] = []
    while True:
        nodes = [n for n in children(outer) if not isinstance(n, ast.TypeParam)]
        inner = [n for n in nodes if _starts_before(n.span, span) and not _ends_before(n.span, span)]
        if not inner:
            break
        above.append(outer)
        outer = inner[0]
    before = next((n for n in reversed(nodes) if _ends_before(n.span, span)), None)
    after = next((n for n in nodes if not _starts_before(n.span, span)), None)
    if isinstance(outer, ast.Module | ast.TypeDecl):
        _place_between(found, outer, before, after, comment, own_line)
    else:
        _place_inside(found, [*above, outer], before, after, comment, own_line)


def _place_between(
    found: Comments,
    outer: ast.Module | ast.TypeDecl,
    before: ast.Node | None,
    after: ast.Node | None,
    comment: _Comment,
    own_line: bool,
) -> None:
    """A comment between clauses or declarations."""
    span, text = comment
    if before is not None and not own_line and before.span.end_line == span.line:
        found.trailing[id(before)].append(Note(text, own_line=False))
    elif isinstance(outer, ast.TypeDecl) and before is None and not own_line:
        found.heads[id(outer)].append(text)
    elif after is not None:
        found.leading[id(after)].append(comment)
    else:
        found.ends[id(outer)].append(comment)


def _place_inside(
    found: Comments,
    above: list[ast.Node],
    before: ast.Node | None,
    after: ast.Node | None,
    comment: _Comment,
    own_line: bool,
) -> None:
    """A comment inside of a clause or a declaration; `above` are the nodes around it, innermost last."""
    outer = above[-1]
    text = comment[1]
    if after is not None:
        if before is not None and not own_line and _may_trail(outer, before, after):
            found.trailing[id(before)].append(Note(text, own_line=False))
        else:
            found.leading[id(_first_word(above, after))].append(comment)
    elif before is None:
        found.leading[id(_first_word(above[:-1], outer))].append(comment)
    elif own_line and not (isinstance(outer, _LISTS) and not _applied(outer)):
        found.leading[id(_first_word(above, before))].append(comment)
    else:
        found.trailing[id(before)].append(Note(text, own_line))


def _first_word(above: list[ast.Node], node: ast.Node) -> ast.Node:
    """The outermost node that starts with the first word of `node`."""
    for outer in reversed(above):
        match outer:
            case (
                ast.FieldAccess(subject=first)
                | ast.Index(subject=first)
                | ast.MethodCall(subject=first)
                | ast.Binary(left=first)
                | ast.Assign(target=first)
                | ast.PartUpdate(call=first)
                | ast.SortKey(expr=first, descending=False)
                | ast.Param(type=first)
            ) if first is node:
                node = outer
            case _:
                break
    return node


def _applied(node: ast.Node) -> bool:
    return isinstance(node, ast.MethodCall) and bool(node.by or node.at or node.when)


def _may_trail(outer: ast.Node, before: ast.Node, after: ast.Node) -> bool:
    """Whether there may be a line break between two parts of a node, after what separates them at most."""
    match outer:
        case ast.Binary(op="=>"):
            return False
        case ast.Match(subject=subject):
            return before is not subject and not isinstance(before, ast.Pattern)
        case ast.If(then=then):
            return before is then
        case ast.Clause() | ast.Declaration():
            return isinstance(before, ast.Param) and isinstance(after, ast.Param)
        case _:
            return isinstance(outer, (ast.Binary, *_LISTS))
