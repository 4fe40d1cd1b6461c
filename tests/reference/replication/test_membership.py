"""Configurations: changes made apart come together, and removal is for good."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.replication.frames import FrameError, Member, Settled
from mergelaw.replication.membership import Configuration, MembershipError

ADDRESSES = [("a", 1), ("b", 2)]


@st.composite
def histories(draw: st.DrawFn) -> Configuration:
    """One that grew from the same first configuration."""
    made = Configuration.first({1: ("h", 1), 2: ("h", 2)})
    for _ in range(draw(st.integers(0, 4))):
        replica, address = draw(st.integers(1, 5)), draw(st.sampled_from(ADDRESSES))
        try:
            match draw(st.integers(0, 4)):
                case 0:
                    made = made.with_member(replica, address)
                case 1:
                    made = made.without_member(replica)
                case 2:
                    made = made.with_address(replica, address)
                case retiring:
                    made = made.with_retiring(replica, retiring == 3)
        except MembershipError:
            continue
    return made


def content(configuration: Configuration) -> object:
    return dict(configuration.members), configuration.removed, dict(configuration.turns)


@given(histories(), histories(), histories())
def test_merging_loses_no_member_and_brings_none_back(a: Configuration, b: Configuration, c: Configuration) -> None:
    merged = a.merge(b)
    assert content(merged) == content(b.merge(a)) and merged.version == b.merge(a).version
    assert merged.removed == a.removed | b.removed
    assert set(merged.members) == (set(a.members) | set(b.members)) - merged.removed
    assert set(merged.turns) <= set(merged.members)
    assert merged.version >= max(a.version, b.version)
    assert merged.merge(a) == merged.merge(b) == merged == merged.merge(merged)
    assert content(a.merge(b).merge(c)) == content(a.merge(b.merge(c)))


@given(st.lists(histories(), min_size=2, max_size=3))
def test_gossip_ends_with_one_configuration(all_of: list[Configuration]) -> None:
    for _ in range(5):
        all_of = [reduce(Configuration.merge, all_of[i:] + all_of[:i]) for i in range(len(all_of))]
    assert all(one == all_of[0] for one in all_of)


@given(histories(), histories())
def test_the_version_tells_configurations_of_one_line_apart(a: Configuration, b: Configuration) -> None:
    merged = a.merge(b)
    for one in (a, b):
        if content(one) != content(merged):
            assert merged.version > one.version


@given(histories())
def test_messages_carry_configurations(configuration: Configuration) -> None:
    assert Configuration.of(configuration.settled()) == configuration


def test_who_joins_takes_over_all() -> None:
    known = Configuration.first({1: ("h", 1)})
    assert Configuration().merge(known) == known == known.merge(Configuration())


def test_changes_that_cannot_be() -> None:
    configuration = Configuration.first({1: ("h", 1), 2: ("h", 2)}).without_member(2)
    assert configuration.version == 2
    with pytest.raises(MembershipError, match="was removed"):
        configuration.with_member(2, ("h", 2))
    with pytest.raises(MembershipError, match="member already"):
        configuration.with_member(1, ("h", 2))
    with pytest.raises(MembershipError, match="no member"):
        configuration.without_member(3)
    with pytest.raises(MembershipError, match=r"1\.\.4095"):
        configuration.with_member(4096, ("h", 2))
    assert configuration.address(1) == ("h", 1) and configuration.address(2) is None


def test_retiring_and_being_kept_take_turns() -> None:
    first = Configuration.first({1: ("h", 1), 2: ("h", 2)})
    retiring = first.with_retiring(2, True)
    assert retiring.retiring(2) and not retiring.retiring(1) and retiring.version == 2
    assert retiring.with_retiring(2, True) is retiring and first.with_retiring(2, False) is first
    # Two instances say so at once: that is one turn. Who kept it knew of that, and prevails.
    assert retiring.merge(first.with_retiring(2, True)) == retiring
    kept = retiring.with_retiring(2, False)
    assert not kept.retiring(2) and not kept.merge(retiring).retiring(2)
    assert kept.with_retiring(2, True).merge(kept).retiring(2)
    gone = kept.without_member(2)
    assert not gone.merge(retiring).turns and not gone.merge(retiring).retiring(2)
    with pytest.raises(MembershipError, match="no member"):
        gone.with_retiring(2, True)


@pytest.mark.parametrize(
    "settled",
    [
        Settled(1, (Member(2, ("h", 1), 1), Member(1, ("h", 1), 1)), ()),
        Settled(1, (Member(1, ("h", 1), 1), Member(1, ("h", 1), 1)), ()),
        Settled(1, (Member(1, ("h", 1), 1),), (1,)),
        Settled(1, (Member(1, ("h", 1), 2),), ()),
        Settled(1, (), (3, 2)),
        Settled(0, (), (2,)),
    ],
)
def test_a_configuration_that_no_instance_has_is_refused(settled: Settled) -> None:
    with pytest.raises(FrameError):
        Configuration.of(settled)
