"""Updates run at once, at their own replica, against update and merge; and the deltas that their journals make."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergelaw.language.core import substitute
from mergelaw.semantics.compiler import Compiled, Local
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import Delta, State, UpdateRefused
from mergelaw.semantics.library import library, resolved
from mergelaw.semantics.types import load
from tests.spec.semantics.histories import History, histories
from tests.spec.semantics.strategies import values_of
from tests.spec.semantics.test_histories import relaxed


def local_names(engine: Compiled) -> list[str]:
    """The updates of a type that can be run at once."""
    definition = engine.program.types[engine.type.name]
    return [u.name for u in definition.updates if engine.local(u.name) is not None]


TYPES = [n for n, d in library().items() if d.kind in ("type", "store")]
NAMES = [n for n in TYPES if local_names(Compiled(load(n).program, load(n).type))]


class Run:
    """Updates that one replica makes in a row, each both ways."""

    def __init__(self, engine: Compiled, replica: int, state: State) -> None:
        self.engine = engine
        self.replica = replica
        self.this, self.seen = state
        self.first = self.seen.next_number(replica)
        self.journal: dict[Any, Any] = {}
        self.forgotten: list[Dot] = []
        self.deltas: list[Delta] = []
        self.done: list[Delta] = []
        """The deltas of journals that are closed."""
        self._begun = 0

    def update(self, name: str, args: tuple[Any, ...], when: int, local: Local | None = None) -> bool:
        """Whether it was run at once; the state is the same as by its delta, or nothing has happened."""
        local = local or self.engine.local(name)
        assert local is not None
        first = self.seen.next_number(self.replica)
        dots = tuple((self.replica, first + n) for n in range(local.taken))
        try:
            delta = self.engine.update(name, self.this, self.seen, args, self.replica, dots, when)
        except UpdateRefused:
            delta = None
        journal, forgotten, log = dict(self.journal), list(self.forgotten), list[Any]()
        after = local.run(self.this, self.replica, first, when, self.journal, self.forgotten, log, *args)
        if after is None:
            assert (self.journal, self.forgotten, log) == (journal, forgotten, [])
            return False
        assert delta is not None
        assert after == self.engine.apply(self.this, self.seen, delta)
        assert set(log) <= self.journal.keys()
        self.this, self.seen = after, self.seen | delta.context
        self.deltas.append(delta)
        return True

    def receive(self, delta: Delta) -> None:
        """An effect of another replica, in between: a new journal begins."""
        self.done.append(self.delta())
        self.journal, self.forgotten, self._begun = {}, [], len(self.deltas)
        self.this, self.seen = self.engine.apply(self.this, self.seen, delta), self.seen | delta.context

    def delta(self) -> Delta:
        """What the journal makes."""
        value, footprint = self.engine.delta(self.journal)
        own = [dot for delta in self.deltas[self._begun :] for dot in delta.dots]
        return Delta(value, CausalContext([*own, *self.forgotten]), footprint, ())


def same_as_one_by_one(run: Run, state: State) -> None:
    """The deltas of the journals do to `state` what the deltas do that they stand for."""
    this, seen = state
    for delta in run.deltas:
        this, seen = run.engine.apply(this, seen, delta), seen | delta.context
    joined, joined_seen = state
    for delta in [*run.done, run.delta()]:
        joined, joined_seen = run.engine.apply(joined, joined_seen, delta), joined_seen | delta.context
    assert joined_seen == seen
    assert joined == this


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(data=st.data())
def test_an_update_at_once_is_update_and_merge(name: str, data: st.DataObject) -> None:
    loaded = load(name)
    engine = Compiled(loaded.program, loaded.type)
    names = dict(zip((p.name for p in loaded.definition.params), loaded.type.args, strict=True))
    history: History = data.draw(histories(loaded), label="history")
    replica = data.draw(st.integers(1, 3))
    run = Run(engine, replica, history.states[replica - 1])
    others = [d for _, d in history.deltas if d.dots[0][0] != replica]
    updates = [loaded.definition.update(n) for n in local_names(engine)]
    for _ in range(data.draw(st.integers(1, 5))):
        between = data.draw(st.booleans())
        if others and between:
            delta: Delta = data.draw(st.sampled_from(others))
            run.receive(delta)
        update = data.draw(st.sampled_from(updates))
        args = tuple(data.draw(values_of(loaded.program, substitute(t, names), 2)) for _, t in update.params)
        run.update(update.name, args, data.draw(st.integers(0, 3)))
    if run.deltas:
        for state in history.all_states():
            same_as_one_by_one(run, state)


KEY = Compiled(*resolved("Key"))
TEXT, NUMBER = (0, "v"), (1, 7)
WRITES: dict[str, tuple[tuple[str, tuple[Any, ...]], ...]] = {
    "string": (("set", (TEXT,)), ("set_for", (NUMBER, 50)), ("set_keeping", (NUMBER,))),
    "number": (("set", (NUMBER,)), ("increase", (2, None)), ("increase", (-3, None))),
    "hash": (("hash_set", ("f", TEXT)), ("hash_set", ("g", NUMBER))),
    "set": (("add", ("x",)), ("add", ("y",))),
    "sorted set": (("score", ("m", 2)), ("score_infinite", ("n", True)), ("score_increase", ("o", 2, None))),
}


@pytest.mark.parametrize("kind", WRITES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_writes_of_a_key_run_at_once_on_keys_of_their_type(kind: str, data: st.DataObject) -> None:
    """From an absent key on, also where another replica has written, seen or not."""
    replicas = {p: Run(KEY, p, (KEY.zero(), CausalContext())) for p in (1, 2)}
    sent: dict[int, list[Delta]] = {1: [], 2: []}
    writes = [w for w in WRITES[kind] if w[0] != "increase"] or WRITES[kind]
    for _ in range(data.draw(st.integers(1, 8))):
        p = data.draw(st.sampled_from((1, 2)))
        run = replicas[p]
        if data.draw(st.booleans()):
            for delta in sent[3 - p]:
                run.receive(delta)
        name, args = data.draw(st.sampled_from(writes))
        assert run.update(name, args, data.draw(st.integers(0, 3)))
        sent[p] = list(run.deltas)
    for run in replicas.values():
        same_as_one_by_one(run, (KEY.zero(), CausalContext()))
        same_as_one_by_one(run, (replicas[1].this, replicas[1].seen))


def test_increments_extend_their_accumulator_at_once() -> None:
    run = Run(KEY, 1, (KEY.zero(), CausalContext()))
    assert run.update("increase", (5, None), 0)
    ((dot, _),) = run.this[1][1][0].items()
    for amount in (3, -1, 4):
        assert run.update("increase", (amount, (dot,)), 0)
    assert KEY.query("get", run.this, run.seen, ()) == ((1, 11),)
    assert len(run.journal) == 2, "the accumulator, and the expiry times that it began without"
    same_as_one_by_one(run, (KEY.zero(), CausalContext()))


@pytest.mark.parametrize(
    ("kind", "field", "removals"),
    [
        ("string", "string", ()),
        ("set", "members", (("remove", ("x",)), ("remove", ("y",)))),
        ("hash", None, (("hash_remove", ("f",)), ("hash_remove", ("g",)))),
        ("sorted set", None, (("unscore", ("m",)), ("unscore", ("n",)))),
    ],
)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_removals_and_deletions_run_at_once(
    kind: str, field: str | None, removals: tuple[tuple[str, tuple[Any, ...]], ...], data: st.DataObject
) -> None:
    """Beside another replica's writes, seen or not, and followed by writes of the same replica."""
    here, there = Run(KEY, 1, (KEY.zero(), CausalContext())), Run(KEY, 2, (KEY.zero(), CausalContext()))
    writes = [w for w in WRITES[kind] if w[0] != "score_increase"]
    deletion = None if field is None else KEY.local("delete", (field, "expiry"))
    assert here.update(*writes[0], 0)
    for _ in range(data.draw(st.integers(2, 9))):
        name, args = data.draw(st.sampled_from([*writes, *removals, ("delete", ())]))
        if name == "delete" and deletion is None:
            continue
        here.update(name, args, 0, deletion if name == "delete" else None)
        name, args = data.draw(st.sampled_from(writes))
        wrote = data.draw(st.booleans()) and there.update(name, args, 1)
        if wrote and data.draw(st.booleans()):
            here.receive(there.deltas[-1])
    same_as_one_by_one(here, (KEY.zero(), CausalContext()))
    same_as_one_by_one(here, (there.this, there.seen))


def test_a_key_of_another_type_is_left_to_update_and_merge() -> None:
    run = Run(KEY, 1, (KEY.zero(), CausalContext()))
    assert run.update("add", ("x",), 0)
    assert not run.update("set", (TEXT,), 0)
    assert not run.update("hash_set", ("f", TEXT), 0)
    assert run.deltas[-1].dots == ((1, 1), (1, 2))
