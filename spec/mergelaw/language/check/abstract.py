"""What is known of an expression's value when some reads are known to be zero and all else is arbitrary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mergelaw.language import core
from mergelaw.language.check.inline import Budget, opened_call, without_path_lets
from mergelaw.language.core import (
    NAT,
    Base,
    EnumT,
    Expr,
    MapT,
    Named,
    OptionType,
    ParamT,
    Pattern,
    RecordT,
    SeqT,
    TupleT,
    Type,
)


@dataclass(frozen=True)
class Abstract:
    """What is known of a value."""


@dataclass(frozen=True)
class Unknown(Abstract):
    """Nothing."""


@dataclass(frozen=True)
class Known(Abstract):
    """It is this constant of a base type."""

    value: bool | int | Fraction | str


@dataclass(frozen=True)
class ParamZero(Abstract):
    """It is the zero of a type parameter."""

    name: str


@dataclass(frozen=True)
class Nothing(Abstract):
    """It is the empty map, set or sequence, or none."""


@dataclass(frozen=True)
class Just(Abstract):
    """It is `some(item)`."""

    item: Abstract


@dataclass(frozen=True)
class Fields(Abstract):
    """It is a tuple or record of these."""

    items: tuple[Abstract, ...]


@dataclass(frozen=True)
class Choice(Abstract):
    """It is this variant of an enum."""

    index: int
    items: tuple[Abstract, ...]


UNKNOWN = Unknown()
NOTHING = Nothing()
TRUE, FALSE = Known(True), Known(False)
Env = Mapping[str, Abstract]


def is_zero(a: Abstract) -> bool:
    """Whether the value is known to be the zero of its type."""
    match a:
        case Known(value):
            return value in (False, "")
        case Fields(items):
            return all(map(is_zero, items))
        case Choice(index, items):
            return index == 0 and all(map(is_zero, items))
        case _:
            return isinstance(a, Nothing | ParamZero)


def _determined(a: Abstract) -> bool:
    match a:
        case Unknown():
            return False
        case Just(item):
            return _determined(item)
        case Fields(items) | Choice(_, items):
            return all(map(_determined, items))
        case _:
            return True


def _differ(a: Abstract, b: Abstract) -> bool:
    """Whether the two values are known to differ."""
    match a, b:
        case Known(x), Known(y):
            return x != y
        case (Nothing(), Just()) | (Just(), Nothing()):
            return True
        case Just(x), Just(y):
            return _differ(x, y)
        case Fields(xs), Fields(ys):
            return any(_differ(x, y) for x, y in zip(xs, ys, strict=True))
        case Choice(i, xs), Choice(j, ys):
            return i != j or any(_differ(x, y) for x, y in zip(xs, ys, strict=True))
        case _:
            return False


def _agree(possible: Iterable[Abstract]) -> Abstract:
    """What is known of a value that is one of these."""
    found = list(possible)
    if found and all(f == found[0] for f in found) and _determined(found[0]):
        return found[0]
    return UNKNOWN


class Evaluator:
    """Evaluates bodies of comprehensions over `var` abstractly."""

    def __init__(self, program: core.Program, var: str) -> None:
        self._program = program
        self._var = var
        self._zero_reads: frozenset[Expr] = frozenset()
        self._calls: tuple[str, ...] = ()
        self._budget = Budget()
        self._answers: dict[tuple[tuple[str, ...], tuple[Abstract, ...]], Abstract] = {}

    def evaluate(self, body: Expr, zero_reads: frozenset[Expr]) -> Abstract:
        """What is known of `body` where the maps in `zero_reads` are zero at the variable."""
        self._zero_reads = zero_reads
        self._calls = ()
        self._budget = Budget()
        return self._eval(body, {})

    def zero(self, t: Type) -> Abstract:
        """The zero of `t`; unknown where it has none."""
        t = self._program.unfold(t)
        match t:
            case Base("Bool"):
                return FALSE
            case Base("Nat" | "Int" | "Real" | "Time"):
                return Known(0)
            case Base("Text"):
                return Known("")
            case MapT() | SeqT() | OptionType():
                return NOTHING
            case TupleT(items):
                return Fields(tuple(map(self.zero, items)))
            case RecordT(fields):
                return Fields(tuple(self.zero(f) for _, f in fields))
            case EnumT():
                return Choice(0, tuple(self.zero(f) for _, f in self._program.variants(t)[0][1]))
            case ParamT(name, "Lattice" | "Store"):
                return ParamZero(name)
            case _:
                return UNKNOWN

    def _eval(self, e: Expr, env: Env) -> Abstract:
        match e:
            case core.Lit(value=value):
                return Known(value)
            case core.Zero(type=t):
                return self.zero(t)
            case core.Var(name=name):
                return env.get(name, UNKNOWN)
            case core.At():
                return self._at(e, env)
            case core.Get():
                return self._get(e, env)
            case core.TupleE(items=items):
                return Fields(tuple(self._eval(i, env) for i in items))
            case core.RecordE(fields=fields):
                return Fields(tuple(self._eval(f, env) for _, f in fields))
            case core.Variant(index=index, args=args):
                return Choice(index, tuple(self._eval(a, env) for a in args))
            case core.Some(item=item):
                return Just(self._eval(item, env))
            case core.Let(name=name, value=value, body=body):
                return self._eval(body, {**env, name: self._eval(value, env)})
            case core.If():
                condition = self._eval(e.condition, env)
                if isinstance(condition, Known):
                    return self._eval(e.then if condition.value else e.orelse, env)
                return _agree((self._eval(e.then, env), self._eval(e.orelse, env)))
            case core.Match():
                return self._match(e, env)
            case core.Op():
                return self._op(e, env)
            case _:
                return self._collection(e, env)

    def _at(self, e: core.At, env: Env) -> Abstract:
        if isinstance(e.key, core.Var) and e.key.name == self._var and e.subject in self._zero_reads:
            return self.zero(e.type)
        subject = self._eval(e.subject, env)
        return self.zero(e.type) if isinstance(subject, Nothing) else UNKNOWN

    def _get(self, e: core.Get, env: Env) -> Abstract:
        subject = self._eval(e.subject, env)
        record = self._program.unfold(e.subject.type)
        if isinstance(subject, Fields) and isinstance(record, RecordT):
            return subject.items[record.position(e.name)]
        return UNKNOWN

    def _match(self, e: core.Match, env: Env) -> Abstract:
        subject = self._eval(e.subject, env)
        possible: list[Abstract] = []
        for p, body in e.cases:
            bound: dict[str, Abstract] = {}
            fits = _matches(p, subject, bound)
            if fits is False:
                continue
            possible.append(self._eval(body, {**env, **bound}))
            if fits is True:
                break
        return _agree(possible)

    def _collection(self, e: Expr, env: Env) -> Abstract:
        match e:
            case core.Build(body=body):
                return NOTHING if is_zero(self._eval(body, env)) else UNKNOWN
            case core.MapE(items=items):
                return NOTHING if all(is_zero(self._eval(v, env)) for _, v in items) else UNKNOWN
            case core.Keys(subject=subject):
                return NOTHING if self._empty(subject, env) else UNKNOWN
            case core.Sum(subject=subject) | core.Count(subject=subject):
                return Known(0) if self._empty(subject, env) else UNKNOWN
            case core.Pick(source=source) | core.SeqFor(source=source):
                return NOTHING if self._empty(source, env) else UNKNOWN
            case core.Quant():
                return self._quant(e, env)
            case core.SeqOp():
                return self._seq_op(e, env)
            case core.CallFun() | core.CallQuery():
                return self._call(e, env)
            case core.Merge(left=left, right=right):
                both = is_zero(self._eval(left, env)) and is_zero(self._eval(right, env))
                return self.zero(e.type) if both else UNKNOWN
            case core.DotsOf(subject=subject):
                none = is_zero(self._eval(subject, env)) and self._dotless_zero(subject.type, frozenset())
                return NOTHING if none else UNKNOWN
            case _:
                return UNKNOWN

    def _empty(self, e: Expr, env: Env) -> bool:
        return isinstance(self._eval(e, env), Nothing)

    def _dotless_zero(self, t: Type, visited: frozenset[str]) -> bool:
        """Whether the zero of `t` has no live dots."""
        match t:
            case RecordT(fields):
                return all(self._dotless_zero(f, visited) for _, f in fields)
            case Named(name) if name not in visited:
                own = self._program.types[name].dots
                if own is not None and not isinstance(self._eval(own, {"this": self.zero(t)}), Nothing):
                    return False
                return self._dotless_zero(self._program.state_type(t), visited | {name})
            case ParamT():
                return False
            case _:
                return True

    def _quant(self, e: core.Quant, env: Env) -> Abstract:
        every = e.kind == "forall"
        if e.source is not None and self._empty(e.source, env):
            return Known(every)
        return Known(every) if self._eval(e.body, env) == Known(every) else UNKNOWN

    def _seq_op(self, e: core.SeqOp, env: Env) -> Abstract:
        if e.op == "starts_with":
            return TRUE if self._empty(e.args[1], env) else UNKNOWN
        if not self._empty(e.args[0], env):
            return UNKNOWN
        return Known(0) if e.op == "length" else NOTHING

    def _call(self, e: core.CallFun | core.CallQuery, env: Env) -> Abstract:
        found = self._call_by_value(e, env)
        return found if _determined(found) else self._call_by_name(e, env)

    def _call_by_value(self, e: core.CallFun | core.CallQuery, env: Env) -> Abstract:
        """What follows from what is known of the arguments; looked up where it was asked before."""
        if isinstance(e, core.CallFun):
            f = self._program.functions[e.name]
            key: tuple[str, ...] = (e.name,)
            names: tuple[str, ...] = tuple(n for n, _ in f.params)
            body, args = f.body, e.args
        else:
            q = self._program.types[e.owner.name].query(e.query)
            key = (e.owner.name, e.query)
            names = ("this", *(n for n, _ in q.params))
            body, args = q.body, (e.subject, *e.args)
        values = tuple(self._eval(a, env) for a in args)
        if all(isinstance(v, Unknown) for v in values):
            return UNKNOWN
        asked = (key, values)
        if asked not in self._answers:
            self._answers[asked] = UNKNOWN  # what a recursive call comes back with meanwhile
            reads, self._zero_reads = self._zero_reads, frozenset()
            self._answers[asked] = self._eval(body, dict(zip(names, values, strict=True)))
            self._zero_reads = reads
        return self._answers[asked]

    def _call_by_name(self, e: core.CallFun | core.CallQuery, env: Env) -> Abstract:
        """What follows from the arguments themselves, put into the body."""
        opened = opened_call(self._program, e, self._calls, frozenset((self._var, *env)), self._budget)
        if opened is None:
            return UNKNOWN
        name, body = opened
        self._calls = (*self._calls, name)
        found = self._eval(without_path_lets(body), env)
        self._calls = self._calls[:-1]
        return found

    # -- operators -------------------------------------------------------------------------------

    def _op(self, e: core.Op, env: Env) -> Abstract:
        args = [self._eval(a, env) for a in e.args]
        if e.op in ("max", "min"):
            return _extreme(e, args)
        if len(args) == 1:
            return _unary(e.op, args[0])
        left, right = args
        if e.op in ("eq", "ne") and e.args[0] == e.args[1]:
            return Known(e.op == "eq")
        natural = (self._natural(e.args[0]), self._natural(e.args[1]))
        return _BINARY[e.op](left, right, natural)

    def _natural(self, e: Expr) -> bool:
        return self._program.unfold(e.type) == NAT


def _matches(p: Pattern, a: Abstract, bound: dict[str, Abstract]) -> bool | None:
    """Whether the value matches; None where that is not known."""
    match p, a:
        case core.PVar(name), _:
            bound[name] = a
            return True
        case core.PWild(), _:
            return True
        case core.PNone(), Nothing():
            return True
        case (core.PNone(), Just()) | (core.PSome(), Nothing()):
            return False
        case core.PSome(item), Just(inner):
            return _matches(item, inner, bound)
        case core.PVariant(index, _), Choice(other, _) if index != other:
            return False
        case core.PVariant(_, ps), Choice(_, items):
            return _all_match(ps, items, bound)
        case core.PTuple(ps), Fields(items):
            return _all_match(ps, items, bound)
        case _:
            return None


def _all_match(ps: tuple[Pattern, ...], items: tuple[Abstract, ...], bound: dict[str, Abstract]) -> bool | None:
    found = [_matches(p, i, bound) for p, i in zip(ps, items, strict=True)]
    if False in found:
        return False
    return None if None in found else True


def _unary(op: str, a: Abstract) -> Abstract:
    if not isinstance(a, Known):
        return UNKNOWN
    if op == "not":
        return Known(not a.value)
    return UNKNOWN if isinstance(a.value, str) else Known(-a.value)


def _extreme(e: core.Op, args: list[Abstract]) -> Abstract:
    if args and all(a == args[0] for a in args) and _determined(args[0]):
        return args[0]
    numbers = [a.value for a in args if isinstance(a, Known) and not isinstance(a.value, str)]
    if len(numbers) == len(args):
        return Known(max(numbers) if e.op == "max" else min(numbers))
    if e.op == "min" and Known(0) in args and all(a.type == NAT for a in e.args):
        return Known(0)
    if e.op == "min" and isinstance(e.type, OptionType | SeqT) and NOTHING in args:
        return NOTHING
    return _agree(args)


Natural = tuple[bool, bool]


def _and(a: Abstract, b: Abstract, _: Natural) -> Abstract:
    if FALSE in (a, b):
        return FALSE
    return TRUE if a == b == TRUE else UNKNOWN


def _or(a: Abstract, b: Abstract, _: Natural) -> Abstract:
    if TRUE in (a, b):
        return TRUE
    return FALSE if a == b == FALSE else UNKNOWN


def _implies(a: Abstract, b: Abstract, n: Natural) -> Abstract:
    return _or(_unary("not", a), b, n)


def _eq(a: Abstract, b: Abstract, _: Natural) -> Abstract:
    if _determined(a) and a == b:
        return TRUE
    return FALSE if _differ(a, b) else UNKNOWN


def _ne(a: Abstract, b: Abstract, n: Natural) -> Abstract:
    return _unary("not", _eq(a, b, n))


def _lt(a: Abstract, b: Abstract, n: Natural) -> Abstract:
    if isinstance(a, Known) and isinstance(b, Known):
        if isinstance(a.value, str) or isinstance(b.value, str):
            return Known(str(a.value) < str(b.value))
        return Known(a.value < b.value)
    if n[0] and b == Known(0) or isinstance(b, Nothing):
        return FALSE
    return TRUE if isinstance(a, Nothing) and isinstance(b, Just) else UNKNOWN


def _le(a: Abstract, b: Abstract, n: Natural) -> Abstract:
    return _unary("not", _lt(b, a, (n[1], n[0])))


def _numbers(f: Callable[[Fraction, Fraction], Fraction]) -> Callable[[Abstract, Abstract, Natural], Abstract]:
    def op(a: Abstract, b: Abstract, _: Natural) -> Abstract:
        if isinstance(a, Known) and isinstance(b, Known):
            assert not isinstance(a.value, str) and not isinstance(b.value, str)
            return Known(f(Fraction(a.value), Fraction(b.value)))
        return UNKNOWN

    return op


def _mul(a: Abstract, b: Abstract, n: Natural) -> Abstract:
    return Known(0) if Known(0) in (a, b) else _numbers(lambda x, y: x * y)(a, b, n)


def _monus(a: Abstract, b: Abstract, n: Natural) -> Abstract:
    if a == Known(0) and n[1]:
        return Known(0)
    return _numbers(lambda x, y: max(Fraction(0), x - y))(a, b, n)


def _when(
    test: Callable[[Abstract, Abstract], bool], result: Abstract
) -> Callable[[Abstract, Abstract, Natural], Abstract]:
    return lambda a, b, _: result if test(a, b) else UNKNOWN


_BINARY: dict[str, Callable[[Abstract, Abstract, Natural], Abstract]] = {
    "and": _and,
    "or": _or,
    "implies": _implies,
    "eq": _eq,
    "ne": _ne,
    "lt": _lt,
    "le": _le,
    "add": _numbers(lambda x, y: x + y),
    "sub": _numbers(lambda x, y: x - y),
    "mul": _mul,
    "monus": _monus,
    "union": _when(lambda a, b: a == b == NOTHING, NOTHING),
    "inter": _when(lambda a, b: NOTHING in (a, b), NOTHING),
    "diff": _when(lambda a, b: a == NOTHING, NOTHING),
    "subset": _when(lambda a, b: a == NOTHING, TRUE),
    "concat": _when(lambda a, b: a == b == NOTHING, NOTHING),
}
