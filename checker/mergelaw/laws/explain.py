"""What went wrong, as data: a failed obligation over one history, before it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mergelaw.language import core
from mergelaw.language.core import BOOL, Expr, Type, children, substitute
from mergelaw.language.span import Span
from mergelaw.laws.system import History
from mergelaw.laws.wording import text
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import State, Universe
from mergelaw.semantics.interpreter import Interpreter, OnApply
from mergelaw.semantics.values import Raw


@dataclass(frozen=True)
class StateIn:
    """A state that an obligation speaks of."""

    label: str
    value: Raw
    seen: CausalContext
    mask: int | None = None
    """The deltas it is the merge of; None: not a state of the system by itself."""
    holder: int | None = None
    """The replica that must hold it, where the obligation says so."""
    sides: tuple[StateIn, StateIn] | None = None
    """Of a merge: its operands."""


@dataclass(frozen=True)
class ValueOf:
    """A labelled value."""

    label: str
    type: Type
    value: Raw


@dataclass(frozen=True)
class Failure:
    """An obligation that fails in `history`."""

    history: History
    inputs: tuple[StateIn, ...]
    bound: tuple[ValueOf, ...]
    """The values of its other variables."""
    results: tuple[ValueOf, ...]
    because: str
    compared: bool = False
    """Whether the first two results should be equal."""
    ends: tuple[StateIn, ...] = ()
    """States computed by the obligation that the timeline should end in."""
    places: tuple[str, ...] = ()
    """Where the results differ, if not everywhere that they do counts."""
    span: Span | None = None
    """A place more telling than the obligation's own."""


@dataclass(frozen=True)
class Scene:
    """What an expression of a property or a theorem is evaluated in."""

    interpreter: Interpreter
    values: Mapping[str, Raw]
    seen: Mapping[str, CausalContext]
    universe: Universe
    on_apply: OnApply | None = None

    def value(self, e: Expr) -> Raw:
        """The value of `e`."""
        return self.interpreter.evaluate(e, self.values, self.seen, universe=self.universe, on_apply=self.on_apply)

    def state(self, e: Expr) -> State:
        """The value of a state expression and its context."""
        context = core.Let(BOOL, "_state", e, core.Seen(core.set_of(core.DOT), "_state"))
        seen = self.value(context)
        return self.value(e), seen if isinstance(seen, CausalContext) else EMPTY

    def bind(self, name: str, value: Raw) -> Scene:
        """This scene and one more variable."""
        seen = {n: c for n, c in self.seen.items() if n != name}
        return Scene(self.interpreter, {**self.values, name: value}, seen, self.universe, self.on_apply)

    def concrete(self, t: Type) -> Type:
        """`t` without type parameters."""
        i = self.interpreter
        params = i.program.types[i.type.name].params
        return substitute(t, {p.name: a for p, a in zip(params, i.type.args, strict=True)})

    def of(self, e: Expr) -> ValueOf:
        """`e` with its value."""
        return ValueOf(text(e), self.concrete(e.type), self.value(e))


@dataclass(frozen=True)
class Reason:
    """Why an expression is false: the innermost part that is, and the variables bound on the way to it."""

    scene: Scene
    bound: tuple[ValueOf, ...]
    part: Expr
    """The part that should have been `expected`."""
    expected: bool
    results: tuple[ValueOf, ...] = field(default=())
    compared: bool = False


def reason(scene: Scene, e: Expr, *, expected: bool = True, bound: tuple[ValueOf, ...] = ()) -> Reason:
    """Follows `e`, whose value is not `expected`, down to the part at fault."""
    match e:
        case core.Op(_, "not", (operand,)):
            return reason(scene, operand, expected=not expected, bound=bound)
        case core.Op(_, "implies", (_, right)) if expected:
            return reason(scene, right, bound=bound)
        case core.Op(_, "and", args) if expected:
            return reason(scene, next(a for a in args if not scene.value(a)), bound=bound)
        case core.Op(_, "or", args) if not expected:
            return reason(scene, next(a for a in args if scene.value(a)), expected=False, bound=bound)
        case core.Quant(_, "forall", var, var_type, source, body) if expected:
            return _instance(scene, var, var_type, source, body, expected, bound)
        case core.Quant(_, "exists", var, var_type, source, body) if not expected:
            return _instance(scene, var, var_type, source, body, expected, bound)
        case core.Let(_, name, value, body):
            found = scene.of(value)
            return reason(scene.bind(name, found.value), body, expected=expected, bound=(*bound, _named(name, found)))
        case core.If(_, condition, then, orelse):
            return reason(scene, then if scene.value(condition) else orelse, expected=expected, bound=bound)
        case core.Op(_, "eq", (left, right)) if expected:
            return Reason(scene, bound, e, expected, (scene.of(left), scene.of(right)), compared=True)
        case core.Op(_, "eq" | "ne" | "lt" | "le" | "subset", (left, right)):
            sides = tuple(scene.of(s) for s in (left, right) if not isinstance(s, core.Lit | core.Zero | core.Seen))
            return Reason(scene, bound, e, expected, sides)
        case core.Op(_, "or" | "and", args):
            return Reason(scene, bound, e, expected, tuple(scene.of(a) for a in args))
        case _:
            return Reason(scene, bound, e, expected, (scene.of(e),))


def _instance(
    scene: Scene, var: str, var_type: Type, source: Expr | None, body: Expr, expected: bool, bound: tuple[ValueOf, ...]
) -> Reason:
    t = scene.concrete(var_type)
    values = scene.universe(t) if source is None else scene.value(source)
    for value in values:
        inner = scene.bind(var, value)
        if bool(inner.value(body)) != expected:
            return reason(inner, body, expected=expected, bound=(*bound, ValueOf(var, t, value)))
    raise AssertionError(f"no instance of {var} is at fault")


def _named(name: str, found: ValueOf) -> ValueOf:
    return ValueOf(name, found.type, found.value)


def computed_states(e: Expr) -> tuple[Expr, ...]:
    """The outermost merges and updates in `e`, each once, in order; none under a binder."""
    found: dict[Expr, None] = {}
    waiting = [e]
    while waiting:
        x = waiting.pop(0)
        match x:
            case core.Merge() | core.Apply():
                found[x] = None
            case core.Quant(source=source):
                waiting[:0] = [] if source is None else [source]
            case core.Build() | core.Let() | core.Match() | core.Pick() | core.SeqFor():
                pass
            case _:
                waiting[:0] = list(children(x))
    return tuple(found)
