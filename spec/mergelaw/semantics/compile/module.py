"""One Python module for one instance of a declared type: its functions, generated as they are needed."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import partial
from typing import Any

from mergelaw.language import core
from mergelaw.language.core import (
    BOOL,
    At,
    Base,
    EnumT,
    Expr,
    MapT,
    Named,
    OptionType,
    Program,
    RecordT,
    Seen,
    SeqT,
    TupleT,
    Type,
    Var,
)
from mergelaw.semantics import values
from mergelaw.semantics.compile import runtime
from mergelaw.semantics.compile.algebra import is_zero
from mergelaw.semantics.compile.apply import Applier, Place
from mergelaw.semantics.compile.local import Local, NotLocal
from mergelaw.semantics.compile.local import Place as JournalPlace
from mergelaw.semantics.compile.recursion import CallGraph
from mergelaw.semantics.compile.simplify import Facts, Simplifier
from mergelaw.semantics.compile.specialise import Names, Scope, Specialiser, reads_contexts
from mergelaw.semantics.compile.statements import bare
from mergelaw.semantics.compile.tree import Joined, size
from mergelaw.semantics.compile.updates import Effects
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import NOTHING, Delta, UpdateRefused, absorbed, owned, touched, union

SMALL = 30
"""Merge clauses of at most so many nodes are written in place, if their states are no collections."""

LOCAL_SIZE = 200
LOCAL_DEPTH = 8
"""What functions for the own replica inline: most of it vanishes, since so much is zero there."""

SMALL_RESIDUE = 12
"""What is left of a merge with zero is written in place if it has at most so many nodes."""

_RUNTIME: dict[str, Any] = {
    "Delta": Delta,
    "UpdateRefused": UpdateRefused,
    "CausalContext": CausalContext,
    "NOTHING": NOTHING,
    "union": union,
    "owned": owned,
    "absorbed": absorbed,
    **{n: f for n, f in vars(runtime).items() if not n.startswith("_") and n not in ("Any", "annotations")},
}

_LOCALS = ("this", "seen", "left", "right", "left_seen", "right_seen", "value", "context", "footprint", "found")


class Module:
    """Generates the functions of one instance and of everything that they call."""

    def __init__(self, program: Program, type: Named) -> None:
        self.program = program
        self.type = type
        self.namespace: dict[str, Any] = dict(_RUNTIME)
        self.parts: list[str] = []
        self._globals = Names([*_RUNTIME, *dir(builtins), *_LOCALS])
        self._functions: dict[object, str] = {}
        self._pending: list[Callable[[], None]] = []
        self.places: list[JournalPlace] = []
        """The places of journals, by their number; see `local`."""
        self._constants: dict[object, str] = {}
        self._graph = CallGraph(program)
        self._recursive_functions: set[str] = set()
        self._keeps: dict[tuple[Named, str], bool] = {}
        self._assumed: set[tuple[Named, str]] = set()
        self._unfolding: set[Named] = set()
        self._small: dict[tuple[Named, bool, bool], bool] = {}

    # -- functions ---------------------------------------------------------------------------------

    def _function(self, key: object, hint: str, generate: Callable[[str], None], recursive: bool = False) -> str:
        """The name of the function `key`, which `generate` writes when its turn comes."""
        name = self._functions.get(key)
        if name is None:
            name = self._functions[key] = self._globals.fresh(hint)
            if recursive:
                self._recursive_functions.add(name)
            self._pending.append(partial(generate, name))
        return name

    def finish(self) -> None:
        """Write all functions that are still to be written."""
        while self._pending:
            self._pending.pop(0)()

    def local_names(self, taken: tuple[str, ...] = ()) -> Names:
        """Names for the inside of a function."""
        reserved = [*self._functions.values(), *self.namespace, *dir(builtins), *taken]
        return Names(reserved, self._globals)

    def emitter(self, names: Names) -> tuple[Applier, Specialiser]:
        """What writes the body of one function."""
        simplify = Simplifier(self.program, names, self)
        return Applier(self, names, simplify), Specialiser(self.program, names, self)

    def write(self, comment: str, header: str, lines: list[str]) -> None:
        """Add a finished function."""
        self.parts.append("\n".join([f"# {comment}", f"def {header}:", *("    " + line for line in lines or ["pass"])]))

    def is_recursive(self, function: str) -> bool:
        """Whether the generated `function` may call itself."""
        return function in self._recursive_functions

    def function(self, name: str, types: tuple[Type, ...], in_merge: bool) -> str:
        """The Python name of an instance of a declared function."""
        recursive = self._graph.recursive_function(name)
        generate = partial(self._write_function, name, types, in_merge)
        return self._function(("fun", name, types, in_merge), f"fun_{name}", generate, recursive)

    def _write_function(self, name: str, types: tuple[Type, ...], in_merge: bool, python_name: str) -> None:
        f = self.program.functions[name]
        names = self.local_names()
        params = [names.fresh(n) for n, _ in f.params]
        env = {p.name: t for p, t in zip(f.type_params, types, strict=True)}
        contextual = reads_contexts(self.program, f.body)
        seens = [names.fresh(f"{n}_seen") for n in params] if contextual else []
        sides = (names.fresh("left_seen"), names.fresh("right_seen")) if contextual and in_merge else None
        emit, close = self.emitter(names)
        bound = {n: Var(self.unfold(core.substitute(t, env)), p) for (n, t), p in zip(f.params, params, strict=True)}
        contexts = dict(zip(bound, seens, strict=True)) if contextual else {}
        fallback = ("", "") if in_merge else None
        body = close.close(f.body, Scope(bound, contexts, env, sides or fallback))
        text = emit.root(emit.simplify(body))
        emit.line(f"return {bare(text)}")
        self.write(f"fun {name}", f"{python_name}({', '.join([*params, *seens, *(sides or ())])})", emit.lines)

    def query(self, owner: Named, name: str) -> str:
        """The Python name of a query."""
        recursive = self._graph.recursive_query(owner.name, name)
        generate = partial(self._write_query, owner, name)
        return self._function(("query", owner, name), f"query_{_plain(owner)}_{name}", generate, recursive)

    def _write_query(self, owner: Named, name: str, python_name: str) -> None:
        query = self.program.types[owner.name].query(name)
        names = self.local_names(("this", "seen"))
        params = [names.fresh(n) for n, _ in query.params]
        scope = self.scope(owner, query.params, params)
        emit, close = self.emitter(names)
        text = emit.root(emit.simplify(close.close(query.body, scope)))
        emit.line(f"return {bare(text)}")
        self.write(f"query {owner}.{name}", f"{python_name}({', '.join(['this', *params, 'seen'])})", emit.lines)

    def scope(self, owner: Named, params: tuple[tuple[str, Type], ...], names: list[str]) -> Scope:
        """The scope of a clause about `this`, with parameters that have these Python names."""
        types = self.types(owner)
        bound: dict[str, Expr] = {"this": Var(self.unfold(owner), "this")}
        for (n, t), python_name in zip(params, names, strict=True):
            bound[n] = Var(self.unfold(core.substitute(t, types)), python_name)
        return Scope(bound, {"this": "seen"}, types)

    def types(self, owner: Named) -> dict[str, Type]:
        """The arguments of an instance by the names of its parameters."""
        return {p.name: a for p, a in zip(self.program.types[owner.name].params, owner.args, strict=True)}

    # -- merges ------------------------------------------------------------------------------------

    def merge_function(self, owner: Named) -> str:
        """The name of the function that merges values of `owner`."""
        return self._function(("merge", owner), f"merge_{_plain(owner)}", partial(self._write_merge, owner))

    def apply_function(self, owner: Named) -> str:
        """The name of the function that merges a delta of `owner` by its footprint."""
        return self._function(("apply", owner), f"apply_{_plain(owner)}", partial(self._write_apply, owner))

    def needs_contexts(self, owner: Type) -> bool:
        """Whether the merge of `owner` reads contexts."""
        match owner:
            case Named(name, args):
                return self.program.types[name].kind == "store" or any(self.needs_contexts(a) for a in args)
            case RecordT(fields):
                return any(self.needs_contexts(t) for _, t in fields)
            case MapT(_, item):
                return self.needs_contexts(item)
            case _:
                return False

    def _closed_merge(
        self, owner: Named, left: Expr, left_seen: str, right: Expr, right_seen: str, close: Specialiser
    ) -> Expr:
        """The merge clause of `owner`, for these operands; not simplified."""
        definition = self.program.types[owner.name]
        if definition.merge is None:
            return close.merged(self.program.state_type(owner), left, left_seen, right, right_seen)
        clause = definition.merge
        sides = (left_seen, right_seen)
        scope = Scope({}, {}, self.types(owner), sides)
        with_left, wrap_left = close.bind(clause.left, left, left_seen, scope)
        both, wrap_right = close.bind(clause.right, right, right_seen, with_left)
        return wrap_left(wrap_right(close.close(clause.body, both)))

    def _write_merge(self, owner: Named, python_name: str) -> None:
        contexts = self.needs_contexts(owner)
        params = ["left", "left_seen", "right", "right_seen"] if contexts else ["left", "right"]
        names = self.local_names(tuple(params))
        emit, close = self.emitter(names)
        t = self.unfold(owner)
        left, right = Var(t, "left"), Var(t, "right")
        seens = ("left_seen", "right_seen") if contexts else ("", "")
        body = emit.simplify(self._closed_merge(owner, left, seens[0], right, seens[1], close))
        text = emit.merged(body, left)
        emit.line(f"return {bare(text)}")
        self.write(f"merge of {owner}", f"{python_name}({', '.join(params)})", emit.lines)

    def _write_apply(self, owner: Named, python_name: str) -> None:
        contexts = self.needs_contexts(owner)
        params = ["this", "seen", "value", "context", "footprint"] if contexts else ["this", "value", "footprint"]
        names = self.local_names(tuple(params))
        emit, close = self.emitter(names)
        t = self.unfold(owner)
        this, value = Var(t, "this"), Var(t, "value")
        seens = ("seen", "context") if contexts else ("", "")
        body = emit.simplify(self._closed_merge(owner, this, seens[0], value, seens[1], close))
        text = emit.applied(body, Place(this, value, "context"), "footprint")
        emit.line(f"return {bare(text)}")
        self.write(f"merge of a delta of {owner}", f"{python_name}({', '.join(params)})", emit.lines)

    def keeps(self, owner: Named, side: str) -> bool:
        """Whether merging zero into the value at `side` ("left" or "right" operand) returns that value, always.

        For recursive types it is assumed of the parts, which are smaller values.
        """
        key = (owner, side)
        if key in self._keeps:
            return self._keeps[key]
        if key in self._assumed:
            return True
        self._assumed.add(key)
        names = Names(_LOCALS)
        simplify = Simplifier(self.program, names, self)
        close = Specialiser(self.program, names, self)
        t = self.unfold(owner)
        mine, nothing = Var(t, side), simplify.zero(t)
        operands = (mine, nothing) if side == "left" else (nothing, mine)
        body = simplify(self._closed_merge(owner, operands[0], "left_seen", operands[1], "right_seen", close))
        self._assumed.discard(key)
        if body != mine or not self._assumed:
            self._keeps[key] = body == mine
        return body == mine

    def unfolded(self, e: Joined, simplifier: Simplifier) -> Expr | None:
        """The merge clause in place of `e`, where that is small."""
        if e.owner in self._unfolding:
            return None
        shape = (e.owner, is_zero(e.left), is_zero(e.right))
        if shape not in self._small:
            if self._unfolding:
                # What is small must not depend on the types that happen to be unfolded around it.
                return None
            self._small[shape] = self._is_small(*shape)
        if not self._small[shape]:
            return None
        return self._unfold(e, simplifier)

    def _unfold(self, e: Joined, simplifier: Simplifier) -> Expr:
        self._unfolding.add(e.owner)
        try:
            close = Specialiser(self.program, simplifier.names, self)
            return simplifier(self._closed_merge(e.owner, e.left, e.left_seen, e.right, e.right_seen, close))
        finally:
            self._unfolding.discard(e.owner)

    def _is_small(self, owner: Named, no_left: bool, no_right: bool) -> bool:
        """Whether the merge of values of `owner`, of which some are known to be zero, is better written in place."""
        clause = self.program.types[owner.name].merge
        if self._is_scalar(owner) and (clause is None or size(clause.body, SMALL) <= SMALL):
            return True
        if not no_left and not no_right:
            return False
        simplify = Simplifier(self.program, Names(_LOCALS), self)
        t = self.unfold(owner)
        left = simplify.zero(t) if no_left else Var(t, "left")
        right = simplify.zero(t) if no_right else Var(t, "right")
        residue = self._unfold(Joined(t, owner, left, right, "left_seen", "right_seen"), simplify)
        return size(residue, SMALL_RESIDUE) <= SMALL_RESIDUE

    def _is_scalar(self, t: Type, visited: frozenset[Type] = frozenset()) -> bool:
        """Whether values of `t` contain no collections."""
        if t in visited:
            return False
        match t:
            case Base() | EnumT() | OptionType() | SeqT():
                return True
            case TupleT(items):
                return all(self._is_scalar(i, visited) for i in items)
            case RecordT(fields):
                return all(self._is_scalar(f, visited) for _, f in fields)
            case Named():
                return self._is_scalar(self.program.state_type(t), visited | {t})
            case _:
                return False

    # -- live dots ---------------------------------------------------------------------------------

    def dots_function(self, owner: Type) -> str | None:
        """The name of the function that appends the live dots of an `owner` to a list; None if it has none."""
        if not self.has_dots(owner):
            return None
        hint = _plain(owner) if isinstance(owner, Named) else "part"
        return self._function(("dots", owner), f"dots_{hint}", partial(self._write_dots, owner))

    def has_dots(self, t: Type, visited: frozenset[Type] = frozenset()) -> bool:
        """Whether values of `t` have live dots."""
        if t in visited:
            return False
        match t:
            case Named(name):
                if self.program.types[name].dots is not None:
                    return True
                return self.has_dots(self.program.state_type(t), visited | {t})
            case RecordT(fields):
                return any(self.has_dots(f, visited) for _, f in fields)
            case MapT(_, item):
                return self.has_dots(item, visited)
            case _:
                return False

    def _write_dots(self, owner: Type, python_name: str) -> None:
        names = self.local_names(("this", "found"))
        emit, close = self.emitter(names)
        self.append_dots(emit, close, owner, Var(self.unfold(owner), "this"), "found", True)
        self.write(f"live dots of {owner}", f"{python_name}(this, found)", emit.lines)

    def append_dots(
        self, emit: Applier, close: Specialiser, t: Type, value: Expr, found: str, unfold: bool = False
    ) -> None:
        """Statements that append the live dots of `value` to the list `found`."""
        if not self.has_dots(t):
            return
        match t:
            case Named():
                own = self.program.types[t.name].dots
                state = self.program.state_type(t)
                if not unfold and (own is None or self.has_dots(state)):
                    emit.line(f"{self.dots_function(t)}({bare(emit.value(value))}, {found})")
                    return
                if own is not None:
                    scope = Scope({"this": value}, {}, self.types(t))
                    dots = emit.simplify(close.close(own, scope))
                    members = dots.subject if isinstance(dots, core.Keys) else dots
                    emit.line(f"{found}.extend({bare(emit.root(members))})")
                self.append_dots(emit, close, state, value, found)
            case RecordT(fields):
                for name, f in fields:
                    self.append_dots(emit, close, f, emit.simplify.get(value, name, self.unfold(f)), found)
            case MapT(_, item):
                part = Var(self.unfold(item), emit.names.fresh("part"))
                m = emit.value(value)
                with emit.block(f"for {part.name} in {m}.values():"):
                    self.append_dots(emit, close, item, part, found)

    # -- updates and properties --------------------------------------------------------------------

    def update(self, owner: Named, name: str) -> str:
        """The name of the function that makes the delta of an update."""
        generate = partial(self._write_update, owner, name)
        return self._function(("update", owner, name), f"update_{_plain(owner)}_{name}", generate)

    def local(self, owner: Named, name: str, keep: tuple[str, ...] = ()) -> str | None:
        """Write the function that runs an update at its own replica (see `local`); None, where there is none.

        Fields `keep` may hold something, though the update only clears them.

        Its arguments: the state, the replica, the number of its first fresh dot, the time, a journal, a list of the
        dots that are forgotten, a list of the journal's keys that are written or None, and the update's own.
        """
        update = self.program.types[owner.name].update(name)
        names = self.local_names(("this", "number", "journal", "forgotten", "log"))
        by, when = names.fresh(update.by or "by"), names.fresh(update.when or "when")
        params = [names.fresh(n) for n, _ in update.params]
        emit, close = self.emitter(names)
        close.inline_size, close.inline_depth, close.simplify = LOCAL_SIZE, LOCAL_DEPTH, emit.simplify
        args, dots = self._operands(owner, update, params, [names.fresh(n) for n in update.at])
        try:
            Local(self, emit, close, owner, by, when, keep).write(update, args, dots)
        except NotLocal:
            return None
        python_name = self._globals.fresh(f"local_{_plain(owner)}_{name}")
        header = f"{python_name}({', '.join(['this', by, 'number', when, 'journal', 'forgotten', 'log', *params])})"
        self.write(f"update {owner}.{name} at its own replica", header, emit.lines)
        return python_name

    def merge_at(self, owner: Named, mine: Expr, theirs: Expr, key: Expr, simplify: Simplifier, facts: Facts) -> Expr:
        """What the merge of two maps of `owner`, `theirs` with the context "context", has at `key`."""
        close = Specialiser(self.program, simplify.names, self)
        clause = self.program.types[owner.name].merge
        assert clause is not None, owner
        values = {clause.left: mine, clause.right: theirs}
        seens = {clause.left: "seen", clause.right: "context"}
        scope = Scope(values, seens, self.types(owner), ("seen", "context"))
        return simplify(close.at(close.close(clause.body, scope), key), facts)

    def replaces(self, owner: Named) -> bool:
        """Whether a delta of `owner` with fresh dots that forgets all that is there leaves what it has itself.

        Asked of each key alone: one that is there, seen, and forgotten; and one that only the delta has.
        """
        t = self.unfold(owner)
        if not isinstance(t, MapT) or self.unfold(t.key) != core.DOT:
            return False
        simplify = Simplifier(self.program, Names(_LOCALS), self)
        key, item = Var(core.DOT, "key"), self.unfold(t.value)
        seen, context = (At(BOOL, Seen(core.set_of(core.DOT), n), key) for n in ("seen", "context"))
        nothing = simplify.zero(t)
        gone = self.merge_at(owner, Var(t, "this"), nothing, key, simplify, {seen: True, context: True})
        value = core.Lit(BOOL, True) if item == BOOL else Var(item, "value")
        delta = core.MapE(t, ((key, value),))
        come = self.merge_at(owner, nothing, delta, key, simplify, {seen: False, context: True})
        return is_zero(gone) and come == value

    def part_update(self, owner: Named, name: str) -> str:
        """The name of the function that makes value and footprint of an update of a part."""
        generate = partial(self._write_part_update, owner, name)
        return self._function(("part", owner, name), f"part_{_plain(owner)}_{name}", generate)

    def _write_update(self, owner: Named, name: str, python_name: str) -> None:
        update = self.program.types[owner.name].update(name)
        names = self.local_names(("this", "seen", "dots"))
        by, when = names.fresh(update.by or "by"), names.fresh(update.when or "when")
        params = [names.fresh(n) for n, _ in update.params]
        at = [names.fresh(n) for n in update.at]
        emit, close = self.emitter(names)
        if at:
            emit.line(f"{at[0]}, = dots" if len(at) == 1 else f"{', '.join(at)} = dots")
        effects = Effects(self, emit, close, owner, by, when)
        effects.run(update, *self._operands(owner, update, params, at), Var(self.unfold(owner), "this"))
        effects.returned("dots")
        header = f"{python_name}({', '.join(['this', 'seen', by, 'dots', when, *params])})"
        self.write(f"update {owner}.{name}", header, emit.lines)

    def _write_part_update(self, owner: Named, name: str, python_name: str) -> None:
        update = self.program.types[owner.name].update(name)
        names = self.local_names(("this", "seen", "found"))
        by, when = names.fresh(update.by or "by"), names.fresh(update.when or "when")
        params = [names.fresh(n) for n, _ in update.params]
        at = [names.fresh(n) for n in update.at]
        emit, close = self.emitter(names)
        effects = Effects(self, emit, close, owner, by, when, "found")
        effects.run(update, *self._operands(owner, update, params, at), Var(self.unfold(owner), "this"))
        emit.line(f"return {', '.join(effects.texts())}")
        header = f"{python_name}({', '.join(['this', 'seen', by, when, 'found', *params, *at])})"
        self.write(f"update {owner}.{name} of a part", header, emit.lines)

    def _operands(
        self, owner: Named, update: core.UpdateDef, params: list[str], at: list[str]
    ) -> tuple[list[Var], list[Var]]:
        """The parameters and the dots of an update, by their Python names."""
        types = [self.unfold(core.substitute(t, self.types(owner))) for _, t in update.params]
        return [Var(t, n) for t, n in zip(types, params, strict=True)], [Var(core.DOT, n) for n in at]

    def property(self, owner: Named, prop: core.Property) -> str:
        """Write the function that decides `prop`, at once; returns its name."""
        states = tuple((s, owner) for s in prop.states)
        values = ((prop.replica or "replica", core.REPLICA),)
        return self.claim(owner, f"{prop.kind} {prop.name}", states, values, prop.body)

    def claim(
        self,
        owner: Named,
        label: str,
        states: tuple[tuple[str, Type], ...],
        values: tuple[tuple[str, Type], ...],
        body: Expr,
    ) -> str:
        """Write the function that decides `body`, at once; returns its name.

        Its arguments are the value and the context of each of `states`, then `values`, then a universe.
        """
        python_name = self._globals.fresh(label)
        names = self.local_names(("universe",))
        named = [(n, t, names.fresh(n), names.fresh(f"{n}_seen")) for n, t in states]
        plain = [(n, t, names.fresh(n)) for n, t in values]
        emit, close = self.emitter(names)
        types = self.types(owner)
        bound: dict[str, Expr] = {n: Var(self.unfold(core.substitute(t, types)), python) for n, t, python, _ in named}
        bound |= {n: Var(self.unfold(core.substitute(t, types)), python) for n, t, python in plain}
        contexts = {n: seen for n, _, _, seen in named}
        text = emit.root(emit.simplify(close.close(body, Scope(bound, contexts, types))))
        emit.line(f"return {bare(text)}")
        params = [p for _, _, value, seen in named for p in (value, seen)] + [python for _, _, python in plain]
        self.write(f"{label} of {owner}", f"{python_name}({', '.join([*params, 'universe'])})", emit.lines)
        return python_name

    # -- constants ---------------------------------------------------------------------------------

    def unfold(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        return self.program.unfold(t)

    def payloads(self, t: EnumT) -> list[list[Type]]:
        """The types of the payload of each variant."""
        return [[f for _, f in fields] for _, fields in self.program.variants(t)]

    def zero_text(self, t: Type) -> str:
        """The zero of `t` as Python text."""
        t = self.unfold(t)
        match t:
            case MapT():
                return "EMPTY"
            case OptionType():
                return "None"
            case SeqT():
                return "()"
            case Base():
                return repr(values.zero(self.program, t)) if values.has_zero(self.program, t) else "None"
            case _:
                return self.constant("ZERO", values.zero(self.program, t), ("zero", t))

    def constant(self, hint: str, value: object, key: object = None) -> str:
        """The name under which generated code finds `value`, which `key` tells from others that equal it."""
        key = key or (type(value), value)
        name = self._constants.get(key)
        if name is None:
            name = self._constants[key] = self._globals.fresh(hint)
            self.namespace[name] = value
        return name

    def order(self, t: Type) -> str:
        """The name of a function from values of `t` to Python values that compare alike."""
        t = self.unfold(t)
        key = ("order", t)
        name = self._constants.get(key)
        if name is None:
            name = self._constants[key] = self._globals.fresh("order")
            self.namespace[name] = partial(values.order_key, self.program, t)
        return name

    def touched(self, t: Type) -> str:
        """The name of a function from values of `t` to the footprint of all that they name."""
        t = self.unfold(t)
        if isinstance(t, MapT) and self._is_leaf(t.value):
            return "touched_keys"
        key = ("touched", t)
        name = self._constants.get(key)
        if name is None:
            name = self._constants[key] = self._globals.fresh("touched")
            self.namespace[name] = partial(touched, self.program, t)
        return name

    def _is_leaf(self, t: Type) -> bool:
        return not isinstance(self.unfold(t), (MapT, RecordT))


def _plain(t: Named) -> str:
    """A name for an instance."""
    made = "".join(c if c.isalnum() else "_" for c in str(t))
    while "__" in made:
        made = made.replace("__", "_")
    return made.strip("_")[:60]
