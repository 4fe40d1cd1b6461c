"""A new instance: what it takes over before it takes writes, and snapshots that are behind what was collected."""

from __future__ import annotations

import pytest

from mergelaw.replication.host import Settings
from mergelaw.replication.membership import Configuration
from mergelaw.semantics.context import CausalContext
from tests.reference.replication.fakes import Network, configuration, encode, is_writable, made, three


def test_a_new_instance_learns_the_configuration_and_writes_once_in_sync() -> None:
    network = three(backlog_bytes=500)
    network.run(500)
    for number in range(20):
        network.write(1 + number % 3, b"%d" % number)
    network.run(200)
    new = network.add(4, Configuration(), seeds=(1,))
    network.run(1000)
    assert not new.live and not new.writable
    network.hubs[2].add(4, ("sim", 4))
    assert not new.writable
    network.run(8000)
    assert network.hubs[4].writable
    assert network.agree()
    assert {hub.configuration.version for hub in network.hubs.values()} == {2}
    assert network.hosts[1].configuration.address(4) == ("sim", 4)
    assert sorted(new.live) == [1, 2, 3]
    # The first snapshot had it all.
    assert new.stats.full_syncs_in == 1
    assert new.stability.cut


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_an_instance_that_joins_by_the_backlog_alone_takes_over_the_cut(seed: int, causal: bool) -> None:
    network = three(seed, causal=causal)
    network.run(500)
    for number in range(10):
        network.write(1 + number % 3, b"%d" % number)
    network.run(500)
    everywhere = network.hosts[2].everywhere
    assert everywhere
    # Its own reports and those of others do not move its cut: they come too late.
    new = network.add(4, Configuration(), seeds=(1,), settings=Settings(causal=causal, report_ms=10**6))
    network.run(100)
    network.hubs[2].add(4, ("sim", 4))
    while not new.writable:
        if not network.step():
            network.run(25)
    assert everywhere <= new.stability.cut
    assert network.hosts[4].cut == new.stability.cut
    assert new.stats.full_syncs_in == 0
    assert all(host.everywhere <= new.stability.cut for host in network.hosts.values())


@pytest.mark.parametrize("comes", [False, True])
def test_a_cut_is_not_taken_over_before_all_is_here_that_went_with_it(comes: bool) -> None:
    network = Network()
    network.add(2, configuration(2, 3), settings=Settings(causal=True))
    network.hubs[2].remove(3, force=True)
    network.run(500)
    first = network.write(2, b"a")
    network.run(500)
    assert first in network.hosts[2].cut
    # 2 has lost, in a crash, what its own last effect follows.
    lost = made(3, 1, 1, b"lost at 2", None, 0)
    follows = made(2, 2, 2, b"follows it", CausalContext([first, lost.identity]), 0)
    network.hosts[2]._apply(follows)
    network.hubs[2].broadcast(encode(follows), follows)
    new = network.add(4, Configuration(), seeds=(2,), settings=Settings(causal=True, join_grace_ms=5000))
    network.hubs[2].add(4, ("sim", 4))
    network.run(2000)
    assert new.synced_with == {2} and list(network.hosts[4].waiting) == [follows.identity]
    assert not new.writable and not new.stability.cut
    if comes:
        network.hosts[4].incoming_effect(lost, encode(lost))
        assert is_writable(new)
        assert first in new.stability.cut
    else:
        network.run(4000)
        assert is_writable(new)


def test_the_cut_of_a_snapshot_is_kept_though_nothing_more_becomes_stable() -> None:
    network = three(backlog_bytes=500)
    network.run(500)
    for number in range(20):
        network.write(1 + number % 3, b"%d" % number)
    network.run(500)
    new = network.add(4, Configuration(), seeds=(1,), settings=Settings(report_ms=10**6))
    network.run(100)
    network.hubs[2].add(4, ("sim", 4))
    while not new.stats.full_syncs_in:
        if not network.step():
            network.run(25)
    assert network.hosts[4].cut == new.stability.cut
    assert network.hosts[1].cut <= new.stability.cut


def takes_over(network: Network, replica: int, cut: CausalContext) -> None:
    """As from the snapshot of an instance that is not there."""
    stability = network.hubs[replica].stability
    stability.adopt(cut)
    network.hosts[replica].stable(stability.cut, stability.everywhere)


def test_a_snapshot_that_is_behind_the_cut_is_refused_and_comes_when_it_is_not() -> None:
    network = Network()
    for replica in (1, 2):
        network.add(replica, configuration(1, 2), start=False)
    behind, ahead = network.hosts[1], network.hosts[2]
    lacking = made(3, 1, 1, b"of another", None, 0)
    ahead._apply(lacking)
    for hub in network.hubs.values():
        hub.start()
    behind.write(b"never broadcast")
    while not network.hubs[2].live:
        assert network.step()
    # 2 hears of it from elsewhere, after it has said hello.
    takes_over(network, 2, CausalContext([lacking.identity]))
    network.hubs[2].backlog.forget(ahead.received)
    network.hubs[1].backlog.forget(behind.received)
    network.run(3000)
    assert "protocol error" not in network.hubs[2].stats.refusals
    assert network.agree()


def test_no_snapshot_is_offered_that_is_behind_what_the_peer_says_of_its_cut() -> None:
    network = Network()
    network.add(1, configuration(1, 2), settings=Settings(repair_ms=1000))
    network.add(2, configuration(1, 2), settings=Settings(repair_ms=10**6))
    network.run(500)
    behind, ahead = network.hosts[1], network.hosts[2]
    lacking = made(3, 1, 1, b"of another", None, 0)
    ahead._apply(lacking)
    takes_over(network, 2, CausalContext([lacking.identity]))
    network.run(200)
    behind.write(b"never broadcast")
    network.hubs[1].backlog.forget(behind.received)
    network.run(3000)
    assert "old snapshot" not in network.hubs[2].stats.refusals
    assert len(ahead.said) == 1
    behind.incoming_effect(lacking, encode(lacking))
    network.run(1000)
    assert network.agree()
    assert "old snapshot" not in network.hubs[2].stats.refusals
