"""What the backlog does not have comes as a snapshot, and nothing is lost on the way."""

from __future__ import annotations

import pytest

from mergelaw.replication.host import Settings
from tests.reference.replication.fakes import Network, configuration, three


@pytest.mark.parametrize("seed", range(5))
def test_a_full_sync_merges_both_ways_where_backlogs_do_not_reach_back(seed: int) -> None:
    network = three(seed, backlog_bytes=2000, chunk_bytes=100)
    network.run(500)
    network.cut(1, 2)
    network.cut(1, 3)
    network.run(200)
    for number in range(40):
        network.write(1, b"a%d" % number)
        network.write(2, b"b%d" % number)
        network.settle()
    network.run(500)
    network.heal(1, 2)
    network.heal(1, 3)
    network.run(20_000)
    assert network.agree()
    assert len(network.hosts[1].said) == 80
    hubs = network.hubs
    assert hubs[1].stats.full_syncs_in == 1
    assert hubs[1].stats.chunks_in > 4
    # One of the others got it from 1; the third may have heard of it in time.
    assert 1 <= hubs[2].stats.full_syncs_in + hubs[3].stats.full_syncs_in <= 2
    assert hubs[1].stats.partial_err >= 1


def test_effects_flow_between_the_chunks_of_a_full_sync() -> None:
    network = Network()
    config = configuration(1, 2)
    network.add(1, config, settings=Settings(backlog_bytes=1000, chunk_bytes=50))
    for number in range(200):
        network.write(1, b"old%d" % number)
    network.add(2, config, settings=Settings())
    two = network.hosts[2]
    while not two.incomings:
        assert network.step()
    network.write(1, b"new")
    while b"new" not in two.said.values():
        assert network.step()
    assert len(two.incomings) == 1 and len(two.said) == 1
    network.settle()
    assert network.agree()


def test_a_snapshot_that_breaks_off_is_aborted_and_comes_again() -> None:
    network = Network()
    config = configuration(1, 2)
    network.add(1, config, settings=Settings(backlog_bytes=1000, chunk_bytes=50))
    for number in range(200):
        network.write(1, b"old%d" % number)
    network.add(2, config, settings=Settings())
    while not network.hosts[2].incomings:
        assert network.step()
    network.cut(1, 2)
    network.settle()
    assert [incoming.aborted for incoming in network.hosts[2].incomings] == [True]
    assert not network.hosts[2].said
    network.heal(1, 2)
    network.run(2000)
    assert network.agree()


def test_effects_cut_off_while_a_snapshot_is_on_its_way_come_after_it() -> None:
    network = Network()
    config = configuration(1, 2)
    network.add(1, config, settings=Settings(backlog_bytes=1000, chunk_bytes=50))
    for number in range(200):
        network.write(1, b"old%d" % number)
    network.add(2, config, settings=Settings())
    two = network.hosts[2]
    while not two.incomings:
        assert network.step()
    # More than the backlog holds, before any of it was sent.
    for number in range(50):
        network.write(1, b"new%d" % number)
    network.settle()
    assert network.agree()
    assert len(two.said) == 250
    assert network.hubs[2].stats.full_syncs_in == 2
    assert network.states() == {12: "live", 21: "live"}


def waits_at_one(backlog_bytes: int) -> tuple[Network, tuple[int, int]]:
    """1 holds an effect of 3 that waits for one which nobody has any more; 3 is gone."""
    network = Network()
    settings = Settings(causal=True, backlog_bytes=backlog_bytes, chunk_bytes=50)
    for replica in (1, 3):
        network.add(replica, configuration(1, 2, 3), settings=settings)
    network.run(500)
    network.hosts[3].write(b"lost")
    waiting = network.write(3, b"waits for it")
    network.settle()
    network.kill(3)
    network.settle()
    assert list(network.hosts[1].waiting) == [waiting]
    return network, waiting


def test_an_effect_that_waits_and_is_cut_off_makes_no_second_offer() -> None:
    network, waiting = waits_at_one(backlog_bytes=1000)
    for number in range(50):
        network.write(1, b"%d" % number)
    network.add(2, configuration(1, 2, 3), settings=Settings(causal=True))
    network.run(3000)
    assert "protocol error" not in network.hubs[2].stats.refusals
    assert network.hubs[2].stats.full_syncs_in == 1
    assert network.hosts[2].received == network.hosts[1].received
    assert waiting not in network.hosts[2].received
    assert network.states()[12] == network.states()[21] == "live"


def test_an_effect_that_waits_goes_out_beside_a_snapshot() -> None:
    network, waiting = waits_at_one(backlog_bytes=3000)
    network.hubs[1].backlog.forget(network.hosts[1].received)
    network.write(1, b"a")
    network.hubs[1].backlog.forget(network.hosts[1].received)
    network.add(2, configuration(1, 2, 3), settings=Settings(causal=True))
    two = network.hosts[2]
    while not two.incomings:
        assert network.step()
    network.settle()
    assert list(two.waiting) == [waiting]
    assert two.received == network.hosts[1].received


def test_an_effect_that_waits_and_is_cut_off_while_a_snapshot_is_on_its_way_makes_no_second_offer() -> None:
    network, waiting = waits_at_one(backlog_bytes=3000)
    network.write(1, b"a" * 400)
    network.hubs[1].backlog.forget(network.hosts[1].received)
    network.add(2, configuration(1, 2, 3), settings=Settings(causal=True))
    session = None
    while session is None or session.out is None or not session.out.full:
        assert network.step()
        session = network.hubs[1].live.get(2)
    for number in range(50):
        network.write(1, b"%d" % number)
    network.run(3000)
    assert "protocol error" not in network.hubs[2].stats.refusals
    assert network.hosts[2].received == network.hosts[1].received
    assert network.states()[12] == network.states()[21] == "live"
    assert waiting not in network.hosts[2].received


def test_what_new_effects_do_not_bring_is_sent_once_the_peer_has_lacked_it_for_long() -> None:
    network = Network()
    for replica in (1, 2):
        network.add(replica, configuration(1, 2), settings=Settings(repair_ms=1000))
    network.run(500)
    network.hosts[1].write(b"applied behind the back of replication")
    network.hubs[1].backlog.forget(network.hosts[1].received)
    network.run(500)
    assert not network.hosts[2].said
    network.run(1500)
    assert network.agree()


def test_effects_that_were_never_broadcast_reach_a_peer_by_a_snapshot() -> None:
    network = Network()
    for replica in (1, 2):
        network.add(replica, configuration(1, 2))
    network.hosts[1].write(b"applied behind the back of replication")
    network.run(1000)
    assert network.agree()
    assert network.hubs[2].stats.full_syncs_in == 1
