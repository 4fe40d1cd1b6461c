"""Traces and documented rules of the list, stream, JSON, expiry, key and keyspace specs, run on both engines.

Numbers such as 7a are those of the traces in the notes on stores; "rule 63" those of the rules of the Redis
documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.types import Delta, LoadedType, State, load


class Instances:
    """Replicas of one type that exchange deltas when told to."""

    def __init__(self, of: LoadedType) -> None:
        self.of = of
        self.states: dict[int, State] = {}

    def __getitem__(self, replica: int) -> State:
        return self.states.get(replica, self.of.zero())

    def do(self, replica: int, name: str, *args: object, when: int = 0) -> Delta:
        """Runs an update at `replica`, which applies it at once; the delta."""
        delta = self[replica].update(name, *args, by=replica, when=when)
        self.states[replica] = self[replica].merge(delta)
        return delta

    def deliver(self, replica: int, *deltas: Delta) -> None:
        for delta in deltas:
            self.states[replica] = self[replica].merge(delta)

    def sync(self, *replicas: int) -> State:
        """All of them hold what each of them held; that state."""
        whole = self.of.zero()
        for r in replicas:
            whole = whole.merge(self[r])
        for r in replicas:
            self.states[r] = self[r].merge(whole)
            assert self[r] == whole
        return whole


@pytest.fixture(params=["compiled", "interpreted"])
def start(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes instances of a named type, on each engine."""
    yield lambda name: Instances(load(name, engine=request.param))


# -- expiry ----------------------------------------------------------------------------------------


def test_longest_of_concurrent_deadlines_is_in_force_rule_63(start: Any) -> None:
    e = start("Expiry")
    e.do(1, "set", 100, when=9)
    e.do(2, "set", 50, when=10)
    assert e.sync(1, 2).deadline() == 100
    assert e[1].owner() == 1


def test_persist_is_the_longest_rule_63(start: Any) -> None:
    e = start("Expiry")
    e.do(1, "set", 100)
    e.sync(1, 2)
    e.do(1, "persist")
    e.do(2, "set", 10**6)
    assert e.sync(1, 2).deadline() is None


def test_later_expire_shortens_and_takes_over_rule_65(start: Any) -> None:
    e = start("Expiry")
    e.do(1, "set", 100)
    e.sync(1, 2)
    e.do(2, "set", 10)
    whole = e.sync(1, 2)
    assert (whole.deadline(), whole.owner()) == (10, 2)
    assert whole.expired(10) and not whole.expired(9)


def test_equal_deadlines_are_owned_by_the_smallest_dot_7e(start: Any) -> None:
    e = start("Expiry")
    e.do(2, "set", 100)
    e.do(1, "set", 100)
    assert e.sync(1, 2).owner() == 1


# -- list ------------------------------------------------------------------------------------------


def test_list_alone_is_redis_list(start: Any) -> None:
    lst = start("List[Text]")
    for v in "bc":
        lst.do(1, "push_right", v)
    lst.do(1, "push_left", "a")
    second = lst[1].positions()[1]
    lst.do(1, "insert_before", second, "x")
    lst.do(1, "insert_after", second, "y")
    assert lst[1].values() == ("a", "x", "b", "y", "c")
    lst.do(1, "set", second, "B")
    lst.do(1, "remove", lst[1].front())
    assert lst[1].values() == ("x", "B", "y", "c")
    assert lst[1].size() == 4


def test_concurrent_inserts_stand_side_by_side_rule_27(start: Any) -> None:
    lst = start("List[Text]")
    for v in "ac":
        lst.do(1, "push_right", v)
    lst.sync(1, 2)
    a = lst[1].front()
    lst.do(1, "insert_after", a, "x")
    lst.do(2, "insert_after", a, "y")
    assert lst.sync(1, 2).values() == ("a", "x", "y", "c")


def test_pop_is_at_least_once_rule_28(start: Any) -> None:
    lst = start("List[Text]")
    lst.do(1, "push_right", "a")
    lst.do(1, "push_right", "b")
    lst.sync(1, 2)
    popped = [lst[r].get(lst[r].front()) for r in (1, 2)]
    for r in (1, 2):
        lst.do(r, "remove", lst[r].front())
    assert popped == ["a", "a"]
    assert lst.sync(1, 2).values() == ("b",)


def test_delete_of_a_list_spares_a_concurrent_push_rule_30(start: Any) -> None:
    lst = start("List[Text]")
    lst.do(1, "push_right", "a")
    lst.sync(1, 2)
    lst.do(1, "clear")
    lst.do(2, "push_right", "b")
    assert lst.sync(1, 2).values() == ("b",)


def test_set_beside_remove_keeps_the_new_value_23(start: Any) -> None:
    lst = start("List[Text]")
    lst.do(1, "push_right", "a")
    lst.sync(1, 2)
    x = lst[1].front()
    lst.do(1, "set", x, "A")
    lst.do(2, "remove", x)
    assert lst.sync(1, 2).values() == ("A",)


def test_element_beside_a_removed_one_shows_everywhere_6_13(start: Any) -> None:
    """No element hangs on another: it shows wherever it arrives, alone and after its neighbours are gone."""
    lst = start("List[Text]")
    lst.do(3, "push_right", "x")
    lst.sync(3, 1)
    after = lst.do(1, "push_right", "y")
    lst.deliver(2, after)
    assert lst[2].values() == ("y",)
    lst.do(1, "remove", lst[1].front())
    lst.do(1, "push_left", "z")
    assert lst.sync(1, 2, 3).values() == ("z", "y")


EDITS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["insert", "remove", "sync"]), st.integers(0, 100), st.integers(1, 3)),
    max_size=25,
)


@settings(deadline=None)
@given(EDITS)
def test_list_edits_go_where_the_caller_sees_them(edits: list[tuple[int, str, int, int]]) -> None:
    """Against a plain Python list at each instance; no two inserts share a position; the order never changes."""
    lst = Instances(load("List[Text]"))
    made: dict[Any, str] = {}
    for i, (r, what, where, other) in enumerate(edits):
        here = lst[r].positions()
        if what == "insert":
            at = where % (len(here) + 1)
            expected = list(lst[r].values())
            expected.insert(at, str(i))
            lst.do(r, "insert", here[at - 1] if at else None, here[at] if at < len(here) else None, str(i))
            assert list(lst[r].values()) == expected
            (new,) = set(lst[r].positions()) - set(here)
            assert new not in made
            made[new] = str(i)
        elif what == "remove" and here:
            lst.do(r, "remove", here[where % len(here)])
        else:
            lst.sync(r, other)
    whole = lst.sync(1, 2, 3)
    assert list(whole.values()) == [made[x] for x in sorted(whole.positions())]


RUN = st.lists(st.sampled_from(["before", "after", "within"]), min_size=1, max_size=5)


@settings(deadline=None)
@given(EDITS, st.integers(0, 100), RUN, RUN, st.integers(0, 4))
@example([(1, "insert", 0, 1), (3, "insert", 0, 1)], 1, ["before", "before"], ["before"], 0)
def test_concurrent_runs_do_not_interleave(
    edits: list[tuple[int, str, int, int]], where: int, mine: list[str], yours: list[str], inner: int
) -> None:
    """Two instances each write a run at the same gap, forwards, backwards and from within; runs stay in one piece."""
    lst = Instances(load("List[Text]"))
    for i, (r, what, at, other) in enumerate(edits):
        here = lst[r].positions()
        at %= len(here) + 1
        if what == "insert":
            lst.do(r, "insert", here[at - 1] if at else None, here[at] if at < len(here) else None, str(i))
        elif what == "remove" and at < len(here):
            lst.do(r, "remove", here[at])
        else:
            lst.sync(r, other)
    shared = lst.sync(1, 2, 3).values()
    gap = where % (len(shared) + 1)
    written: dict[int, list[str]] = {}
    for r, run in ((1, mine), (2, yours)):
        written[r] = []
        for i, side in enumerate(run):
            at = {"before": 0, "after": len(written[r]), "within": inner % (len(written[r]) + 1)}[side]
            written[r].insert(at, f"{r}.{i}")
            here = lst[r].positions()
            at += gap
            lst.do(r, "insert", here[at - 1] if at else None, here[at] if at < len(here) else None, f"{r}.{i}")
    whole = list(lst.sync(1, 2, 3).values())
    before, after = list(shared[:gap]), list(shared[gap:])
    assert whole in (before + written[1] + written[2] + after, before + written[2] + written[1] + after)


# -- stream ----------------------------------------------------------------------------------------


def test_entries_of_all_instances_are_read_in_order_of_ids_rules_36_41(start: Any) -> None:
    s = start("Stream")
    for r, t in ((1, 110), (2, 115), (1, 120), (2, 120)):
        s.do(r, "append", [("f", str(t))], when=t)
    assert s.sync(1, 2).ids() == ((110, 0, 1), (115, 0, 2), (120, 0, 1), (120, 0, 2))
    s.do(1, "append", [], when=100)
    assert s[1].last() == (120, 1, 1)


def test_delete_spares_concurrent_entries_rule_39(start: Any) -> None:
    s = start("Stream")
    s.do(1, "append", [], when=110)
    s.sync(1, 2)
    s.do(1, "append", [], when=120)
    s.do(2, "trim", (1000, 0, 1))
    s.do(3, "clear")
    assert s.sync(1, 2, 3).ids() == ((120, 0, 1),)


def test_one_id_given_twice_keeps_both_entries_rule_42(start: Any) -> None:
    s = start("Stream")
    for r in (1, 2):
        s.do(r, "add", (100, 1, 1), [("by", str(r))])
    whole = s.sync(1, 2)
    assert whole.at_id((100, 1, 1)) == ((("by", "1"),), (("by", "2"),))
    assert whole.size() == 2
    s.do(1, "delete", (100, 1, 1))
    assert s.sync(1, 2).size() == 0


def test_set_id_may_not_go_back_rule_46(start: Any) -> None:
    s = start("Stream")
    s.do(1, "add", (110, 0, 1), [])
    with pytest.raises(UpdateRefused):
        s.do(1, "set_id", (100, 0, 1))
    s.do(1, "set_id", (200, 0, 1))
    assert s[1].last() == (200, 0, 1)


def test_destroy_wins_over_everything_concurrent_rule_49(start: Any) -> None:
    s = start("Stream")
    s.do(1, "append", [], when=110)
    s.do(1, "create_group", "g", {})
    s.sync(1, 2, 3)
    s.do(1, "destroy_group", "g")
    s.do(2, "acknowledge", "g", 1, (110, 0, 1))
    s.do(3, "destroy_group", "g")
    s.do(3, "create_group", "g", {})
    assert s.sync(1, 2, 3).group_names() == set()


def test_acknowledge_after_destroy_and_create_is_dropped_9d(start: Any) -> None:
    s = start("Stream")
    s.do(1, "append", [], when=110)
    s.do(1, "create_group", "g", {})
    s.sync(1, 2)
    s.do(1, "destroy_group", "g")
    s.do(1, "create_group", "g", {})
    s.do(2, "acknowledge", "g", 1, (110, 0, 1))
    assert s.sync(1, 2).undelivered("g") == ((110, 0, 1),)


def test_watermarks_are_kept_per_origin_9a(start: Any) -> None:
    s = start("Stream")
    s.do(1, "create_group", "g", {})
    s.sync(1, 2)
    s.do(1, "append", [], when=120)
    s.do(1, "acknowledge", "g", 1, (120, 0, 1))
    s.do(2, "append", [], when=110)
    assert s.sync(1, 2).undelivered("g") == ((110, 0, 2),)


def test_concurrent_creations_start_at_the_lowest_9c(start: Any) -> None:
    s = start("Stream")
    s.do(1, "append", [], when=110)
    s.sync(1, 2)
    s.do(1, "create_group", "g", {})
    s.do(2, "create_group", "g", s[2].ends())
    assert s[2].undelivered("g") == ()
    assert s.sync(1, 2).undelivered("g") == ((110, 0, 1),)


def test_stream_exists_by_its_group_and_goes_with_it_25(start: Any) -> None:
    s = start("Stream")
    s.do(1, "create_group", "g", {})
    assert s[1].present()
    s.do(1, "destroy_group", "g")
    assert not s[1].present()


def test_delete_of_the_key_destroys_its_groups_rule_49(start: Any) -> None:
    s = start("Stream")
    s.do(1, "create_group", "g", {})
    s.sync(1, 2)
    s.do(1, "clear")
    s.do(2, "append", [], when=110)
    s.do(2, "create_group", "h", {})
    whole = s.sync(1, 2)
    assert (whole.ids(), whole.group_names()) == (((110, 0, 2),), set())


# -- JSON ------------------------------------------------------------------------------------------


def visible(j: Instances, replica: int) -> object:
    """The sibling that shows at `replica`."""
    return j[replica].visible()


ROLES = [(1, 2), (2, 1)]
"""The two instances, in both assignments of roles."""


def test_smaller_instance_wins_whatever_the_clocks_rule_55(start: Any) -> None:
    for early, late in ROLES:
        j = start("JSON")
        j.do(early, "set", ("words", str(early)), when=1)
        j.do(late, "create", "array", when=2)
        assert j.sync(1, 2).kind() == ("scalar" if early == 1 else "array")
        j = start("JSON")
        j.do(1, "set", ("numeral", 0))
        j.sync(1, 2)
        j.do(early, "set", ("numeral", early), when=1)
        j.do(late, "set", ("numeral", late), when=2)
        assert j.sync(1, 2).value() == ("numeral", 1)


@pytest.mark.parametrize(("p", "q"), ROLES)
def test_create_beats_update_and_delete_rule_56(start: Any, p: int, q: int) -> None:
    for name, *args in (("delete",), ("set_member", (1, 1), "a", ("numeral", 7))):
        j = start("JSON")
        j.do(1, "create", "object")
        j.do(1, "set_member", (1, 1), "a", ("numeral", 1))
        j.sync(1, 2)
        j.do(p, "create", "array")
        j.do(q, name, *args)
        assert j.sync(1, 2).kind() == "array"


@pytest.mark.parametrize(("p", "q"), ROLES)
def test_delete_beats_update_rule_57(start: Any, p: int, q: int) -> None:
    j = start("JSON")
    j.do(1, "create", "object")
    j.do(1, "set_member", visible(j, 1), "a", ("numeral", 1))
    j.sync(1, 2)
    j.do(p, "delete")
    j.do(q, "set_member", visible(j, q), "b", ("numeral", 7))
    assert not j.sync(1, 2).present()


@pytest.mark.parametrize(("p", "q"), ROLES)
def test_delete_of_an_element_beats_its_update_rule_57(start: Any, p: int, q: int) -> None:
    j = start("JSON")
    j.do(1, "create", "array")
    j.do(1, "insert_element", visible(j, 1), None, None, ("numeral", 1))
    j.sync(1, 2)
    (i,) = j[1].positions()
    j.do(p, "delete_element", visible(j, p), i)
    j.do(q, "set_element", visible(j, q), i, ("numeral", 2))
    whole = j.sync(1, 2)
    assert whole.kind() == "array" and whole.positions() == ()


@pytest.mark.parametrize(("p", "q"), ROLES)
def test_members_deleted_and_set_merge_rule_58(start: Any, p: int, q: int) -> None:
    j = start("JSON")
    j.do(1, "create", "object")
    j.do(1, "set_member", visible(j, 1), "blue", ("numeral", 1))
    j.sync(1, 2)
    j.do(p, "delete_member", visible(j, p), "blue")
    j.do(q, "set_member", visible(j, q), "red", ("numeral", 2))
    assert j.sync(1, 2).member_names() == {"red"}


@pytest.mark.parametrize(("p", "q"), ROLES)
def test_clear_of_an_array_spares_a_concurrent_append_rule_59(start: Any, p: int, q: int) -> None:
    j = start("JSON")
    j.do(1, "create", "array")
    j.do(1, "insert_element", visible(j, 1), None, None, ("numeral", 1))
    j.sync(1, 2)
    j.do(p, "clear")
    (i,) = j[q].positions()
    j.do(q, "insert_element", visible(j, q), i, None, ("numeral", 2))
    whole = j.sync(1, 2)
    assert whole.kind() == "array" and len(whole.positions()) == 1


def test_edit_that_overtakes_its_creation_is_hidden_until_born_18(start: Any) -> None:
    j = start("JSON")
    made = j.do(1, "create", "object")
    edit = j.do(1, "set_member", visible(j, 1), "a", ("numeral", 1))
    j.deliver(2, edit)
    assert not j[2].present()
    j.deliver(2, made)
    assert j[2].member_names() == {"a"} and j[2] == j[1]


def test_delete_that_overtakes_its_creation_leaves_nothing_18(start: Any) -> None:
    j = start("JSON")
    made = j.do(1, "create", "object")
    edit = j.do(1, "set_member", visible(j, 1), "a", ("numeral", 1))
    gone = j.do(1, "delete")
    j.deliver(2, gone, edit, made)
    assert j[2] == j[1] and j[2].state == j.of.zero().state


def test_edit_deep_in_a_document_makes_sense_wherever_it_arrives_18(start: Any) -> None:
    j = start("JSON")
    born = j.do(1, "create", "object")
    root = born.dots[0]
    made = j.do(1, "edit", [("to_member", root, "a")], ("make", "array"))
    array = made.dots[0]
    one = j.do(1, "edit", [("to_member", root, "a")], ("insert", array, None, None, ("numeral", 1)))
    (i,) = j[1].member("a")[array].value.elements
    two = j.do(1, "edit", [("to_member", root, "a"), ("to_element", array, i)], ("assign", ("numeral", 2)))
    for order in permutations((made, one, two)):
        other = start("JSON")
        other.deliver(2, *order)
        assert not other[2].present()
        other.deliver(2, born)
        assert other[2] == j[1]
    j.sync(1, 2)
    j.do(1, "delete_member", root, "a")
    j.do(2, "edit", [("to_member", root, "a"), ("to_element", array, i)], ("assign", ("numeral", 3)))
    assert j.sync(1, 2).member_names() == set()


# -- key -------------------------------------------------------------------------------------------


def test_old_expiry_does_not_strike_a_new_key_7a(start: Any) -> None:
    k = start("Key")
    k.do(1, "set", ("text", "v"))
    k.sync(1, 2)
    k.do(1, "delete")
    k.do(2, "expire", 10)
    assert not k.sync(1, 2).present()
    k.do(1, "add", "x")
    assert k.sync(1, 2).deadline() is None


def test_set_without_ttl_is_the_longest_7b(start: Any) -> None:
    k = start("Key")
    k.do(1, "set", ("text", "v"))
    k.sync(1, 2)
    k.do(1, "set", ("text", "w"))
    k.do(2, "expire", 1)
    assert k.sync(1, 2).deadline() is None


def test_persist_leaves_the_value_1(start: Any) -> None:
    k = start("Key")
    k.do(1, "set_for", ("text", "v"), 100)
    k.sync(1, 2)
    k.do(2, "persist")
    whole = k.sync(1, 2)
    assert whole.content() == "a_string" and whole.deadline() is None


def test_owner_expires_beside_a_write_7d(start: Any) -> None:
    k = start("Key")
    k.do(1, "add", "x")
    k.do(1, "expire", 10)
    k.sync(1, 2)
    k.do(1, "delete")
    k.do(2, "add", "y")
    whole = k.sync(1, 2)
    assert whole.content() == "a_set" and whole.deadline() is None


def test_loser_of_the_type_contest_does_not_resurface_8(start: Any) -> None:
    k = start("Key")
    k.do(1, "add", "x")
    k.do(2, "push_right", "y")
    assert k.sync(1, 2).content() == "a_set"
    with pytest.raises(UpdateRefused):
        k.do(1, "push_right", "z")
    k.do(1, "remove", "x")
    assert k.sync(1, 2).content() == "absent"
    k.do(2, "push_right", "z")
    assert k.sync(1, 2).content() == "a_list"


def test_set_replaces_every_type_20(start: Any) -> None:
    creations: list[tuple[object, ...]] = [
        ("hash_set", "f", ("number", 1)),
        ("add", "x"),
        ("score", "m", 1),
        ("push_right", "x"),
        ("sketch_add", {3: 4}),
        ("append", []),
        ("json_set", ("numeral", 1)),
    ]
    for creation in creations:
        k = start("Key")
        k.do(1, *creation)
        k.sync(1, 2)
        k.do(2, "set", ("text", "v"))
        assert k.sync(1, 2).content() == "a_string"
        k.do(1, "delete")
        assert not k.sync(1, 2).present()


def test_sketch_delete_wins_but_two_sets_of_sketches_do_not_delete_each_other_12(start: Any) -> None:
    k = start("Key")
    k.do(1, "sketch_add", {1: 5})
    k.sync(1, 2)
    k.do(1, "set_sketch", {2: 1})
    k.do(2, "set_sketch", {3: 1})
    assert k.sync(1, 2).content() == "a_sketch"
    k.do(1, "delete")
    k.do(2, "sketch_add", {1: 9})
    assert not k.sync(1, 2).present()


def test_counter_beside_delete_keeps_what_it_did_not_see(start: Any) -> None:
    k = start("Key")
    k.do(1, "increase", 10, None)
    k.sync(1, 2)
    k.do(1, "delete")
    k.do(2, "increase", 3, None)
    whole = k.sync(1, 2)
    assert whole.content() == "a_string"
    assert k.of.engine.query("present", whole.state, whole.seen, ())


# -- keyspace --------------------------------------------------------------------------------------


def test_flush_spares_concurrent_writes_rule_9(start: Any) -> None:
    ks = start("Keyspace")
    ks.do(1, "set", "a", ("text", "v"))
    ks.do(1, "add", "b", "x")
    ks.sync(1, 2)
    for name in sorted(ks[1].names()):
        ks.do(1, "delete", name)
    ks.do(2, "add", "b", "y")
    assert ks.sync(1, 2).names() == {"b"}


def test_rename_leaves_a_concurrent_write_at_the_source_22(start: Any) -> None:
    ks = start("Keyspace")
    ks.do(1, "set", "a", ("text", "v"))
    ks.sync(1, 2)
    ks.do(1, "rename", "a", "b")
    ks.do(2, "set", "a", ("text", "w"))
    assert ks.sync(1, 2).names() == {"a", "b"}


def test_concurrent_renames_to_one_target_meet_as_writes_22(start: Any) -> None:
    ks = start("Keyspace")
    ks.do(1, "set", "a", ("text", "v"))
    ks.do(1, "expire", "a", 99)
    ks.do(1, "set", "b", ("text", "w"))
    ks.sync(1, 2)
    ks.do(1, "rename", "a", "c")
    ks.do(2, "rename", "b", "c")
    whole = ks.sync(1, 2)
    assert whole.names() == {"c"} and whole.size() == 1
