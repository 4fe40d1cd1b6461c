"""The elaboration of one clause: its scope, its unknown types, and the dispatch on surface expressions.

The modules `expressions`, `binders`, `calls`, `records` and `patterns` register what they do with each node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from mergelaw.language import ast, core
from mergelaw.language.check.declared import Declared, TypeSig
from mergelaw.language.check.resolve import TypeScope, check_formed, resolve
from mergelaw.language.check.unify import Meta, Poison, Unifier, is_set, poisoned
from mergelaw.language.core import DOT, INT, REAL, TIME, MapT, Named, OptionType, Type
from mergelaw.language.span import Span

LOGIC = frozenset(("invariant", "compatible", "home", "theorem"))
"""Kinds of clauses that are only claimed and proved, never run."""
ON_THIS = frozenset(("update", "query", "invariant", "dots"))
"""Kinds of clauses about `this`, with its fields in scope by name."""
READS_SEEN = frozenset(("update", "query", "invariant"))
"""Kinds of clauses that may use `seen` by itself."""


@dataclass(frozen=True)
class Binding:
    """What a name in scope means."""

    core: core.Expr
    """A variable, or in theorems the state that a `let` names."""


Rule = Callable[["Elaborator", ast.Expr, Type | None], core.Expr]
N = TypeVar("N", bound=ast.Expr)
_rules: dict[type[ast.Expr], Rule] = {}


def elaborates(
    node: type[N],
) -> Callable[[Callable[[Elaborator, N, Type | None], core.Expr]], Callable[[Elaborator, N, Type | None], core.Expr]]:
    """Registers the decorated function for nodes of class `node`."""

    def register(
        rule: Callable[[Elaborator, N, Type | None], core.Expr],
    ) -> Callable[[Elaborator, N, Type | None], core.Expr]:
        _rules[node] = rule  # type: ignore[assignment]
        return rule

    return register


class Elaborator:
    """Elaborates the expressions of one clause.

    `kind` is the clause's kind: merge, dots, update, query, invariant, compatible, home, theorem or fun.
    """

    def __init__(self, declared: Declared, kind: str, scope: TypeScope, owner: TypeSig | None) -> None:
        self.declared = declared
        self.kind = kind
        self.scope = scope
        self.owner = owner
        self.types = Unifier(declared)
        self.env: dict[str, Binding] = {}
        self.states: set[str] = set()
        """Core names of the variables in scope that are states with a context."""
        self.sides: tuple[str, str] | None = None
        """The two parameters, in merge clauses."""
        self.own_dots: tuple[str, ...] = ()
        """The names after `at`, in updates."""
        self._later: list[Callable[[], None]] = []
        self._muted = False

    # -- errors ----------------------------------------------------------------------------------

    def error(self, code: str, message: str, span: Span, hint: str = "") -> core.Expr:
        """Reports an error; comes back with what stands for the faulty expression."""
        if not self._muted:
            self.declared.errors.add(code, message, span, hint)
        return poisoned(span)

    def at_end(self, test: Callable[[], None]) -> None:
        """Runs `test` when the types of the clause are known."""
        if not self._muted:
            self._later.append(test)

    def run_late_tests(self) -> None:
        """Runs what `at_end` collected."""
        for test in self._later:
            test()
        self._later = []

    def show(self, t: Type) -> str:
        """`t` as it is known so far, for messages."""
        return str(self.types.solved(t))

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Forgets errors and solutions on leaving."""
        muted, self._muted = self._muted, True
        try:
            with self.types.trial():
                yield
        finally:
            self._muted = muted

    def untold(self, e: core.Expr, what: str, hint: str) -> core.Expr:
        """Reports that the type of `e` cannot be told where it is needed."""
        self.types.poison(e.type)
        return self.error("ML302", f"cannot tell the type of {what}", e.span, hint)

    # -- scope -----------------------------------------------------------------------------------

    @property
    def logic(self) -> bool:
        """Whether the clause is only proved, never run."""
        return self.kind in LOGIC

    @property
    def on_this(self) -> bool:
        """Whether the clause is about `this`."""
        return self.kind in ON_THIS

    @property
    def self_type(self) -> Named:
        """The type that the clause belongs to."""
        assert self.owner is not None
        return self.owner.self_type

    def this(self, span: Span) -> core.Expr:
        """`this`."""
        return core.Var(self.self_type, "this", span=span)

    def fresh(self, span: Span, what: str) -> Meta:
        """A type not known yet."""
        return Meta(span, what)

    def resolve(self, t: ast.TypeNode) -> Type:
        """The static type that is written, checked to be well formed."""
        found = resolve(self.declared, t, self.scope)
        check_formed(self.declared, t, self.scope)
        return found

    def declare(self, name: str, t: Type, *, state: bool = False) -> None:
        """Puts a parameter of the clause into scope, under its own name."""
        self.env[name] = Binding(core.Var(t, name))
        if state:
            self.states.add(name)

    @contextmanager
    def bound(self, name: str, t: Type) -> Iterator[str]:
        """Binds a variable for a while; comes with its name in the core, which nothing else in scope has."""
        taken = {b.core.name for b in self.env.values() if isinstance(b.core, core.Var)} | {"this"}
        unique, n = name, 1
        while unique in taken:
            n += 1
            unique = f"{name}_{n}"
        with self.meaning(name, core.Var(t, unique)):
            yield unique

    @contextmanager
    def meaning(self, name: str, e: core.Expr) -> Iterator[None]:
        """Lets a name mean an expression for a while."""
        before = self.env.get(name)
        self.env[name] = Binding(e)
        try:
            yield
        finally:
            if before is None:
                del self.env[name]
            else:
                self.env[name] = before

    # -- expressions -----------------------------------------------------------------------------

    def elab(self, e: ast.Expr, hint: Type | None = None) -> core.Expr:
        """`e` in the core. `hint` is the type expected, which the result need not have."""
        known = self.types.head(hint) if hint is not None else None
        if isinstance(known, Meta | Poison):
            hint = None
        found = _rules[type(e)](self, e, hint)
        if isinstance(known, Poison):
            self.types.poison(found.type)
        return found

    def check(self, e: ast.Expr, expected: Type) -> core.Expr:
        """`e` in the core, as a value of type `expected`; reports it if it has another type."""
        return self.demand(self.elab(e, expected), expected)

    def demand(self, e: core.Expr, expected: Type) -> core.Expr:
        """`e` used where `expected` is needed; reports it if its type does not fit."""
        if self.types.fits(e.type, expected):
            return self.retyped(e, expected)
        blamed = self._blame(e, expected)
        return self.error(
            "ML301",
            f"expected {self.show(expected)}, found {self.show(blamed.type)}",
            blamed.span,
            self._advice(blamed.type, expected),
        )

    def retyped(self, e: core.Expr, t: Type) -> core.Expr:
        """`e`; a number literal takes on the numeric type it is used as."""
        shape = self.types.shape(t)
        if isinstance(e, core.Lit) and shape in (INT, REAL, TIME) and e.type != shape and not isinstance(e.value, str):
            value = Fraction(e.value) if shape == REAL else e.value
            return core.Lit(shape, value, span=e.span)
        return e

    def _blame(self, e: core.Expr, expected: Type) -> core.Expr:
        """The innermost branch of `e` that makes it unfit."""
        inner: tuple[core.Expr, ...] = ()
        match e:
            case core.If():
                inner = (e.then, e.orelse)
            case core.Let():
                inner = (e.body,)
            case core.Match():
                inner = tuple(body for _, body in e.cases)
        for i in inner:
            with self.types.trial():
                if self.types.fits(i.type, expected):
                    continue
            return self._blame(i, expected)
        return e

    def _advice(self, actual: Type, expected: Type) -> str:
        have, want = self.types.shape(actual), self.types.shape(expected)
        if have == INT and want == core.NAT:
            return "The result of `a - b` may be negative. Use `monus(a, b)`, which stops at 0."
        if isinstance(want, OptionType) and not isinstance(have, OptionType):
            with self.types.trial():
                if self.types.fits(actual, want.item):
                    return "Wrap it: `some(...)`."
        if isinstance(have, OptionType):
            with self.types.trial():
                if self.types.fits(have.item, expected):
                    return "It may be none. Take it apart: `match ... { some(x) => ..., none => ... }`."
        if isinstance(want, MapT) and is_set(want):
            with self.types.trial():
                if self.types.fits(actual, want.key):
                    return "For a set of one member write `{...}`."
            if isinstance(have, MapT) and not is_set(have):
                return "For the set of its keys write `keys(...)`."
        if want == core.BOOL and isinstance(have, MapT):
            return "To ask whether it is not empty write `... != {}`."
        if TIME in (have, want):
            return "Times are no numbers; only `time + number` mixes them."
        if want == core.REPLICA and have == DOT:
            return "The replica of a dot is `....replica`."
        return ""
