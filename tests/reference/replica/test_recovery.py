"""After a crash: no dot twice, nothing lost that somebody holds, nothing missing for ever."""

from __future__ import annotations

from mergelaw.replica import recovery
from mergelaw.replica.collect import collect, pending
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import Effect
from mergelaw.replica.recovery import BLOCK, declare_void, gaps, restore, start_run
from mergelaw.semantics.context import EMPTY, CausalContext
from tests.reference.replica.network import state_of
from tests.reference.replica.test_database import db, get, members, run


def reborn(replica: int, effects: list[Effect], high: int, marks: list[int], *, clean: bool = False) -> Database:
    """The instance after a restart, with what its log held."""
    database = Database(replica, default_engines())
    restore(database, [], EMPTY, EMPTY)
    for effect in effects:
        database.receive(effect, 0)
    start_run(database, high, marks.append, clean=clean)
    return database


def test_a_fresh_instance_reserves_before_it_writes() -> None:
    marks: list[int] = []
    a = reborn(1, [], 0, marks)
    assert a.recovered and a.last == 0 and marks == []
    run(a, (b"s", "add", "x"))
    assert marks == [2 + BLOCK] and a.reserved == 2 + BLOCK
    for i in range(100):
        run(a, (b"s", "add", str(i)))
    assert len(marks) == 1


def test_lost_dots_are_not_taken_again_and_become_void() -> None:
    marks: list[int] = []
    a, b, c = reborn(1, [], 0, marks), db(2), db(3)
    durable = run(a, (b"s", "add", "x"))
    held_by_b, held_by_nobody = run(a, (b"s", "add", "y")), run(a, (b"s", "add", "z"))
    for database in (b, c):
        database.receive(durable, 0)
    b.receive(held_by_b, 0)

    a = reborn(1, [durable], marks[-1], marks)
    assert not a.recovered and a.last == marks[0]
    new = run(a, (b"s", "add", "w"))
    assert new.first > held_by_nobody.last and new.first == marks[0] + 1
    # The sync brings back what a peer holds.
    a.receive(held_by_b, 0)
    assert gaps(a) == CausalContext.from_runs([(1, held_by_nobody.first, marks[0])])
    void = declare_void(a, 77)
    assert [e.parts for e in void] == [()] and void[0].time_ms == 77
    assert gaps(a) == EMPTY and declare_void(a, 78) == []
    for database in (b, c):
        for effect in [new, *void, held_by_b]:
            database.receive(effect, 0)
        # A late message of what is void counts as received already.
        assert database.receive(void[0], 0) == []
        assert database.received.vector() == {1: new.last}
        assert state_of(database) == state_of(a)
    assert members(a, b"s") == {"x", "y", "w"}


def test_a_clean_stop_leaves_no_gap() -> None:
    marks: list[int] = []
    a = reborn(1, [], 0, marks)
    effects = [run(a, (b"s", "add", str(i))) for i in range(5)]
    a = reborn(1, effects, a.last, marks, clean=True)
    assert a.recovered
    after = run(a, (b"s", "add", "x"))
    assert after.first == effects[-1].last + 1 and gaps(a) == EMPTY


def test_totals_are_not_extended_by_another_process() -> None:
    marks: list[int] = []
    a, b = reborn(1, [], 0, marks), db(2)
    durable = run(a, (b"c", "increase", 5, None))
    tx = a.begin(0)
    tx.update(b"c", "increase", 3, tx.accumulator(b"c"))
    sent = tx.commit()
    assert sent is not None
    for effect in (durable, sent):
        b.receive(effect, 0)
    a = reborn(1, [durable], marks[-1], marks)
    tx = a.begin(0)
    assert tx.accumulator(b"c") is None
    tx.update(b"c", "increase", 2, tx.accumulator(b"c"))
    new = tx.commit()
    assert new is not None
    a.receive(sent, 0)
    b.receive(new, 0)
    assert get(a, b"c") == get(b, b"c") == ((1, 10),)


def test_parts_of_earlier_runs_are_not_collected_before_everybody_was_synced_with() -> None:
    marks: list[int] = []
    a, b = reborn(1, [], 0, marks), db(2)
    durable = [run(a, (b"c", "increase", 5, None)), run(a, (b"c", "DEL"))]
    tx = a.begin(0)
    tx.update(b"c", "increase", 3, tx.accumulator(b"c"))
    sent = tx.commit()
    assert sent is not None
    for effect in (*durable, sent):
        b.receive(effect, 0)
    a = reborn(1, durable, marks[-1], marks)
    assert pending(a) == 1 and collect(a, 0, 10) is None
    a.receive(sent, 0)
    for effect in declare_void(a, 0):
        b.receive(effect, 0)
    assert get(a, b"c") == get(b, b"c") == ((1, 3),)


def test_an_instance_that_has_lost_everything_goes_on_above_what_others_hold() -> None:
    marks: list[int] = []
    a, b = reborn(1, [], 0, marks), db(2)
    held = run(a, (b"s", "add", "x"))
    b.receive(held, 0)
    a = reborn(1, [], 0, marks)
    a.receive(held, 0)
    assert not a.recovered
    new = run(a, (b"s", "add", "y"))
    assert new.first > held.last
    b.receive(new, 0)
    assert members(b, b"s") == {"x", "y"}


def test_what_a_removed_instance_lost_is_declared_void_for_it() -> None:
    a, b, gone = db(1), db(2), db(3)
    run(gone, (b"s", "add", "lost"))
    kept = run(gone, (b"s", "add", "x"))
    for database in (a, b):
        database.receive(kept, 0)
    assert gaps(a, 3) == CausalContext.from_runs([(3, 1, 2)])
    for effect in declare_void(a, 0, 3):
        b.receive(effect, 0)
    assert a.received == b.received and gaps(b, 3) == EMPTY and a.recovered


def test_blocks_end_where_dots_end() -> None:
    marks: list[int] = []
    a = reborn(1, [], (1 << 62) - 10, marks)
    run(a, (b"s", "add", "x"))
    assert marks == [(1 << 62) - 1] and recovery.BLOCK == BLOCK


# -- collection ------------------------------------------------------------------------------------


def test_cancelled_counter_parts_are_dropped_by_their_owner() -> None:
    a, b = db(1), db(2)
    effects = [
        run(a, (b"c", "increase", 5, None), (b"h", "hash_increase", "f", 2, None)),
        run(a, (b"z", "score_increase", "m", 2, None), (b"z", "score", "n", 1)),
        run(a, (b"c", "set", (1, 3)), (b"h", "DEL"), (b"z", "unscore", "m")),
    ]
    for effect in effects:
        b.receive(effect, 0)
    assert pending(a) == 3 and pending(b) == 0 and set(a.keys) == {b"c", b"h", b"z"}
    dropped = collect(a, 0, 10)
    assert dropped is not None and collect(a, 0, 10) is None and pending(a) == 0
    b.receive(dropped, 0)
    for database in (a, b):
        assert set(database.keys) == {b"c", b"z"} and get(database, b"c") == ((1, 3),)
    # A late message of the dropped part does not bring it back.
    c = db(3)
    for effect in [dropped, *reversed(effects)]:
        c.receive(effect, 0)
    assert state_of(a) == state_of(b) == state_of(c)


def test_only_what_is_all_cancelled_is_collected() -> None:
    a, b = db(1), db(2)
    first = run(a, (b"c", "increase", 5, None))
    b.receive(first, 0)
    deleted = run(b, (b"c", "DEL"))
    tx = a.begin(0)
    tx.update(b"c", "increase", 2, tx.accumulator(b"c"))
    second = tx.commit()
    assert second is not None
    a.receive(deleted, 0)
    b.receive(second, 0)
    assert collect(a, 0, 10) is None and collect(b, 0, 10) is None
    assert get(a, b"c") == get(b, b"c") == ((1, 2),)


def test_collection_is_bounded_by_its_limit() -> None:
    a = db(1)
    for i in range(7):
        run(a, (b"%d" % i, "increase", 1, None), (b"%d" % i, "DEL"))
    assert len(a.keys) == 7
    while collect(a, 0, 3) is not None:
        pass
    assert not a.keys
