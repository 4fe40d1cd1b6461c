"""The typed core: what the checker makes of a module, and all further passes read.

Names are resolved, sugar is gone, and every expression carries its static type. The interpreter,
the compiler and the prover are three readings of this one tree.

Values that the core computes with are untyped ("raw"), described at `Type`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Never, TypeVar

from mergelaw.language.span import NOWHERE, Span

T = TypeVar("T", bound="Type")

# -- static types ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Type:
    """Base of static types, which know their hash and whether they are closed. Raw values by type:

    Bool -> bool; Nat, Int, Time -> int; Real -> Fraction; Text -> str; Replica -> int;
    Dot -> the tuple (replica, number); Option -> None or a 1-tuple; tuple and record -> tuple in the
    order of the fields; enum -> (variant number, *payload); Map -> immutables.Map without zeros
    (a Set is a Map to True); Seq -> a Python list is never used: a tuple; a declared type -> the raw
    value of its state. Contexts (`seen`) are `CausalContext`.
    """

    @cached_property
    def closed(self) -> bool:
        """Whether there is no type parameter in it."""
        return all(t.closed for t in _inside(self))

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: a hash is good for one process."""
        return {f: self.__dict__[f] for f in self.__dataclass_fields__}


def _hash_kept(cls: type[T]) -> type[T]:
    """Types are the keys of many tables, so each computes its hash once."""
    computed: Callable[[T], int] = cls.__hash__

    def __hash__(self: T) -> int:
        kept: int | None = self.__dict__.get("_hash")
        if kept is None:
            kept = self.__dict__["_hash"] = computed(self)
        return kept

    cls.__hash__ = __hash__  # type: ignore[method-assign,assignment]
    return cls


@_hash_kept
@dataclass(frozen=True)
class Base(Type):
    """One of Bool, Nat, Int, Real, Text, Time, Replica, Dot."""

    name: str

    def __str__(self) -> str:
        return self.name


@_hash_kept
@dataclass(frozen=True)
class OptionType(Type):
    """`Option[T]`; zero is none."""

    item: Type

    def __str__(self) -> str:
        return f"Option[{self.item}]"


@_hash_kept
@dataclass(frozen=True)
class TupleT(Type):
    """`(A, B)`; zero where all items have one."""

    items: tuple[Type, ...]

    def __str__(self) -> str:
        return "(" + ", ".join(map(str, self.items)) + ")"


@_hash_kept
@dataclass(frozen=True)
class RecordT(Type):
    """`{ f: A, g: B }`, structural; merges field by field where every field has a merge."""

    fields: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        return "{ " + ", ".join(f"{n}: {t}" for n, t in self.fields) + " }"

    def position(self, name: str) -> int:
        """Index of field `name` in raw values. Raises: KeyError."""
        for i, (n, _) in enumerate(self.fields):
            if n == name:
                return i
        raise KeyError(name)


@_hash_kept
@dataclass(frozen=True)
class MapT(Type):
    """`Map[K, V]`; `Set[T]` is MapT(T, BOOL). Merges key by key where V has a merge."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"Set[{self.key}]" if self.value == BOOL else f"Map[{self.key}, {self.value}]"


@_hash_kept
@dataclass(frozen=True)
class SeqT(Type):
    """`Seq[T]`, ordered lexicographically, a prefix first; zero is []."""

    item: Type

    def __str__(self) -> str:
        return f"Seq[{self.item}]"


@_hash_kept
@dataclass(frozen=True)
class EnumT(Type):
    """An instance of a declared enum."""

    name: str
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return self.name + _args(self.args)


@_hash_kept
@dataclass(frozen=True)
class Named(Type):
    """An instance of a declared type or store; structurally the same as its state."""

    name: str
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return self.name + _args(self.args)


@_hash_kept
@dataclass(frozen=True)
class ParamT(Type):
    """A type parameter; `bound` is None, "Ordered", "Lattice" or "Store"."""

    name: str
    bound: str | None = None

    @cached_property
    def closed(self) -> bool:
        """Never."""
        return False

    def __str__(self) -> str:
        return self.name


def _inside(x: Type) -> Iterator[Type]:
    todo: list[object] = [x.__dict__[f] for f in x.__dataclass_fields__]
    while todo:
        part = todo.pop()
        if isinstance(part, Type):
            yield part
        elif isinstance(part, tuple):
            todo += part


def _args(args: tuple[Type, ...]) -> str:
    return "[" + ", ".join(map(str, args)) + "]" if args else ""


BOOL, NAT, INT, REAL = Base("Bool"), Base("Nat"), Base("Int"), Base("Real")
TEXT, TIME, REPLICA, DOT = Base("Text"), Base("Time"), Base("Replica"), Base("Dot")


def set_of(item: Type) -> MapT:
    """The type `Set[item]`."""
    return MapT(item, BOOL)


def substitute(t: Type, env: Mapping[str, Type]) -> Type:
    """`t` with type parameters replaced as `env` (name -> type) says; others stay."""
    if not env or t.closed:
        return t
    match t:
        case ParamT(name):
            return env.get(name, t)
        case OptionType(item):
            return OptionType(substitute(item, env))
        case SeqT(item):
            return SeqT(substitute(item, env))
        case TupleT(items):
            return TupleT(tuple(substitute(i, env) for i in items))
        case RecordT(fields):
            return RecordT(tuple((n, substitute(f, env)) for n, f in fields))
        case MapT(key, value):
            return MapT(substitute(key, env), substitute(value, env))
        case EnumT(name, args):
            return EnumT(name, tuple(substitute(a, env) for a in args))
        case Named(name, args):
            return Named(name, tuple(substitute(a, env) for a in args))
        case _:
            return t


# -- expressions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expr:
    """Base of core expressions. Two nodes are equal iff they mean the same; spans are ignored."""

    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Lit(Expr):
    """A constant of a base type: bool, int, Fraction (for Real, always) or str."""

    value: bool | int | Fraction | str


@dataclass(frozen=True)
class Zero(Expr):
    """The zero of `type`: `{}`, `none`, `[]`, or what a record leaves out."""


@dataclass(frozen=True)
class Var(Expr):
    """A bound variable. The states in scope are variables too (`this`, the parameters of `merge`, ...)."""

    name: str


@dataclass(frozen=True)
class Seen(Expr):
    """`s.seen`: the causal context (a Set[Dot]) of the state variable `state`.

    In a store's merge(a, b): of "a" or "b". Used only in `in`, `&`, `-`, `<=` and under keys of a Build.
    """

    state: str


@dataclass(frozen=True)
class Get(Expr):
    """Field `name` of a record (or of a declared type with a record state); of a Dot: replica, number."""

    subject: Expr
    name: str


@dataclass(frozen=True)
class At(Expr):
    """`m[k]`, and `k in s` for sets."""

    subject: Expr
    key: Expr


@dataclass(frozen=True)
class TupleE(Expr):
    """A tuple."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class RecordE(Expr):
    """A record or the state of a declared type; all fields, in the order of the type."""

    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Variant(Expr):
    """A value of an enum; `index` is the variant's number."""

    index: int
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Some(Expr):
    """`some(e)`."""

    item: Expr


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
class Pattern:
    """Base of patterns."""


@dataclass(frozen=True)
class PWild(Pattern):
    """`_`."""


@dataclass(frozen=True)
class PVar(Pattern):
    """Binds the whole subject."""

    name: str


@dataclass(frozen=True)
class PNone(Pattern):
    """`none`."""


@dataclass(frozen=True)
class PSome(Pattern):
    """`some(p)`."""

    item: Pattern


@dataclass(frozen=True)
class PVariant(Pattern):
    """An enum variant by number."""

    index: int
    args: tuple[Pattern, ...]


@dataclass(frozen=True)
class PTuple(Pattern):
    """A tuple."""

    items: tuple[Pattern, ...]


@dataclass(frozen=True)
class Match(Expr):
    """The first case that matches; the checker has made sure that one does."""

    subject: Expr
    cases: tuple[tuple[Pattern, Expr], ...]


@dataclass(frozen=True)
class Op(Expr):
    """Built-in operation on values.

    not and or implies (Bool); eq ne (any); lt le (ordered types; lexicographic on tuples, Seq, Dot as
    (replica, number); none < some; enums by variant, then payload; false < true);
    neg add sub mul monus max min (numbers; max and min on any ordered type; monus(a, b) = max(0, a - b));
    union inter diff subset (sets; also with Seen operands); concat (Seq). `gt`, `ge` are turned round.
    An operand of a narrower numeric type (Nat < Int < Real) is widened silently: 1 is Fraction(1) as a Real.
    """

    op: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Build(Expr):
    """`{ k -> body }` (a set comprehension has a Bool body; a `where` is an If with Zero).

    `sources` are Map-, Set- or Seen-typed expressions (free of `var`) outside of whose keys the body is zero,
    as the checker has established: evaluate the body at the union of their keys. Pointwise reading:
    the result at k is `body`.
    """

    var: str
    body: Expr
    sources: tuple[Expr, ...]


@dataclass(frozen=True)
class MapE(Expr):
    """`{k: v}`; `{a, b}` is a MapE to Lit(true). Later pairs win; zeros are erased."""

    items: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True)
class Keys(Expr):
    """`keys(m)`: the set of keys at which m is not zero."""

    subject: Expr


@dataclass(frozen=True)
class Sum(Expr):
    """`sum(m)`: of the values of a Map[K, Nat|Int|Real]."""

    subject: Expr


@dataclass(frozen=True)
class Count(Expr):
    """`count(s)`: the number of keys of a map or members of a set, a Nat."""

    subject: Expr


@dataclass(frozen=True)
class Pick(Expr):
    """Greatest or least member of a set by keys ((expr, descending), ...), then by itself; an Option."""

    kind: str
    var: str
    source: Expr
    keys: tuple[tuple[Expr, bool], ...]


@dataclass(frozen=True)
class Quant(Expr):
    """`forall`/`exists` var (of var_type) in source: body. Without source: over the whole type (logic only)."""

    kind: str
    var: str
    var_type: Type
    source: Expr | None
    body: Expr


@dataclass(frozen=True)
class SeqE(Expr):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class SeqFor(Expr):
    """`[ body for var in source by keys where condition ]`; source is a Seq or a Set; see ast.SeqFor."""

    body: Expr
    var: str
    source: Expr
    keys: tuple[tuple[Expr, bool], ...]
    condition: Expr | None


@dataclass(frozen=True)
class SeqOp(Expr):
    """length (Nat); first, last (Option); init, rest (all but the last, the first; [] of []); starts_with (Bool)."""

    op: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class CallFun(Expr):
    """A call of a declared function; `type_args` by the function's parameter names."""

    name: str
    type_args: tuple[tuple[str, Type], ...]
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class CallQuery(Expr):
    """`state.query(args)`. `seen_of` names the state variable whose context the subject lives under."""

    owner: Named
    query: str
    subject: Expr
    args: tuple[Expr, ...]
    seen_of: str | None


@dataclass(frozen=True)
class Merge(Expr):
    """`merge(x, y)` of two values of a type with a merge.

    Inside a merge clause x lives under the context of its left parameter and y of its right.
    In theorems on states (variables and results of Apply and Merge) each operand brings its own context.
    """

    left: Expr
    right: Expr


@dataclass(frozen=True)
class DotsOf(Expr):
    """`dots(x)`: the live dots of a value of a store type (see TypeDef.dots), a Set[Dot]."""

    subject: Expr


@dataclass(frozen=True)
class Apply(Expr):
    """In theorems: `s.update(args) by p when t`: the state after the update, that is merge(s, delta).

    Equal nodes denote the same update (the same dots). Fresh dots come from the system.
    """

    owner: Named
    update: str
    subject: Expr
    args: tuple[Expr, ...]
    by: Expr | None
    when: Expr | None


# -- deltas ----------------------------------------------------------------------------------------

Step = str | Expr
"""One step of a path into a state: a field's name, or the key of a map."""


@dataclass(frozen=True)
class Path:
    """A place in `this`; no steps: the whole state. `type` is that of the place."""

    steps: tuple[Step, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Delta:
    """Base of what an update computes; what it does not name is zero."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Block(Delta):
    """Entries, all read from the same `this`. Two entries may touch different keys of one map, never the same place."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class IfDelta(Delta):
    """`if c then delta else delta`."""

    condition: Expr
    then: Delta
    orelse: Delta


@dataclass(frozen=True)
class LetDelta(Delta):
    """`let x = e in delta`."""

    name: str
    value: Expr
    body: Delta


@dataclass(frozen=True)
class MatchDelta(Delta):
    """`match e { pattern => delta }`."""

    subject: Expr
    cases: tuple[tuple[Pattern, Delta], ...]


@dataclass(frozen=True)
class Entry:
    """Base of the entries of a Block."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Assign(Entry):
    """The delta's value at `path`. Footprint: the path; below it the keys of the value where it is a map."""

    path: Path
    value: Expr


@dataclass(frozen=True)
class PartUpdate(Entry):
    """The delta of `update` of the part at `path`, which has declared type `owner`; its context is taken over.

    `dots` are the names of this update's dots that the part's update takes as its own; replica and time are handed on.
    """

    path: Path
    owner: Named
    update: str
    args: tuple[Expr, ...]
    dots: tuple[str, ...]


@dataclass(frozen=True)
class Forget(Entry):
    """Puts the live dots of this[path] into the delta's context. Footprint: the path, and the keys held below it."""

    path: Path


@dataclass(frozen=True)
class ForgetDots(Entry):
    """Puts the members of a Set[Dot] into the delta's context; touches no place by itself."""

    dots: Expr


@dataclass(frozen=True)
class Each(Entry):
    """The entries for every member of `source` (finite)."""

    var: str
    var_type: Type
    source: Expr
    entries: tuple[Entry, ...]


# -- declarations ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TypeParamDef:
    """A type parameter and its bound."""

    name: str
    bound: str | None


@dataclass(frozen=True)
class MergeDef:
    """`merge(left, right) = body`; body has the state's type."""

    left: str
    right: str
    body: Expr
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True)
class UpdateDef:
    """An update. In scope: `this`, the parameters, `by` (Replica), `at` (Dot), `when` (Time)."""

    name: str
    params: tuple[tuple[str, Type], ...]
    by: str | None
    at: tuple[str, ...]
    when: str | None
    requires: Expr | None
    body: Delta
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)
    doc: tuple[str, ...] = field(default=(), compare=False, kw_only=True)


@dataclass(frozen=True)
class QueryDef:
    """A query; in scope: `this` and the parameters."""

    name: str
    params: tuple[tuple[str, Type], ...]
    result: Type
    body: Expr
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)
    doc: tuple[str, ...] = field(default=(), compare=False, kw_only=True)


@dataclass(frozen=True)
class Property:
    """An invariant (states = ("this",)), a compatible (two names) or a home relation (mine, other; `replica` set)."""

    kind: str
    name: str
    states: tuple[str, ...]
    replica: str | None
    body: Expr
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True)
class TheoremDef:
    """A claim. Parameters of the type itself are states; those in `later` may stem from any later time."""

    name: str
    params: tuple[tuple[str, Type], ...]
    later: frozenset[str]
    bound: int | None
    causal: bool
    body: Expr
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)
    doc: tuple[str, ...] = field(default=(), compare=False, kw_only=True)


@dataclass(frozen=True)
class RuleDef:
    """A named conflict rule with its sentence and the updates it is about (none: all)."""

    name: str
    updates: tuple[str, ...]
    text: str
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True)
class TypeDef:
    """A declared type or store. `this` has type Named(name, params) in its clauses."""

    kind: str
    """"type" or "store"."""
    name: str
    params: tuple[TypeParamDef, ...]
    state: Type
    merge: MergeDef | None
    """None: composed from the parts of the state."""
    dots: Expr | None
    """Own live dots, beside those of the parts; in scope: `this`."""
    updates: tuple[UpdateDef, ...]
    queries: tuple[QueryDef, ...]
    properties: tuple[Property, ...]
    theorems: tuple[TheoremDef, ...]
    rules: tuple[RuleDef, ...]
    file: str
    doc: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)

    @property
    def self_type(self) -> Named:
        """The type applied to its own parameters."""
        return Named(self.name, tuple(ParamT(p.name, p.bound) for p in self.params))

    def update(self, name: str) -> UpdateDef:
        """Raises: KeyError."""
        return next((u for u in self.updates if u.name == name), None) or _missing(name)

    def query(self, name: str) -> QueryDef:
        """Raises: KeyError."""
        return next((q for q in self.queries if q.name == name), None) or _missing(name)


def _missing(name: str) -> Never:
    raise KeyError(name)


@dataclass(frozen=True)
class EnumDef:
    """A declared enum: variants as (name, ((field, type), ...))."""

    name: str
    params: tuple[TypeParamDef, ...]
    variants: tuple[tuple[str, tuple[tuple[str, Type], ...]], ...]


@dataclass(frozen=True)
class FunDef:
    """A declared function."""

    name: str
    type_params: tuple[TypeParamDef, ...]
    params: tuple[tuple[str, Type], ...]
    result: Type
    body: Expr
    recursive: bool


@dataclass(frozen=True)
class Program:
    """Everything that one file and its imports declare, by name; names are global within a program."""

    types: Mapping[str, TypeDef]
    enums: Mapping[str, EnumDef]
    functions: Mapping[str, FunDef]
    main: tuple[str, ...]
    """Names of the types that the file itself declares, in order."""

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone."""
        return {f: self.__dict__[f] for f in self.__dataclass_fields__}

    @cached_property
    def _states(self) -> dict[Named, Type]:
        return {}

    @cached_property
    def _variants(self) -> dict[EnumT, tuple[tuple[str, tuple[tuple[str, Type], ...]], ...]]:
        return {}

    def state_type(self, t: Named) -> Type:
        """The state of an instance of a declared type, one layer unfolded."""
        found = self._states.get(t)
        if found is None:
            d = self.types[t.name]
            found = substitute(d.state, {p.name: a for p, a in zip(d.params, t.args, strict=True)})
            self._states[t] = found
        return found

    def unfold(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        while isinstance(t, Named):
            t = self.state_type(t)
        return t

    def variants(self, t: EnumT) -> tuple[tuple[str, tuple[tuple[str, Type], ...]], ...]:
        """The variants of an instance of an enum."""
        found = self._variants.get(t)
        if found is None:
            d = self.enums[t.name]
            env = {p.name: a for p, a in zip(d.params, t.args, strict=True)}
            found = tuple((n, tuple((f, substitute(ft, env)) for f, ft in fs)) for n, fs in d.variants)
            self._variants[t] = found
        return found


def children(e: Expr) -> Iterator[Expr]:
    """The direct subexpressions of `e`, in order of evaluation."""
    for name in e.__dataclass_fields__:
        if name not in ("type", "span"):
            yield from _exprs(getattr(e, name))


def _exprs(x: object) -> Iterator[Expr]:
    if isinstance(x, Expr):
        yield x
    elif isinstance(x, tuple):
        for i in x:
            yield from _exprs(i)
