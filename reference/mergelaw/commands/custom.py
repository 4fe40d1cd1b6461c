"""Types of specs as Redis types: `Cart` gives `CART.ADD key ...`, a command for each update and each query.

A key of such a type is held by an engine of its own, named as the type. What the commands take and answer follows from
the signatures in the spec; `custom_values` says how.

DEL takes away what a type's own update `delete`, or else `clear`, takes away, where it has one without parameters. For
a `store` that has neither, `custom_type` can add a delete that forgets all dots; whoever serves the type proves first
that it leaves nothing (`with_delete` makes the program that says so). A plain `type` only grows, so DEL is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mergelaw.commands.custom_values import BadArgument, Read, Write, Writers, example, quoted, reader
from mergelaw.commands.errors import CommandError, wrong_type
from mergelaw.commands.reply import OK, Reply
from mergelaw.commands.table import TABLE, Call, Command, register_command
from mergelaw.language import SpecErrors, ast, core, parse
from mergelaw.language.core import BOOL, REPLICA, Named, Program, QueryDef, Type, TypeDef, UpdateDef, substitute
from mergelaw.language.printer import show_expr
from mergelaw.language.span import Span
from mergelaw.replica.codec import shape_of
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import Delta, UpdateRefused
from mergelaw.semantics.values import Raw

ENDS = ("delete", "clear")
"""The updates that DEL runs: the first that a type declares without parameters."""
LEAVES_NOTHING = "delete_leaves_nothing"
"""The theorem about a delete that was added."""

_TAKEN = frozenset({"key", "none", "string", "hash", "set", "zset", "list", "stream"})
"""What TYPE says of other keys."""

_REASON = 200
"""So much is told of why an argument is wrong: the reason may quote the argument."""


class CannotServe(ValueError):
    """A type cannot be a Redis type; the message says why and what to do."""


class Refused(CommandError, UpdateRefused):
    """An update is refused, and the error reply that says why."""

    def __init__(self, message: str, update: str, span: Span) -> None:
        """`message` is the whole error reply."""
        Exception.__init__(self, message)
        self.message = message.encode("latin-1", "replace")
        self.update = update
        self.span = span


@dataclass(frozen=True)
class CustomType:
    """A type that is served."""

    name: str
    """Of its engine: that of the declared type."""
    engine: Compiled
    definition: TypeDef
    """As the spec has it."""
    conditions: Mapping[str, str]
    """Update -> the text of its `requires`."""
    deletes_by: str | None
    """The update that DEL runs; None: DEL is refused."""

    @property
    def prefix(self) -> str:
        """Of its commands: `CART`."""
        return self.name.upper()

    @property
    def fingerprint(self) -> str:
        """Differs where states or updates mean something else: instances that replicate must have the same."""
        return hashlib.sha256(self.engine.source.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def custom_type(program: Program, type: Named, *, delete: bool, why_not: str = "") -> CustomType:
    """The type ready to be served; `program` declares it, and its arguments are concrete.

    `delete`: DEL may forget all dots where the type, a store, has no update for it; else `why_not` says why it may not.
    Raises: CannotServe, if its name is that of a Redis type.
    """
    check_name(type.name)
    definition = program.types[type.name]
    ends = own_end(definition)
    extended = with_delete(program, type.name) if ends is None and delete else None
    if extended is not None:
        program = extended
        ends = own_end(program.types[type.name])
    refusal = ""
    if ends is None:
        refusal = _undeletable(definition, why_not)
        program = _with_refused_end(program, type.name)
    conditions = _conditions(definition)
    engine = _ServedEngine(program, type, {name: f"requires {text}" for name, text in conditions.items()}, refusal)
    return CustomType(type.name, engine, definition, conditions, ends)


def check_name(name: str) -> None:
    """Raises: CannotServe, if TYPE could not tell keys of the type `name` from others."""
    if name.lower() in _TAKEN:
        raise CannotServe(f"Redis keys are of type `{name.lower()}` already; give {name} another name")


# DEL ------------------------------------------------------------------------------------------------------------------


def own_end(definition: TypeDef) -> str | None:
    """The update that DEL runs; None if the type declares none."""
    bare = {u.name for u in definition.updates if not u.params}
    return next((name for name in ENDS if name in bare), None)


def with_delete(program: Program, name: str) -> Program | None:
    """`program` with an update of the type `name` that forgets all its dots, and the theorem that this leaves nothing.

    None where there can be none: of a plain `type`, or where both names are taken.
    """
    definition = program.types[name]
    end = _free_end(definition)
    if definition.kind != "store" or end is None:
        return None
    this, span = definition.self_type, definition.span
    forget = core.Block((core.Forget(core.Path((), this), span=span),), span=span)
    update = UpdateDef(end, (), None, (), None, None, forget, span=span, doc=("Forgets all dots, for DEL.",))
    state, replica = core.Var(this, "s", span=span), core.Var(REPLICA, "p", span=span)
    after = core.Apply(this, this, end, state, (), replica, None, span=span)
    nothing = core.Op(BOOL, "eq", (after, core.Zero(this, span=span)), span=span)
    params = (("s", this), ("p", REPLICA))
    theorem = core.TheoremDef(LEAVES_NOTHING, params, frozenset(), None, False, nothing, span=span)
    made = replace(definition, updates=(*definition.updates, update), theorems=(*definition.theorems, theorem))
    return replace(program, types={**program.types, name: made})


def _with_refused_end(program: Program, name: str) -> Program:
    """`program` with an update of the type that is never possible, so that DEL finds one whose refusal tells why."""
    definition = program.types[name]
    end = _free_end(definition)
    if end is None:
        return program
    never = core.Lit(BOOL, False)
    update = UpdateDef(end, (), None, (), None, never, core.Block(()), span=definition.span)
    return replace(program, types={**program.types, name: replace(definition, updates=(*definition.updates, update))})


def _free_end(definition: TypeDef) -> str | None:
    taken = {u.name for u in definition.updates} | {q.name for q in definition.queries}
    return next((name for name in ENDS if name not in taken), None)


def _undeletable(definition: TypeDef, why_not: str) -> str:
    if not why_not and definition.kind == "type":
        why_not = "its states only grow"
    because = f"{why_not}, and" if why_not else ""
    return (
        f"ERR a key of type {definition.name.lower()} cannot be deleted: {because} its spec has no update "
        "`delete` or `clear` without parameters"
    ).replace(":  ", ": ")


# The engine -----------------------------------------------------------------------------------------------------------


class _ServedEngine(Compiled):
    """Refuses in words, and computes nothing that cannot be sent."""

    def __init__(self, program: Program, type: Named, conditions: Mapping[str, str], undeletable: str) -> None:
        super().__init__(program, type)
        self._conditions = conditions
        self._undeletable = undeletable

    def update(
        self,
        name: str,
        this: Raw,
        seen: CausalContext,
        args: tuple[Raw, ...],
        by: int,
        dots: tuple[Dot, ...],
        when: int,
    ) -> Delta:
        """The delta of update `name`. Raises: Refused, KeyError."""
        try:
            delta = super().update(name, this, seen, args, by, dots, when)
        except UpdateRefused as refused:
            if self._undeletable and name in ENDS and name not in self._conditions:
                raise Refused(self._undeletable, name, refused.span) from None
            why = self._conditions.get(name, "a condition of a part of it does not hold")
            raise Refused(f"ERR {_command(self.type.name, name)} refused: {why}", name, refused.span) from None
        try:
            shape_of(self).encode(delta.value)
        except ValueError:
            why = f"ERR {_command(self.type.name, name)} refused: a number would get too long"
            raise Refused(why, name, self.program.types[self.type.name].span) from None
        return delta


def _conditions(definition: TypeDef) -> dict[str, str]:
    """The texts of `requires` on one line, by update; without those that cannot be found again."""
    guarded = {u.name for u in definition.updates if u.requires is not None}
    if not guarded:
        return {}
    try:
        module = parse(Path(definition.file).read_text(encoding="utf-8"), definition.file)
    except (OSError, UnicodeDecodeError, SpecErrors):
        return dict.fromkeys(guarded, "a condition that does not hold")
    return {
        clause.name: show_expr(clause.requires)
        for declared in module.declarations
        if isinstance(declared, ast.TypeDecl) and declared.name == definition.name
        for clause in declared.clauses
        if isinstance(clause, ast.UpdateClause) and clause.requires is not None
    }


# Commands -------------------------------------------------------------------------------------------------------------


def register(types: Iterable[CustomType]) -> None:
    """Adds the commands of `types` to the table.

    Raises: CannotServe, with no command added, if two are of one name, or a command of that name is there already.
    """
    added: list[CustomType] = []
    for custom in types:
        added.append(custom)
        try:
            _register(custom)
        except ValueError as problem:
            unregister(added)
            raise CannotServe(f"{custom.name} cannot be served: {problem}") from None


def unregister(types: Iterable[CustomType]) -> None:
    """Takes the commands of `types` out of the table."""
    for custom in types:
        for name in [n for n, made in TABLE.items() if made.run is not None and _is_of(made, custom)]:
            del TABLE[name]


def _is_of(made: Command, custom: CustomType) -> bool:
    return isinstance(made.run, (_Update, _Query)) and made.run.custom is custom


def _register(custom: CustomType) -> None:
    definition, writers = custom.definition, Writers(custom.engine.program)
    for update in definition.updates:
        flags = "write module" if _adds_nothing(custom.engine.program, update) else "write denyoom module"
        _add(custom, update, flags, _Update(custom, update))
    for query in definition.queries:
        result = writers.of(_concrete(custom, query.result))
        _add(custom, query, "readonly module", _Query(custom, query, result))


def _add(custom: CustomType, clause: UpdateDef | QueryDef, flags: str, run: _Update | _Query) -> None:
    register_command(
        name=run.name.encode(),
        run=run,
        arity=2 + len(clause.params),
        flags=flags,
        keys=(1, 1, 1),
        group="module",
        since="1.0.0",
        # Documentation is written by latin-1, and specs are UTF-8.
        summary=_summary(custom, clause, run).encode("utf-8", "replace").decode("latin-1"),
        complexity="as its spec has it",
    )


def _summary(custom: CustomType, clause: UpdateDef | QueryDef, run: _Update | _Query) -> str:
    """Signature, doc comment, condition, and the rules for what happens at the same time."""
    words = [f"{run.name} key"] + [f"<{p.name}: {p.type}>" for p in run.params]
    told = [" ".join(words)]
    if isinstance(clause, QueryDef):
        told[0] += f" -> {_concrete(custom, clause.result)}"
    told += [" ".join(clause.doc)] if clause.doc else []
    if isinstance(clause, UpdateDef):
        told += [f"Requires {custom.conditions[clause.name]}"] if clause.name in custom.conditions else []
        rules = custom.definition.rules
        told += [f"Rule {r.name}: {r.text}" for r in rules if not r.updates or clause.name in r.updates]
    return ". ".join(part.rstrip(".") for part in told) + "."


@dataclass(frozen=True)
class _Parameter:
    """One parameter of an update or a query."""

    name: str
    type: Type
    read: Read
    example: str

    def value(self, command: str, data: bytes) -> Raw:
        """What an argument says. Raises: CommandError."""
        try:
            return self.read(data)
        except BadArgument as problem:
            text = str(problem)
            text = text if len(text) <= _REASON else f"{text[:_REASON]}..."
            why = f" ({text})" if text else ""
            # A reason may quote characters that only the spec's text has.
            said = f"ERR {command}: {self.name} is no {self.type}: {quoted(data)}{why}; for example {self.example}"
            raise CommandError(said.encode("utf-8", "replace")) from None


class _Runs:
    """What runs a command of a custom type."""

    def __init__(self, custom: CustomType, clause: UpdateDef | QueryDef) -> None:
        program = custom.engine.program
        self.custom = custom
        self.name = _command(custom.name, clause.name)
        self.of = clause.name
        self.params = [
            _Parameter(n, t, reader(program, t), example(program, t))
            for n, t in ((n, _concrete(custom, t)) for n, t in clause.params)
        ]

    def arguments(self, c: Call) -> tuple[Raw, ...]:
        """The arguments after the key. Raises: CommandError."""
        return tuple([p.value(self.name, data) for p, data in zip(self.params, c.args[2:], strict=True)])


class _Update(_Runs):
    """An update as a command."""

    def __call__(self, c: Call) -> Reply:
        """OK. Raises: CommandError, also where `requires` does not hold."""
        args = self.arguments(c)
        key, store = c.args[1], self.custom.name
        entry = c.visible(key)
        if entry is not None and entry.store != store:
            raise wrong_type()
        c.tx.update(key, self.of, *args, store=store)
        return OK


class _Query(_Runs):
    """A query as a command."""

    def __init__(self, custom: CustomType, clause: QueryDef, write: Write) -> None:
        super().__init__(custom, clause)
        self.write = write

    def __call__(self, c: Call) -> Reply:
        """The answer; of an absent key that of a state without updates. Raises: CommandError."""
        args = self.arguments(c)
        key, custom = c.args[1], self.custom
        entry = c.visible(key)
        if entry is not None and entry.store != custom.name:
            raise wrong_type()
        if entry is None:
            # What was deleted may have left something that the spec wants to know.
            entry = c.db.entry(key)
        value = entry.value if entry is not None and entry.store == custom.name else custom.engine.zero()
        return self.write(custom.engine.query(self.of, value, c.db.seen, args))


def _command(type_name: str, clause: str) -> str:
    return f"{type_name.upper()}.{clause.upper()}"


def _concrete(custom: CustomType, t: Type) -> Type:
    names = (p.name for p in custom.definition.params)
    return substitute(t, dict(zip(names, custom.engine.type.args, strict=True)))


def _adds_nothing(program: Program, update: UpdateDef, above: frozenset[str] = frozenset()) -> bool:
    """Whether an update only forgets, so that it is wanted most where memory is short."""

    def of_entry(entry: core.Entry) -> bool:
        match entry:
            case core.Forget() | core.ForgetDots():
                return True
            case core.Assign(_, value):
                return isinstance(value, core.Zero)
            case core.Each(_, _, _, entries):
                return all(map(of_entry, entries))
            case core.PartUpdate(_, owner, name, _, _):
                place = f"{owner.name}.{name}"
                part = program.types[owner.name].update(name)
                return place in above or _adds_nothing(program, part, above | {place})
            case _:
                return False

    def of_delta(delta: core.Delta) -> bool:
        match delta:
            case core.Block(entries):
                return all(map(of_entry, entries))
            case core.IfDelta(_, then, orelse):
                return of_delta(then) and of_delta(orelse)
            case core.LetDelta(_, _, body):
                return of_delta(body)
            case core.MatchDelta(_, cases):
                return all(of_delta(body) for _, body in cases)
            case _:
                return False

    return of_delta(update.body)
