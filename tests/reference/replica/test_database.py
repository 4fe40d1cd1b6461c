"""Databases, transactions and expiry, one rule at a time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mergelaw.language import check_text
from mergelaw.language.core import Named
from mergelaw.replica.database import Database, DotsUsedUp, Entry, default_engines
from mergelaw.replica.model import BadEffect, Effect, Part
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import UpdateRefused
from tests.reference.replica.network import state_of

ENGINES = default_engines()

CART = """
import ORSet from "or_set.crdt"

store Cart {
  state { items: ORSet[Text] }
  update put(e: Text) at d = { items.add(e) at d }
  update clear = { items.clear() }
  query present: Bool = items.members != {}
}
store Log {
  state { lines: ORSet[Text] }
  update write(e: Text) at d = { lines.add(e) at d }
}
"""


def with_types() -> dict[str, Any]:
    program = check_text(CART, "<cart>")
    return {**ENGINES, "Cart": Compiled(program, Named("Cart")), "Log": Compiled(program, Named("Log"))}


def db(replica: int = 1, **options: Any) -> Database:
    return Database(replica, ENGINES, **options)


def run(database: Database, *ops: tuple[Any, ...], now: int = 1000) -> Effect:
    """The ops as one transaction; `delete` and `reap` are those of Transaction."""
    tx = database.begin(now)
    for key, update, *args in ops:
        if update in ("DEL", "REAP"):
            assert (tx.delete if update == "DEL" else tx.reap)(key)
        else:
            tx.update(key, update, *args)
    effect = tx.commit()
    assert effect is not None
    return effect


def get(database: Database, key: bytes, now: int = 1000) -> Any:
    entry = database.visible(key, now)
    return None if entry is None else ask(database, entry, "get")


def ask(database: Database, entry: Entry, query: str, *args: Any) -> Any:
    return database.engines["Key"].query(query, entry.value, database.seen, args)


def members(database: Database, key: bytes, now: int = 1000) -> set[str]:
    entry = database.visible(key, now)
    return set() if entry is None else set(database.layout.elements(entry.value))


def exchange(*databases: Database, effects: list[Effect], now: int = 1000) -> None:
    for database in databases:
        for effect in effects:
            database.receive(effect, now)
    for other in databases[1:]:
        assert state_of(other) == state_of(databases[0])


# -- transactions ----------------------------------------------------------------------------------


def test_an_effect_holds_all_of_a_transaction() -> None:
    a, b = db(1), db(2)
    effect = run(a, (b"k", "set", (1, 5)), (b"k", "increase", 1, None), (b"s", "add", "x"), (b"s", "add", "y"))
    assert {p.key for p in effect.parts} == {b"k", b"s"}
    assert (effect.first, effect.last) == (1, a.last)
    assert effect.context == CausalContext.from_vector({1: a.last}) == a.seen == a.received
    assert b.receive(effect, 0) == [effect]
    assert get(b, b"k") == ((1, 6),)
    assert members(b, b"s") == {"x", "y"}
    assert state_of(a) == state_of(b) and a.seen == b.seen


def test_deltas_of_one_key_are_merged() -> None:
    a, b = db(1), db(2)
    effects = [
        run(a, (b"s", "add", "x"), (b"s", "add", "y")),
        run(a, (b"s", "add", "x"), (b"s", "remove", "x"), (b"s", "remove", "y"), (b"s", "add", "z")),
        run(a, (b"k", "set", (1, 1)), (b"k", "increase", 2, None), (b"k", "DEL"), (b"k", "increase", 5, None)),
    ]
    assert members(a, b"s") == {"z"} and get(a, b"k") == ((1, 5),)
    for effect in reversed(effects):
        b.receive(effect, 0)
    assert state_of(a) == state_of(b)


def test_updates_are_seen_at_once_and_refused_ones_leave_nothing() -> None:
    a = db()
    tx = a.begin(1000)
    tx.update(b"s", "add", "x")
    assert members(a, b"s") == {"x"}
    before = a.last, a.seen
    with pytest.raises(UpdateRefused):
        tx.update(b"s", "push_right", "y")
    with pytest.raises(KeyError):
        tx.update(b"s", "no such update")
    with pytest.raises(KeyError):
        tx.update(b"s", "add", "x", store="no such store")
    assert (a.last, a.seen) == before
    assert tx.commit() is not None
    assert a.received == a.seen


def test_a_transaction_without_updates_is_no_effect() -> None:
    a = db()
    tx = a.begin(1000)
    assert not tx.delete(b"k")
    assert tx.commit() is None
    assert a.last == 0


def test_a_transaction_object_can_go_on_after_its_commit() -> None:
    a = db()
    tx = a.begin(1000)
    tx.update(b"s", "add", "x")
    first = tx.commit()
    assert tx.commit() is None
    tx.update(b"s", "add", "y")
    second = tx.commit()
    assert first is not None and second is not None and second.first == first.last + 1
    assert [p.key for p in second.parts] == [b"s"]


def test_only_one_transaction_may_be_open() -> None:
    a = db()
    one, two = a.begin(1000), a.begin(1000)
    one.update(b"s", "add", "x")
    two.update(b"s", "add", "y")
    with pytest.raises(RuntimeError, match="open"):
        one.update(b"s", "add", "z")


def test_a_key_without_contents_is_not_kept() -> None:
    a = db()
    run(a, (b"k", "set", (0, "v")), (b"s", "add", "x"))
    assert a.size == 2
    run(a, (b"k", "DEL"), (b"s", "remove", "x"))
    assert not a.keys and a.size == 0


@pytest.mark.parametrize(
    ("update", "args", "content"),
    [
        ("set", ((0, "v"),), "string"),
        ("increase", (1, None), "string"),
        ("sketch_add", (default_engines()["Key"].zero()[2][0].set(1, 2),), "string"),
        ("hash_set", ("f", (0, "v")), "hash"),
        ("add", ("e",), "set"),
        ("score", ("m", 1), "zset"),
        ("push_right", ("v",), "list"),
        ("append", ((("f", "v"),),), "stream"),
        ("json_set", ((1, True),), "ReJSON-RL"),
    ],
)
def test_content(update: str, args: tuple[Any, ...], content: str) -> None:
    a = db()
    run(a, (b"k", update, *args))
    entry = a.visible(b"k", 1000)
    assert entry is not None and a.content(entry) == content
    run(a, (b"k", "DEL"))
    assert a.visible(b"k", 1000) is None and a.size == 0


def test_versions_change_with_every_change() -> None:
    a, b = db(1), db(2)
    seen = [a.version(b"k")]
    effect = run(b, (b"k", "set", (0, "1")))
    a.receive(effect, 0)
    seen.append(a.version(b"k"))
    a.receive(effect, 0)
    assert a.version(b"k") == seen[-1]
    run(a, (b"other", "set", (0, "2")))
    assert a.version(b"k") == seen[-1]
    run(a, (b"k", "DEL"))
    seen.append(a.version(b"k"))
    run(a, (b"k", "set", (0, "3")), (b"k", "DEL"))
    seen.append(a.version(b"k"))
    assert len(set(seen)) == len(seen)


def test_changes_are_told() -> None:
    a, b = db(1), db(2)
    told: list[bytes] = []
    touched: list[tuple[bytes, Any]] = []
    b.on_change = told.append
    b.on_touched = lambda key, footprint: touched.append((key, footprint))
    b.receive(run(a, (b"k", "set", (0, "1")), (b"s", "add", "x")), 0)
    run(b, (b"s", "remove", "x"))
    assert told == [b"k", b"s", b"s"]
    assert [key for key, _ in touched] == told
    assert "x" in touched[-1][1]["members"]["adds"]


# -- effects ---------------------------------------------------------------------------------------


def test_duplicates_are_known_by_what_was_received_not_by_what_was_seen() -> None:
    a, b, c = db(1), db(2), db(3)
    add = run(a, (b"s", "add", "x"), (b"k", "increase", 7, None))
    b.receive(add, 0)
    remove = run(b, (b"s", "remove", "x"))
    # The remove overtakes the add: the dot of "x" is seen, the increment not yet received.
    assert c.receive(remove, 0) == [remove]
    assert add.context <= c.seen | a.seen and c.receive(add, 0) == [add]
    assert c.receive(add, 0) == [] and c.receive(remove, 0) == []
    assert members(c, b"s") == set() and get(c, b"k") == ((1, 7),)


def test_causal_effects_wait_for_what_they_come_after() -> None:
    a, b, c = db(1, causal=True), db(2, causal=True), db(3)
    one, two = run(a, (b"k", "set", (0, "1"))), run(a, (b"k", "set", (0, "2")))
    b.receive(one, 0)
    b.receive(two, 0)
    three, four = run(b, (b"k", "set", (0, "3"))), run(b, (b"l", "set", (0, "4")))
    assert c.receive(four, 10) == [] and c.receive(three, 20) == [] and c.receive(two, 30) == []
    assert c.waiting == 3 and c.waiting_since() == 10 and get(c, b"k") is None
    assert c.receive(four, 40) == [] and c.waiting == 3
    assert c.receive(one, 50) == [one, two, three, four]
    assert c.waiting == 0 and c.waiting_since() is None
    assert get(c, b"k") == ((0, "3"),)


def test_effects_of_a_database_without_causal_delivery_apply_at_once() -> None:
    a, b, c = db(1), db(2), db(3, causal=True)
    b.receive(run(a, (b"k", "set", (0, "1"))), 0)
    late = run(b, (b"k", "set", (0, "2")))
    assert c.receive(late, 0) == [late]
    assert get(c, b"k") == ((0, "2"),)


def test_waiting_effects_of_a_restarted_instance_are_dropped() -> None:
    a, b, c = db(1, causal=True), db(2, causal=True), db(3)
    first = run(a, (b"k", "set", (0, "1")))
    b.receive(first, 0)
    second = run(b, (b"k", "set", (0, "2")))
    assert c.receive(second, 0) == []
    c.drop_waiting(2)
    assert c.waiting == 0 and c.receive(first, 0) == [first]
    assert get(c, b"k") == ((0, "1"),)


def test_lies_are_refused_and_change_nothing() -> None:
    a, b = db(1), db(2)
    honest = run(a, (b"s", "add", "x"), (b"s", "add", "y"))
    b.receive(honest, 0)
    run(b, (b"s", "add", "z"))
    run_of = CausalContext.from_runs
    for lie in [
        Effect(1, honest.last, honest.last + 3, run_of([(1, honest.last, honest.last + 3)]), (), None, 0),
        Effect(1, 0, 3, EMPTY, (), None, 0),
        Effect(1, 9, 8, EMPTY, (), None, 0),
        Effect(5000, 1, 1, EMPTY, (), None, 0),
        Effect(2, 77, 78, run_of([(2, 77, 78)]), (), None, 0),
        Effect(3, 1, 1, run_of([(3, 1, 1)]), (Part(b"k", "Cart", None, None),), None, 0),
    ]:
        before = state_of(b), b.seen, b.received, b.last
        with pytest.raises(BadEffect):
            b.receive(lie, 0)
        assert (state_of(b), b.seen, b.received, b.last) == before


def test_instance_ids() -> None:
    for wrong in (0, -1, 4096):
        with pytest.raises(ValueError, match="instance id"):
            db(wrong)


def test_dots_have_to_be_reserved() -> None:
    a = db()
    a.reserved = 3
    run(a, (b"s", "add", "x"))
    with pytest.raises(DotsUsedUp):
        run(a, (b"s", "add", "y"))
    assert a.last == 2 and members(a, b"s") == {"x"}
    asked: list[int] = []

    def reserve(number: int) -> int:
        asked.append(number)
        return number + 5

    a.on_reserve = reserve
    for name in "yzuvw":
        run(a, (b"s", "add", name))
    assert asked == [4, 10] and a.reserved == 15


# -- counters --------------------------------------------------------------------------------------


def test_an_accumulator_is_opened_once() -> None:
    a = db()
    for amount in (1, 2, Fraction(1, 2)):
        tx = a.begin(0)
        tx.update(b"k", "increase", amount, tx.accumulator(b"k"))
        tx.update(b"h", "hash_increase", "f", amount, tx.accumulator(b"h", "f"))
        tx.update(b"z", "score_increase", "m", amount, tx.accumulator(b"z", "m", scores=True))
        tx.commit()
    layout = a.layout
    value, fields, scores = (a.keys[k].value for k in (b"k", b"h", b"z"))
    assert len(layout.parts(value)) == 1
    assert len(layout.field_parts(layout.fields(fields)["f"])) == 1
    assert len(layout.member_parts(layout.members(scores)["m"])) == 1
    assert get(a, b"k") == ((1, Fraction(7, 2)),)


def test_accumulators_of_others_and_of_earlier_runs_are_not_extended() -> None:
    a, b = db(1), db(2)
    effect = run(a, (b"k", "increase", 5, None))
    b.receive(effect, 0)
    assert b.begin(0).accumulator(b"k") is None
    assert a.begin(0).accumulator(b"k") == ((1, 1),)
    a.run_first = a.last + 1
    assert a.begin(0).accumulator(b"k") is None
    assert a.begin(0).accumulator(b"absent") is None
    assert a.begin(0).accumulator(b"k", "field") is None


# -- expiry ----------------------------------------------------------------------------------------


def test_an_expired_key_is_hidden_and_deleted_by_its_owner() -> None:
    a, b = db(1), db(2)
    b.receive(run(a, (b"k", "set_for", (0, "v"), 2000)), 0)
    for database in (a, b):
        assert get(database, b"k", 1999) == ((0, "v"),)
        assert get(database, b"k", 2000) is None
        assert database.due(1999, 10) == []
    assert b.due(2000, 10) == [] and a.due(2000, 10) == [b"k"]
    assert a.due(2000, 10) == [b"k"]  # until it is reaped
    b.receive(run(a, (b"k", "REAP"), now=2000), 2000)
    assert not a.keys and not b.keys and a.due(3000, 10) == []
    assert not a.begin(3000).reap(b"k")


def test_a_write_to_an_expired_key_deletes_it_first() -> None:
    a, b = db(1), db(2)
    b.receive(run(a, (b"k", "set_for", (1, 5), 2000), (b"s", "add", "x"), (b"s", "expire", 2000)), 0)
    effect = run(b, (b"k", "increase", 1, None), (b"s", "add", "y"), now=2500)
    a.receive(effect, 0)
    for database in (a, b):
        assert get(database, b"k", 9999) == ((1, 1),)
        assert members(database, b"s", 9999) == {"y"}


def test_a_deadline_that_is_prolonged_or_lifted() -> None:
    a = db()
    run(a, (b"k", "set_for", (0, "v"), 2000), (b"l", "set_for", (0, "v"), 2000), (b"m", "set_for", (0, "v"), 2000))
    run(a, (b"k", "expire", 3000), (b"l", "persist"), (b"m", "expire", 1500))
    assert a.due(1500, 10) == [b"m"]
    run(a, (b"m", "REAP"), now=1500)
    assert a.due(2999, 10) == []
    assert a.due(3000, 10) == [b"k"]
    entry = a.entry(b"l")
    assert entry is not None and entry.deadline is None


def test_due_keys_are_limited() -> None:
    a = db()
    for i in range(10):
        run(a, (b"%d" % i, "set_for", (0, "v"), 2000 + i))
    found: list[bytes] = []
    while batch := a.due(5000, 3):
        assert len(batch) <= 3
        found += batch
        tx = a.begin(5000)
        for key in batch:
            assert tx.reap(key)
        tx.commit()
    assert sorted(found) == [b"%d" % i for i in range(10)] and not a.keys


def test_the_longest_of_concurrent_deadlines_wins_and_its_owner_deletes() -> None:
    a, b = db(1), db(2)
    base = run(a, (b"k", "set", (0, "v")))
    b.receive(base, 0)
    effects = [run(a, (b"k", "expire", 2000)), run(b, (b"k", "expire", 3000))]
    exchange(a, b, effects=effects)
    assert get(a, b"k", 2999) == ((0, "v"),) and get(a, b"k", 3000) is None
    assert a.due(3000, 10) == [] and b.due(3000, 10) == [b"k"]


def test_what_a_removed_instance_owned_expires_by_the_smallest_member() -> None:
    a, b, c = db(1), db(2), db(3)
    effect = run(c, (b"k", "set_for", (0, "v"), 2000), (b"h", "hash_set_for", "f", (0, "v"), 2000))
    for database in (a, b):
        database.receive(effect, 0)
        assert database.due(2500, 10) == []
        database.set_members([1, 2])
    assert b.due(2500, 10) == [] and sorted(a.due(2500, 10)) == [b"h", b"k"]
    b.receive(run(a, (b"k", "REAP"), (b"h", "REAP"), now=2500), 0)
    assert not a.keys and not b.keys


def test_fields_expire_one_by_one() -> None:
    a, b = db(1), db(2)
    effect = run(a, (b"h", "hash_set_for", "f", (0, "1"), 2000), (b"h", "hash_set", "g", (0, "2")))
    b.receive(effect, 0)
    entry = b.visible(b"h", 2000)
    assert entry is not None and list(b.visible_fields(entry, 2000)) == ["g"]
    assert b.field_visible(entry, "f", 1999) and not b.field_visible(entry, "f", 2000)
    assert b.due(2000, 10) == [] and a.due(2000, 10) == [b"h"]
    b.receive(run(a, (b"h", "REAP"), now=2000), 2000)
    entry = b.visible(b"h", 0)
    assert entry is not None and list(b.layout.fields(entry.value)) == ["g"]


def test_a_hash_is_hidden_when_all_its_fields_have_expired() -> None:
    a, b = db(1), db(2)
    effect = run(a, (b"h", "hash_set_for", "f", (1, 1), 2000), (b"h", "hash_set_for", "g", (1, 2), 2500))
    b.receive(effect, 0)
    assert b.visible(b"h", 2400) is not None and b.visible(b"h", 2500) is None
    # It begins anew, as a hash with a field that is not counted on, or as another type.
    with_increment = run(b, (b"h", "hash_increase", "f", 5, None), now=2600)
    a.receive(with_increment, 0)
    entry = a.visible(b"h", 2600)
    assert entry is not None and ask(a, entry, "content") == (3,)
    assert list(a.visible_fields(entry, 2600)) == ["f"]
    assert state_of(a) == state_of(b)


def test_an_expired_field_is_not_counted_on() -> None:
    a, b = db(1), db(2)
    effect = run(a, (b"h", "hash_set_for", "f", (1, 7), 2000), (b"h", "hash_set", "g", (1, 2)))
    b.receive(effect, 0)
    a.receive(run(b, (b"h", "hash_increase", "f", 5, None), now=2600), 0)
    entry = a.visible(b"h", 2600)
    assert entry is not None
    field = a.layout.field_scalar(a.layout.fields(entry.value)["f"])
    assert sorted(a.visible_fields(entry, 9999)) == ["f", "g"]
    assert sum(part[1][0][1] - part[1][1][1] for part in field[1][0].values()) == 5


def test_a_hash_that_comes_again_is_hidden_again() -> None:
    a = db()
    for now in (1000, 1010):
        run(a, (b"h", "hash_set_for", "f", (0, "v"), now + 7), now=now)
    assert a.visible(b"h", 1016) is not None and a.visible(b"h", 1017) is None


def test_a_string_with_a_hash_hidden_behind_it_is_not_reaped_field_by_field() -> None:
    a, b = db(1), db(2)
    effects = [run(a, (b"k", "hash_set_for", "f", (0, "1"), 2000)), run(b, (b"k", "set", (0, "v")))]
    exchange(a, b, effects=effects)
    assert a.due(3000, 10) == [] and get(a, b"k", 3000) == ((0, "v"),)
    assert not a.begin(3000).reap(b"k")


# -- custom types ----------------------------------------------------------------------------------


def test_a_custom_type_is_a_type_of_its_own() -> None:
    engines = with_types()
    a, b = Database(1, engines), Database(2, engines)
    tx = a.begin(0)
    tx.update(b"c", "put", "apple", store="Cart")
    effect = tx.commit()
    assert effect is not None
    b.receive(effect, 0)
    entry = b.visible(b"c", 0)
    assert entry is not None and (entry.store, b.content(entry)) == ("Cart", "cart")
    run(b, (b"c", "DEL"))
    assert not b.keys and b.size == 0


def test_writes_of_different_stores_end_each_other() -> None:
    engines = with_types()
    a, b = Database(1, engines), Database(2, engines)
    tx = a.begin(0)
    tx.update(b"c", "put", "apple", store="Cart")
    cart = tx.commit()
    text = run(b, (b"c", "set", (0, "v")))
    assert cart is not None
    exchange(a, b, effects=[cart, text])
    entry = a.visible(b"c", 0)
    assert entry is not None and (entry.store, a.content(entry)) == ("Key", "string")
    assert set(entry.components()) == {"Key", "Cart"} and a.content_of(entry, "Cart") == "cart"
    assert a.content_of(entry, "Log") == "none"
    # The next write ends the contest, and nothing comes back.
    again = run(a, (b"c", "set_keeping", (0, "w")))
    exchange(a, b, effects=[again])
    assert set(a.keys[b"c"].components()) == {"Key"}
    exchange(a, b, effects=[run(b, (b"c", "DEL"))])
    assert not a.keys


def test_a_write_to_a_custom_type_takes_the_place_of_another() -> None:
    engines = with_types()
    a = Database(1, engines)
    run(a, (b"c", "set_for", (0, "v"), 2000))
    tx = a.begin(3000)
    tx.update(b"c", "put", "pear", store="Cart")
    tx.commit()
    assert set(a.keys[b"c"].components()) == {"Cart"} and a.size == 1
    assert a.due(4000, 10) == []


def test_what_cannot_be_deleted_says_so() -> None:
    engines = with_types()
    a = Database(1, engines)
    tx = a.begin(0)
    tx.update(b"l", "write", "line", store="Log")
    tx.commit()
    with pytest.raises(UpdateRefused):
        a.begin(0).delete(b"l")
    entry = a.visible(b"l", 0)
    assert entry is not None and a.content(entry) == "log" and "Log" in repr(entry)


def test_a_hidden_store_that_cannot_be_ended_does_not_stop_writes() -> None:
    engines = with_types()
    a, b = Database(1, engines), Database(2, engines)
    tx = a.begin(0)
    tx.update(b"k", "write", "line", store="Log")
    log = tx.commit()
    assert log is not None
    exchange(a, b, effects=[log, run(b, (b"k", "set", (1, 5)))])
    exchange(a, b, effects=[run(a, (b"k", "increase", 1, None))])
    assert get(a, b"k") == ((1, 6),)
    with pytest.raises(UpdateRefused):
        a.begin(0).delete(b"k")
    assert get(a, b"k") == ((1, 6),)
    tx = a.begin(0)
    with pytest.raises(UpdateRefused):
        tx.update(b"l", "hash_persist", "f")
    assert tx.commit() is None


def test_a_zero_of_an_unknown_store() -> None:
    with pytest.raises(KeyError):
        db().zero("Cart")
