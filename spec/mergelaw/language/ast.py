"""The surface syntax tree: what the parser makes and the formatter prints.

Nodes are frozen dataclasses; each keeps the `Span` of its text, which equality ignores, so that
`parse(print(tree)) == tree`. Names are not resolved here and sugar is still in place: the checker
(`check`) turns this tree into the typed core (`core`), which all further passes read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from mergelaw.language.span import NOWHERE, Span


@dataclass(frozen=True)
class Node:
    """Base of all nodes."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


# -- types -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TypeNode(Node):
    """Base of written types."""


@dataclass(frozen=True)
class NamedType(TypeNode):
    """`Nat`, `Map[K, V]`, `ORSet[Text]`: a built-in, a declared type, an alias, an enum or a parameter."""

    name: str
    args: tuple[TypeNode, ...] = ()


@dataclass(frozen=True)
class TupleType(TypeNode):
    """`(Time, Replica)`; at least two items."""

    items: tuple[TypeNode, ...]


@dataclass(frozen=True)
class RecordType(TypeNode):
    """`{ time: Time, value: V }`."""

    fields: tuple[tuple[str, TypeNode], ...]


# -- expressions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expr(Node):
    """Base of expressions."""


@dataclass(frozen=True)
class Name(Expr):
    """A variable, a field of the state in scope, `this`, `seen`, or a payload-free enum variant."""

    name: str


@dataclass(frozen=True)
class Number(Expr):
    """`12` (a Nat) or `0.5` (a Real, exact). Never negative: a sign is a `Unary`."""

    value: int | Fraction


@dataclass(frozen=True)
class TextLit(Expr):
    """`"abc"`; escapes are those of JSON."""

    value: str


@dataclass(frozen=True)
class BoolLit(Expr):
    """`true`, `false`."""

    value: bool


@dataclass(frozen=True)
class NoneLit(Expr):
    """`none`."""


@dataclass(frozen=True)
class FieldAccess(Expr):
    """`x.adds`, `d.replica`, `d.number`, `s.seen`; also a query without arguments: `s.value`."""

    subject: Expr
    name: str


@dataclass(frozen=True)
class Index(Expr):
    """`m[k]`: what the total function m has at k (zero where never written)."""

    subject: Expr
    key: Expr


@dataclass(frozen=True)
class Call(Expr):
    """`f(x, y)`: a function, a built-in (`merge`, `keys`, `sum`, `max`, ...), `some(x)`, or an enum variant."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class MethodCall(Expr):
    """A query `s.has(e)`, in theorems an update `s.add(e) by p when t`, in updates one of a part: `f.set(v) at d`."""

    subject: Expr
    name: str
    args: tuple[Expr, ...]
    by: Expr | None = None
    """The replica, in theorems."""
    at: tuple[str, ...] = ()
    """The dots handed to the update of a part, in updates."""
    when: Expr | None = None
    """The wall-clock time, in theorems."""


@dataclass(frozen=True)
class Unary(Expr):
    """`not x`, `-x`; `op` is "not" or "-"."""

    op: str
    operand: Expr


@dataclass(frozen=True)
class Binary(Expr):
    """`x op y` with op one of: => or and == != < <= > >= in not_in | & + - ++ *."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class If(Expr):
    """`if c then x else y`."""

    condition: Expr
    then: Expr
    orelse: Expr


@dataclass(frozen=True)
class Let(Expr):
    """`let x = e in body`."""

    name: str
    value: Expr
    body: Expr


@dataclass(frozen=True)
class Pattern(Node):
    """Base of patterns."""


@dataclass(frozen=True)
class WildPattern(Pattern):
    """`_`."""


@dataclass(frozen=True)
class VarPattern(Pattern):
    """`x`: binds, or names a payload-free variant (`none` too); the checker tells which."""

    name: str


@dataclass(frozen=True)
class CallPattern(Pattern):
    """`some(x)`, `number(n)`; the arguments are patterns."""

    name: str
    args: tuple[Pattern, ...]


@dataclass(frozen=True)
class TuplePattern(Pattern):
    """`(a, b)`."""

    items: tuple[Pattern, ...]


@dataclass(frozen=True)
class Match(Expr):
    """`match e { some(x) => a, none => b }`."""

    subject: Expr
    cases: tuple[tuple[Pattern, Expr], ...]


@dataclass(frozen=True)
class Tuple(Expr):
    """`(a, b)`; at least two items."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Empty(Expr):
    """`{}`: the zero of whatever type is expected."""


@dataclass(frozen=True)
class SetLit(Expr):
    """`{a, b}`; at least one item."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class MapLit(Expr):
    """`{k: v, j: w}`; at least one pair."""

    items: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True)
class SetCompr(Expr):
    """`{ x where cond }`: the keys at which cond holds; finite support is checked."""

    var: str
    condition: Expr


@dataclass(frozen=True)
class MapCompr(Expr):
    """`{ k -> value }` or `{ k -> value where cond }` (zero where cond fails)."""

    var: str
    value: Expr
    condition: Expr | None


@dataclass(frozen=True)
class SeqLit(Expr):
    """`[a, b]`, `[]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class SeqFor(Expr):
    """`[ e for x in source by keys where cond ]`: over a sequence in its order, or a set ascending (by `keys`)."""

    body: Expr
    var: str
    source: Expr
    keys: tuple[SortKey, ...]
    condition: Expr | None


@dataclass(frozen=True)
class SortKey(Node):
    """One component of an order: `e` ascending, `desc e` descending."""

    expr: Expr
    descending: bool = False


@dataclass(frozen=True)
class Pick(Expr):
    """`greatest(x in s by k1, desc k2)`, `least(...)`: an Option; ties are broken by x itself, in the same sense."""

    kind: str
    var: str
    source: Expr
    keys: tuple[SortKey, ...]


@dataclass(frozen=True)
class Binder(Node):
    """`x`, `(x: T)` or `x in s` after a quantifier."""

    name: str
    type: TypeNode | None = None
    source: Expr | None = None


@dataclass(frozen=True)
class Quantifier(Expr):
    """`forall x, y in s, (z: T): body`; kind is "forall" or "exists"."""

    kind: str
    binders: tuple[Binder, ...]
    body: Expr


# -- records, states and deltas --------------------------------------------------------------------


@dataclass(frozen=True)
class Entry(Node):
    """Base of the entries between the braces of a record, a state or a delta."""


@dataclass(frozen=True)
class Assign(Entry):
    """`counts[r] = e`, `time = t`, `this[k] = e`; `target` is a path of Name, FieldAccess and Index."""

    target: Expr
    value: Expr


@dataclass(frozen=True)
class PartUpdate(Entry):
    """`fields[f].set(v) at d`: the delta of an update of a part, in deltas only."""

    call: MethodCall


@dataclass(frozen=True)
class Forget(Entry):
    """`forget path` or `forget dots`: puts dots into the delta's context, in deltas only."""

    target: Expr


@dataclass(frozen=True)
class Each(Entry):
    """`each k in keys(fields): { entries }`: entries for every member of a set, in deltas only."""

    var: str
    source: Expr
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Construct(Expr):
    """`{ path = e, part.update(x), forget p, each k in s: {...} }`; what is not named is zero. At least one entry."""

    entries: tuple[Entry, ...]


# -- declarations ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Param(Node):
    """`name: Type`; in theorems `name: later This` for a state of any later time."""

    name: str
    type: TypeNode
    later: bool = False


@dataclass(frozen=True)
class TypeParam(Node):
    """`E`, `V: Ordered`, `L: Lattice`, `S: Store`."""

    name: str
    bound: str | None = None


@dataclass(frozen=True)
class Clause(Node):
    """Base of the clauses of a type; `doc` holds the comment lines right above it, without slashes."""

    doc: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class StateClause(Clause):
    """`state Nat` or `state { adds: Map[E, DotSet] }` (then a RecordType)."""

    type: TypeNode


@dataclass(frozen=True)
class MergeClause(Clause):
    """`merge(a, b) = e`."""

    left: str
    right: str
    body: Expr


@dataclass(frozen=True)
class DotsClause(Clause):
    """`dots = keys(this)`: the dots by which this store's own merge keeps or drops things."""

    body: Expr


@dataclass(frozen=True)
class UpdateClause(Clause):
    """`update add(e: E) by r at d, f when now requires cond = body forgetting x, y`."""

    name: str
    params: tuple[Param, ...]
    by: str | None
    at: tuple[str, ...]
    when: str | None
    requires: Expr | None
    body: Expr
    forgetting: tuple[Expr, ...]


@dataclass(frozen=True)
class QueryClause(Clause):
    """`query contains(e: E): Bool = adds[e] != {}`; no parentheses without parameters."""

    name: str
    params: tuple[Param, ...]
    result: TypeNode
    body: Expr


@dataclass(frozen=True)
class InvariantClause(Clause):
    """`invariant name: e` over one state (`this`, its fields, `seen`); the name may be missing."""

    name: str | None
    body: Expr


@dataclass(frozen=True)
class CompatibleClause(Clause):
    """`compatible name(a, b): e` over any two states of one system."""

    name: str | None
    left: str
    right: str
    body: Expr


@dataclass(frozen=True)
class HomeClause(Clause):
    """`home name(p, mine, other): e`: between the state `mine` that replica p holds and any state `other`."""

    name: str | None
    replica: str
    mine: str
    other: str
    body: Expr


@dataclass(frozen=True)
class TheoremClause(Clause):
    """`theorem name(s: This, t: later This, e: E, p: Replica) bounded 3: e`."""

    name: str
    params: tuple[Param, ...]
    bound: int | None
    causal: bool
    body: Expr


@dataclass(frozen=True)
class RuleClause(Clause):
    """`rule add_wins(add, remove): "An add wins over a concurrent remove."`; the updates it is about are optional."""

    name: str
    updates: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Declaration(Node):
    """Base of top-level declarations; `doc` as in Clause."""

    doc: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Import(Declaration):
    """`import DotSet, DotFun from "dots.crdt"`: beside the importing file, else in the library."""

    names: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class Alias(Declaration):
    """`alias Stamp = (Time, Replica)`, `alias Write[V] = { time: Time, value: V }`."""

    name: str
    params: tuple[TypeParam, ...]
    type: TypeNode


@dataclass(frozen=True)
class EnumDecl(Declaration):
    """`enum Value { text(value: Text), number(value: Real), nothing }`; its zero is the zero of the first variant."""

    name: str
    params: tuple[TypeParam, ...]
    variants: tuple[tuple[str, tuple[Param, ...]], ...]


@dataclass(frozen=True)
class FunDecl(Declaration):
    """`fun later[V](a: V, b: V): V = e`; may call itself if an argument descends."""

    name: str
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]
    result: TypeNode
    body: Expr


@dataclass(frozen=True)
class TypeDecl(Declaration):
    """`type GCounter { ... }` (a join-semilattice) or `store ORSet[E] { ... }` (a dot store)."""

    kind: str
    """"type" or "store"."""
    name: str
    params: tuple[TypeParam, ...]
    clauses: tuple[Clause, ...]


@dataclass(frozen=True)
class Module(Node):
    """One file. `comments` are all `//` comments as (span, text), for the formatter."""

    declarations: tuple[Declaration, ...]
    comments: tuple[tuple[Span, str], ...] = field(default=(), compare=False, repr=False)
