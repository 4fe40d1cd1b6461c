"""Scenarios for the kernel, the classics and the string, hash, set, sorted set and HyperLogLog types.

Each runs updates at several instances, delivers the deltas as the scenario says (late, twice, not at all), and asks
queries. Most are traces on which an obvious but wrong design of the type fails.
"""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.types import Delta, EngineName, State, load

ENGINE: list[EngineName] = ["compiled"]


@pytest.fixture(autouse=True, params=["compiled", "interpreted"])
def engine(request: pytest.FixtureRequest) -> None:
    """Runs every scenario on both engines."""
    ENGINE[0] = request.param


class Instances:
    """Instances 1..n of one type, each with its own state; nothing travels by itself."""

    def __init__(self, type: str, count: int = 3) -> None:
        zero = load(type, engine=ENGINE[0]).zero()
        self.states: dict[int, State] = dict.fromkeys(range(1, count + 1), zero)

    def run(self, instance: int, update: str, *args: object, when: int = 0) -> Delta:
        """Runs `update` at `instance` and returns its delta, which only that instance has merged."""
        delta = self.states[instance].update(update, *args, by=instance, when=when)
        self.states[instance] = self.states[instance].merge(delta)
        return delta

    def deliver(self, delta: Delta, *to: int) -> None:
        for instance in to:
            self.states[instance] = self.states[instance].merge(delta)

    def sync(self) -> State:
        """Every instance merges every other's state; the common state."""
        for i in self.states:
            for j in self.states:
                self.states[i] = self.states[i].merge(self.states[j])
        first = self.states[1]
        for i in self.states:
            self.states[i] = self.states[i].merge(first)
            assert self.states[i] == first, f"instance {i} differs from instance 1"
        return first

    def ask(self, instance: int, query: str, *args: object) -> object:
        return self.states[instance].query(query, *args)


def number(x: int | Fraction) -> tuple[str, Fraction]:
    return ("number", Fraction(x))


def text(x: str) -> tuple[str, str]:
    return ("text", x)


# -- classics --------------------------------------------------------------------------------------


def test_g_counter_counts_each_increment_once_however_often_it_arrives() -> None:
    at = Instances("GCounter")
    three, four = at.run(1, "inc", 3), at.run(2, "inc", 4)
    at.deliver(three, 2, 2, 3)
    at.deliver(four, 1, 3, 3)
    assert [at.ask(i, "value") for i in (1, 2, 3)] == [7, 7, 7]
    at.run(1, "inc", 1)
    at.deliver(three, 1)
    assert at.sync().query("value") == 8


def test_pn_counter_goes_below_zero() -> None:
    at = Instances("PNCounter", 2)
    at.run(1, "inc", 1)
    at.sync()
    at.run(1, "dec", 1)
    at.run(2, "dec", 1)
    assert at.sync().query("value") == -1


def test_lww_register_write_with_a_slow_clock_replaces_what_it_saw() -> None:
    at = Instances("LWWRegister[Text]", 2)
    first = at.run(1, "write", "a", when=100)
    at.deliver(first, 2)
    at.run(2, "write", "b", when=3)
    assert at.sync().query("value") == "b"


def test_lww_register_equal_clocks_give_one_winner() -> None:
    at = Instances("LWWRegister[Text]", 2)
    at.run(1, "write", "a", when=5)
    at.run(2, "write", "b", when=5)
    assert at.sync().query("value") == "b"


def test_mv_register_keeps_concurrent_values_until_a_write_that_saw_them() -> None:
    at = Instances("MVRegister[Text]", 2)
    at.run(1, "write", "a")
    at.run(2, "write", "b")
    assert at.sync().query("values") == {"a", "b"}
    at.run(2, "write", "c")
    assert at.sync().query("values") == {"c"}


def test_g_set_unites() -> None:
    at = Instances("GSet[Text]", 2)
    at.run(1, "add", "x")
    at.run(2, "add", "y")
    assert at.sync().query("members") == {"x", "y"}


@pytest.mark.parametrize("seed", range(20))
def test_or_set_answers_as_with_tombstones_in_any_order_of_delivery(seed: int) -> None:
    chance = random.Random(seed)
    alike = [Instances(f"{t}[Text]") for t in ("ORSet", "TombstoneSet", "ORSetRefinement")]
    sent: list[list[Delta]] = []
    for _ in range(30):
        instance = chance.randint(1, 3)
        if sent and chance.random() < 0.6:
            deltas = chance.choice(sent)
            for at, delta in zip(alike, deltas, strict=True):
                at.deliver(delta, instance)
        else:
            update, e = chance.choice(["add", "remove"]), chance.choice("xyz")
            sent.append([at.run(instance, update, e) for at in alike])
        fast, slow, both = (at.ask(instance, "members") for at in alike)
        assert fast == slow == both
    for at in alike:
        at.sync()


# -- kernel ----------------------------------------------------------------------------------------


def test_causal_context_compacts_without_forgetting() -> None:
    context = load("CausalContext", engine=ENGINE[0]).zero()
    for d in [(1, 3), (1, 1), (2, 2)]:
        context = context.merge(context.update("observe", d))
    context = context.merge(context.update("settle", (1, 1)))
    assert [context.query("contains", (1, n)) for n in (1, 2, 3, 4)] == [True, False, True, False]
    context = context.merge(context.update("observe", (1, 2)))
    for n in (2, 3):
        context = context.merge(context.update("settle", (1, n)))
    assert context.query("contains", (1, 3)) and not context.query("contains", (1, 4))
    assert str(context) == "{ vector = {1: 3}, beyond = {2.2} }"
    with pytest.raises(UpdateRefused):
        context.update("settle", (2, 3))


def test_epoch_delete_wins_also_where_a_crash_forgot_an_earlier_delete() -> None:
    log = load("HyperLogLog", engine=ENGINE[0]).zero()
    raise_one = {0: 1}
    one = log.merge(log.update("add", raise_one, by=1))
    deleted = one.update("delete", by=1)
    two = one.merge(deleted)
    # Instance 1 crashes back to before the delete, which instance 2 has; both go on, with dots not used before.
    added = two.update("add", raise_one, by=2)
    again = one.update("delete", by=1, at=(1, 5))
    assert not one.merge(again).merge(deleted).merge(added).query("present")


def test_or_map_touch_wins_over_a_concurrent_remove() -> None:
    at = Instances("ORMap[Text, ORSet[Text]]", 2)
    at.run(1, "touch", "k")
    at.run(1, "touch", "j")
    at.sync()
    at.run(1, "touch", "k")
    at.run(2, "remove", "k")
    at.run(2, "remove", "j")
    assert at.sync().query("members") == {"k"}


def test_dot_map_closing_a_part_takes_what_is_written_into_it_at_the_same_time() -> None:
    at = Instances("DotMap[Max]", 2)
    opened = at.run(1, "open")
    at.sync()
    d = opened.dots[-1]
    at.run(2, "close", d)
    assert not at.sync().query("live", d)
    with pytest.raises(UpdateRefused):
        at.run(1, "close", d)


class Increments:
    """What a ResetCounter should hold, told from the history alone.

    An increment that extends an accumulator stands for all earlier ones there; a reset cancels those that it knew.
    """

    def __init__(self) -> None:
        self.amounts: dict[tuple[object, int], int] = {}
        self.cancels: dict[int, frozenset[tuple[object, int]]] = {}

    def known(self, operations: frozenset[object]) -> frozenset[tuple[object, int]]:
        """The increments that a merge of these operations knows; each stands for its predecessors too."""
        direct = {o for o in operations if isinstance(o, tuple)}
        for o in operations:
            if isinstance(o, int):
                direct |= self.cancels[o]
        return frozenset(i for i in self.amounts if any(i[0] == o[0] and i[1] <= o[1] for o in direct))

    def left(self, operations: frozenset[object]) -> frozenset[tuple[object, int]]:
        cancelled = {i for o in operations if isinstance(o, int) for i in self.cancels[o]}
        return self.known(operations) - cancelled


@pytest.mark.parametrize("seed", range(40))
def test_reset_counter_counts_what_no_reset_has_seen_in_any_order_of_delivery(seed: int) -> None:
    chance = random.Random(seed)
    at = Instances("ResetCounter")
    history = Increments()
    has: dict[int, frozenset[object]] = {1: frozenset(), 2: frozenset(), 3: frozenset()}
    open_: dict[int, list[object]] = {1: [], 2: [], 3: []}
    sent: list[tuple[object, Delta]] = []
    for step in range(30):
        i = chance.randint(1, 3)
        action = chance.choice(["add", "extend", "reset", "deliver", "deliver", "deliver"])
        if action == "deliver" and sent:
            name, delta = chance.choice(sent)
            at.deliver(delta, i)
            has[i] |= {name}
        elif action == "reset":
            history.cancels[step] = history.known(has[i])
            sent.append((step, at.run(i, "reset")))
            has[i] |= {step}
        elif action in ("add", "extend"):
            amount = chance.randint(-3, 5)
            if action == "extend" and open_[i]:
                accumulator = chance.choice(open_[i])
                delta = at.run(i, "extend", accumulator, amount)
                index = 1 + max(k for a, k in history.amounts if a == accumulator)
            else:
                delta = at.run(i, "add", amount)
                accumulator, index = delta.dots[-1], 1
                open_[i].append(accumulator)
            history.amounts[accumulator, index] = amount
            sent.append(((accumulator, index), delta))
            has[i] |= {(accumulator, index)}
        for j in has:
            left = history.left(has[j])
            assert at.ask(j, "present") == bool(left)
            assert at.ask(j, "total") == sum(history.amounts[x] for x in left)
    at.sync()


# -- set -------------------------------------------------------------------------------------------


def test_set_remove_of_one_member_spares_another_added_by_the_same_command() -> None:
    at = Instances("ORSet[Text]", 2)
    at.run(1, "add", "a")
    at.run(1, "add", "b")
    at.sync()
    at.run(2, "remove", "a")
    assert at.sync().query("members") == {"b"}


def test_set_add_wins_over_a_concurrent_remove() -> None:
    at = Instances("ORSet[Text]", 2)
    at.run(1, "add", "a")
    at.sync()
    at.run(1, "remove", "a")
    at.run(2, "add", "a")
    assert at.sync().query("members") == {"a"}


def test_set_add_that_arrives_after_its_remove_does_not_resurrect() -> None:
    at = Instances("ORSet[Text]")
    added = at.run(1, "add", "x")
    at.deliver(added, 2)
    removed = at.run(2, "remove", "x")
    at.deliver(removed, 3)
    at.deliver(added, 3, 3)
    assert at.ask(3, "members") == frozenset()
    assert at.sync().query("members") == frozenset()


def test_set_three_way_merge_of_the_riak_fault() -> None:
    at = Instances("ORSet[Text]")
    at.run(1, "add", "foo")
    at.run(1, "add", "bar")
    at.run(2, "add", "baz")
    at.states[3] = at.states[1].merge(at.states[2])
    at.run(1, "remove", "bar")
    assert at.states[1].merge(at.states[3]).query("members") == {"foo", "baz"}


def test_set_clear_leaves_a_concurrent_add() -> None:
    at = Instances("ORSet[Text]", 2)
    for e in "abc":
        at.run(1, "add", e)
    at.sync()
    at.run(1, "clear")
    at.run(2, "add", "d")
    assert at.sync().query("members") == {"d"}


# -- string and counter ----------------------------------------------------------------------------


def test_scalar_write_that_saw_another_replaces_it_though_its_clock_is_hours_behind() -> None:
    at = Instances("Scalar", 2)
    at.run(1, "set", text("a"), when=10_000)
    at.sync()
    at.run(2, "set", text("b"), when=1)
    assert at.sync().query("value") == text("b")


@pytest.mark.parametrize(("clock", "winner"), [((5, 3), "a"), ((3, 5), "b"), ((4, 4), "a")])
def test_scalar_concurrent_writes_the_later_clock_then_the_smaller_instance(
    clock: tuple[int, int], winner: str
) -> None:
    at = Instances("Scalar", 2)
    at.run(1, "set", text("a"), when=clock[0])
    at.run(2, "set", text("b"), when=clock[1])
    assert at.sync().query("value") == text(winner)


def test_scalar_overwritten_loser_does_not_reappear() -> None:
    at = Instances("Scalar", 4)
    a = at.run(1, "set", text("a"), when=5)
    b = at.run(2, "set", text("b"), when=3)
    at.deliver(a, 3)
    c = at.run(3, "set", text("c"), when=1)
    read = []
    for delta in (a, b, c):
        at.deliver(delta, 4)
        read.append(at.ask(4, "value"))
    assert read == [text("a"), text("a"), text("c")]


def test_scalar_three_writes_converge_in_every_order() -> None:
    at = Instances("Scalar", 3)
    a = at.run(1, "set", text("a"), when=10)
    at.deliver(a, 2)
    b = at.run(2, "set", text("b"), when=5)
    c = at.run(3, "set", text("c"), when=7)
    zero = load("Scalar", engine=ENGINE[0]).zero()
    orders = [(a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)]
    assert len({zero.merge(x).merge(y).merge(z) for x, y, z in orders}) == 1


def test_scalar_is_redis_string_when_alone() -> None:
    at = Instances("Scalar", 1)
    assert at.ask(1, "value") is None
    at.run(1, "increase", 1, None)
    assert at.ask(1, "value") == number(1)
    at.run(1, "set", number(5))
    opened = at.run(1, "increase", 1, None)
    assert at.ask(1, "value") == number(6)
    at.run(1, "increase", Fraction(-1, 2), opened.dots[0])
    assert at.ask(1, "value") == number(Fraction(11, 2))
    at.run(1, "set", text("abc"))
    with pytest.raises(UpdateRefused):
        at.run(1, "increase", 1, None)
    at.run(1, "delete")
    assert at.ask(1, "value") is None


def test_scalar_concurrent_increments_add_up() -> None:
    at = Instances("Scalar", 2)
    first = at.run(1, "increase", 10, None)
    at.sync()
    at.run(1, "increase", 5, first.dots[0])
    at.run(2, "increase", -3, None)
    assert at.sync().query("value") == number(12)


def test_scalar_delete_spares_an_increment_that_overtaking_hid_from_it() -> None:
    at = Instances("Scalar")
    ten = at.run(1, "increase", 10, None)
    at.deliver(ten, 2)
    hundred = at.run(2, "increase", 100, None)
    at.deliver(hundred, 3)
    at.run(3, "delete")
    assert at.sync().query("value") == number(10)


def test_scalar_delete_spares_an_increment_of_an_earlier_process() -> None:
    at = Instances("Scalar")
    ten = at.run(1, "increase", 10, None)
    five = at.run(1, "increase", 5, None)
    at.deliver(five, 3)
    deleted = at.run(3, "delete")
    at.deliver(ten, 3)
    assert at.ask(3, "value") == number(10)
    at.deliver(deleted, 1)
    assert at.ask(1, "value") == number(10)


def test_scalar_set_and_delete_cancel_only_the_increments_they_saw() -> None:
    for update, args, left in [("set", (number(20),), 21), ("delete", (), 1)]:
        at = Instances("Scalar", 2)
        at.run(1, "increase", 7, None)
        at.sync()
        at.run(1, update, *args)
        at.run(2, "increase", 1, None)
        assert at.sync().query("value") == number(left)


def test_scalar_later_set_counts_the_increment_it_did_not_see_on_top() -> None:
    at = Instances("Scalar", 2)
    at.run(1, "set", number(10), when=1)
    at.run(1, "increase", 1, None)
    at.run(2, "set", number(20), when=2)
    assert at.sync().query("value") == number(21)


def test_scalar_cancelled_increments_arriving_after_their_set_show_nothing_wrong() -> None:
    at = Instances("Scalar")
    seven = at.run(1, "increase", 7, None)
    at.deliver(seven, 2)
    replaced = at.run(2, "set", number(1))
    at.deliver(replaced, 3)
    assert at.ask(3, "value") == number(1)
    at.deliver(seven, 3)
    assert at.ask(3, "value") == number(1)


def test_scalar_text_beside_an_increment_shows_alone_until_the_next_set() -> None:
    at = Instances("Scalar", 2)
    at.run(1, "set", text("abc"))
    at.run(2, "increase", 1, None)
    assert at.sync().query("value") == text("abc")
    with pytest.raises(UpdateRefused):
        at.run(1, "increase", 1, None)
    at.run(1, "set", number(4))
    assert at.sync().query("value") == number(4)


def test_scalar_crash_that_forgot_an_increment_counts_all_with_a_new_accumulator() -> None:
    at = Instances("Scalar", 2)
    opened = at.run(1, "increase", 5, None)
    at.sync()
    saved = at.states[1]
    lost = at.run(1, "increase", 3, opened.dots[0])
    at.deliver(lost, 2)
    at.states[1] = saved
    after = at.states[1].update("increase", 2, None, by=1, at=(1, 100))
    at.deliver(after, 1, 2)
    assert at.sync().query("value") == number(10)


def test_scalar_collected_accumulator_does_not_come_back_with_an_old_snapshot() -> None:
    at = Instances("Scalar")
    opened = at.run(1, "increase", 5, None)
    at.deliver(opened, 2)
    snapshot = at.states[2]
    deleted = at.run(2, "delete")
    at.deliver(deleted, 1, 3)
    collected = at.run(1, "collect", opened.dots[0])
    at.deliver(collected, 2, 3)
    assert str(at.states[3]) == str(load("Scalar", engine=ENGINE[0]).zero())
    at.states[3] = at.states[3].merge(snapshot)
    assert at.ask(3, "value") is None
    at.run(3, "increase", 1, None)
    assert at.ask(3, "value") == number(1)
    with pytest.raises(UpdateRefused):
        at.run(2, "collect", opened.dots[0])


# -- sorted set ------------------------------------------------------------------------------------


def test_sorted_set_remove_beside_an_increment_leaves_the_increment() -> None:
    at = Instances("SortedSet", 2)
    at.run(1, "add", "m", 10)
    at.sync()
    at.run(1, "remove", "m")
    at.run(2, "increase", "m", 2, None)
    assert at.sync().query("score", "m") == number(2)


def test_sorted_set_add_beside_an_increment_adds_up() -> None:
    at = Instances("SortedSet", 2)
    at.run(1, "add", "m", 1, when=1)
    at.sync()
    at.run(1, "add", "m", 10, when=2)
    at.run(2, "increase", "m", 2, None)
    assert at.sync().query("score", "m") == number(12)


def test_sorted_set_is_in_redis_order() -> None:
    at = Instances("SortedSet", 1)
    for member, score in [("c", 1), ("a", 2), ("b", 1), ("z", Fraction(-1, 2))]:
        at.run(1, "add", member, score)
    at.run(1, "add_infinite", "top", True)
    at.run(1, "add_infinite", "bottom", False)
    assert at.ask(1, "range") == ("bottom", "z", "b", "c", "a", "top")
    at.run(1, "remove", "b")
    assert at.ask(1, "size") == 5
    at.run(1, "clear")
    assert at.ask(1, "range") == ()


# -- hash ------------------------------------------------------------------------------------------


def test_hash_add_wins_over_a_concurrent_field_delete() -> None:
    at = Instances("Hash", 2)
    at.run(1, "set", "f", text("old"))
    at.run(1, "set", "g", text("other"))
    at.sync()
    at.run(1, "remove", "f")
    at.run(2, "set", "f", text("new"))
    state = at.sync()
    assert state.query("get", "f") == text("new")
    assert state.query("names") == {"f", "g"}


def test_hash_field_delete_beside_an_increment_leaves_the_increment() -> None:
    at = Instances("Hash", 2)
    at.run(1, "increase", "f", 10, None)
    at.sync()
    at.run(1, "remove", "f")
    at.run(2, "increase", "f", 3, None)
    assert at.sync().query("get", "f") == number(3)


def test_hash_delete_of_the_key_leaves_a_concurrent_new_field() -> None:
    at = Instances("Hash", 2)
    at.run(1, "set", "a", text("1"))
    at.sync()
    at.run(1, "clear")
    at.run(2, "set", "new", text("v"))
    assert at.sync().query("names") == {"new"}


def test_hash_expiry_of_a_deleted_field_does_not_strike_the_next_one() -> None:
    at = Instances("Hash", 2)
    at.run(1, "set", "f", text("v"))
    at.sync()
    at.run(1, "remove", "f")
    at.run(2, "expire", "f", 10)
    assert at.sync().query("names") == frozenset()
    at.run(1, "increase", "f", 1, None)
    assert at.sync().query("deadline", "f") is None


def test_hash_new_value_is_not_struck_by_a_concurrent_expiry() -> None:
    at = Instances("Hash", 2)
    at.run(1, "set", "f", text("v"))
    at.sync()
    at.run(1, "set", "f", text("w"))
    at.run(2, "expire", "f", 1)
    state = at.sync()
    assert (state.query("get", "f"), state.query("deadline", "f")) == (text("w"), None)


def test_hash_longest_concurrent_expiry_wins_and_a_missing_field_takes_none() -> None:
    at = Instances("Hash", 2)
    at.run(1, "set", "f", text("v"))
    at.sync()
    at.run(1, "expire", "f", 10)
    at.run(2, "expire", "f", 20)
    assert at.sync().query("deadline", "f") == 20
    at.run(1, "expire", "f", 5)
    assert at.sync().query("deadline", "f") == 5
    with pytest.raises(UpdateRefused):
        at.run(1, "expire", "missing", 5)


# -- HyperLogLog -----------------------------------------------------------------------------------


def test_hyper_log_log_union() -> None:
    at = Instances("HyperLogLog", 2)
    at.run(1, "add", {1: 3, 2: 1})
    at.run(2, "add", {2: 5})
    state = at.sync()
    assert [state.query("register", i) for i in (0, 1, 2)] == [0, 3, 5]
    at.run(1, "add", {1: 4})
    at.run(2, "add", {1: 6})
    assert at.sync().query("register", 1) == 6


def test_hyper_log_log_delete_wins_over_a_concurrent_add() -> None:
    at = Instances("HyperLogLog", 2)
    at.run(1, "add", {1: 3})
    at.sync()
    at.run(1, "delete")
    at.run(2, "add", {2: 9})
    assert at.sync().query("present") is False
    at.run(2, "add", {2: 1})
    state = at.sync()
    assert [state.query("register", i) for i in (1, 2)] == [0, 1]


def test_hyper_log_log_two_concurrent_deletes_and_an_add() -> None:
    at = Instances("HyperLogLog", 3)
    at.run(1, "add", {1: 3})
    at.sync()
    at.run(1, "delete")
    at.run(2, "delete")
    at.run(3, "add", {2: 9})
    assert at.sync().query("present") is False


def test_hyper_log_log_two_concurrent_sets_do_not_annihilate() -> None:
    at = Instances("HyperLogLog", 2)
    at.run(1, "add", {1: 9})
    at.sync()
    at.run(1, "replace", {2: 1})
    at.run(2, "replace", {3: 1})
    state = at.sync()
    assert [state.query("register", i) for i in (1, 2, 3)] == [0, 1, 1]


def test_hyper_log_log_delete_of_a_missing_key_leaves_nothing_behind() -> None:
    at = Instances("HyperLogLog", 2)
    at.run(1, "delete")
    at.run(2, "add", {1: 1})
    state = at.sync()
    assert state.query("present") is True
    assert str(at.states[1]).count("epoch") == 0


def test_every_file_of_the_library_folder_names_its_rules() -> None:
    folder = Path(load("ORSet").definition.file).parent
    mine = [*folder.glob("kernel/*.crdt"), *folder.glob("classics/*.crdt"), folder / "scalar.crdt"]
    without = {p.name for p in mine if "rule " not in p.read_text(encoding="utf-8")}
    assert without <= {"or_set_refinement.crdt"}
