"""The heap of what is due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mergelaw.clock.clock import ManualClock, SystemClock
from mergelaw.replica.expiry import Item, Schedule


def test_what_is_due_comes_in_order_and_once() -> None:
    schedule = Schedule()
    schedule.add(b"b", None, 20)
    schedule.add(b"a", "f", 10)
    schedule.add(b"a", "", 15)
    assert schedule.next_ms() == 10 and schedule.hashes == {b"a"} and len(schedule) == 3
    assert schedule.pop(9) is None
    assert [schedule.pop(30) for _ in range(4)] == [(b"a", "f"), (b"a", ""), (b"b", None), None]
    assert schedule.next_ms() is None


def test_an_earlier_deadline_counts_and_a_later_one_is_asked_for_again() -> None:
    schedule = Schedule()
    for deadline in (30, 10, 50):
        schedule.add(b"k", None, deadline)
    assert schedule.pop(10) == (b"k", None) and schedule.pop(100) is None
    schedule.add(b"k", None, 50)
    assert schedule.pop(49) is None and schedule.pop(50) == (b"k", None)


def test_prolonging_costs_no_memory() -> None:
    schedule = Schedule()
    for i in range(10_000):
        schedule.add(b"k", None, 1000 + i)
        schedule.add(b"h", "f", 20_000 - i)
    assert len(schedule) == 2 and len(schedule._heap) < 200


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.sampled_from([None, "", "x"]), st.integers(0, 9))))
def test_the_heap_agrees_with_a_table(adds: list[tuple[bytes, str | None, int]]) -> None:
    schedule, table = Schedule(), dict[Item, int]()
    for key, field, deadline in adds:
        schedule.add(key, field, deadline)
        table[key, field] = min(deadline, table.get((key, field), deadline))
    for now in range(10):
        due = {i for i, deadline in table.items() if deadline == now}
        found = set()
        while (item := schedule.pop(now)) is not None:
            assert item not in found
            found.add(item)
        assert found == due


def test_clocks() -> None:
    clock = ManualClock(5)
    clock.advance(3)
    assert (clock.now_ms(), clock.now_us(), clock.monotonic_us()) == (8, 8000, 3000)
    clock.step(-6)
    assert (clock.now_ms(), clock.monotonic_us()) == (2, 3000)
    system = SystemClock()
    assert abs(system.now_us() // 1000 - system.now_ms()) < 1000
    assert system.monotonic_us() <= system.monotonic_us()
