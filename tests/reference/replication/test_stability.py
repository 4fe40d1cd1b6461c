"""The stable cut: two rounds, and only what its reporters' own effects cover."""

from __future__ import annotations

from mergelaw.replication.stability import Reported, Stability
from mergelaw.semantics.context import EMPTY, CausalContext


def to(**vector: int) -> CausalContext:
    """to(a=3, b=1): dots of instances 1 and 2."""
    return CausalContext.from_vector({" abc".index(name): number for name, number in vector.items()})


def reported(received: CausalContext, cut: CausalContext = EMPTY, durable: CausalContext | None = None) -> Reported:
    return Reported(received, received if durable is None else durable, cut)


def test_the_cut_is_what_all_report() -> None:
    cut = Stability(1)
    assert not cut.advance((1, 2, 3), reported(to(a=5, b=5)))
    cut.report(2, reported(to(a=3, b=4)))
    assert not cut.advance((1, 2, 3), reported(to(a=5, b=5)))
    cut.report(3, reported(to(a=4, b=2)))
    assert cut.advance((1, 2, 3), reported(to(a=5, b=5)))
    assert cut.cut == to(a=3, b=2)
    assert cut.everywhere == EMPTY
    assert not cut.advance((1, 2, 3), reported(to(a=5, b=5)))


def test_a_report_counts_once_we_hold_what_its_sender_had_issued() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=5, b=3)))
    assert not cut.advance((1, 2), reported(to(a=5, b=2)))
    assert cut.cut == EMPTY
    assert cut.advance((1, 2), reported(to(a=5, b=3)))
    assert cut.cut == to(a=5, b=3)


def test_also_what_it_had_issued_and_was_not_durable() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=5, b=3), durable=to(a=5, b=1)))
    assert not cut.advance((1, 2), reported(to(a=5, b=2)))
    assert cut.advance((1, 2), reported(to(a=5, b=3)))
    assert cut.cut == to(a=5, b=1)


def test_under_load_the_cut_moves_on() -> None:
    cut = Stability(1)
    for number in range(1, 50):
        # We are always one effect behind the newest report, and have by then what the one before told.
        cut.report(2, reported(to(b=number)))
        cut.advance((1, 2), reported(to(b=number - 1) if number > 1 else EMPTY))
    assert cut.cut == to(b=48)


def test_the_second_round_takes_the_cuts_of_all() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=5), cut=to(a=4)))
    assert cut.advance((1, 2), reported(to(a=5), cut=to(a=3)))
    assert cut.everywhere == to(a=3)


def test_what_is_not_durable_here_does_not_count() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=5)))
    cut.advance((1, 2), reported(to(a=5), durable=to(a=2)))
    assert cut.cut == to(a=2)


def test_a_new_member_holds_the_cut_and_a_removed_one_does_not() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=1)))
    assert cut.advance((1, 2), reported(to(a=2)))
    cut.report(2, reported(to(a=2)))
    assert not cut.advance((1, 2, 3), reported(to(a=2)))
    assert cut.cut == to(a=1)
    cut.forget(3)
    assert cut.advance((1, 2), reported(to(a=2)))
    assert cut.cut == to(a=2)


def test_a_new_instance_starts_with_the_cut_of_its_snapshot() -> None:
    cut = Stability(3)
    assert cut.adopt(to(a=4))
    assert cut.cut == to(a=4)
    assert not cut.adopt(to(a=3))
    assert cut.cut == to(a=4)


def test_a_new_member_that_has_nothing_yet_takes_nothing_from_the_cut() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=1), cut=to(a=1)))
    assert cut.advance((1, 2), reported(to(a=1), cut=to(a=1)))
    cut.report(4, reported(EMPTY))
    assert not cut.advance((1, 2, 4), reported(to(a=1)))
    assert cut.cut == cut.everywhere == to(a=1)


def test_reports_of_others_than_members_do_not_count() -> None:
    cut = Stability(1)
    cut.report(2, reported(to(a=2), cut=to(a=2)))
    cut.report(7, reported(to(a=1), cut=to(a=1)))
    assert cut.advance((1, 2), reported(to(a=2), cut=to(a=2)))
    assert cut.cut == cut.everywhere == to(a=2)
