"""Hubs on a network in memory: every schedule comes from a seed."""

from __future__ import annotations

import pytest

from mergelaw.replication.membership import MembershipError
from tests.reference.replication.fakes import FakeHost, Network, configuration, three


@pytest.mark.parametrize("seed", range(20))
def test_hubs_that_dial_each_other_at_once_keep_one_link_each(seed: int) -> None:
    network = three(seed)
    network.piece = 7
    network.run(1000)
    assert set(network.states().values()) == {"live"}
    for left in (1, 2, 3):
        for right in (1, 2, 3):
            if left < right:
                here, there = network.hubs[left].live[right], network.hubs[right].live[left]
                assert here.link.dialed != there.link.dialed
    wires = [pipe for pipe in network.pipes if pipe.open]
    assert len(wires) == 6


def test_an_effect_reaches_all() -> None:
    network = three()
    network.run(500)
    network.write(1, b"a")
    network.write(2, b"b", dots=3)
    network.settle()
    assert network.agree()
    assert set(network.hosts[3].said.values()) == {b"a", b"b"}
    assert network.hubs[3].stats.effects_filtered == 0


def test_a_cut_link_that_heals_gets_a_partial_sync() -> None:
    network = three()
    network.run(500)
    network.cut(1, 2)
    network.run(300)
    for number in range(50):
        network.write(1, b"a%d" % number)
        network.write(2, b"b%d" % number)
    network.run(500)
    assert not network.agree()
    network.heal(1, 2)
    network.run(8000)
    assert network.agree()
    assert all(hub.stats.full_syncs_in == 0 for hub in network.hubs.values())
    assert network.hubs[1].stats.partial_ok >= 3


def test_a_silent_peer_is_given_up_and_met_again() -> None:
    network = three(dead_ms=2000, backoff_max_ms=500)
    network.run(500)
    network.cut(1, 2, silently=True)
    network.write(1, b"a")
    network.run(1000)
    assert network.states()[12] == "live"
    network.run(3000)
    assert network.states()[12] in ("down", "connecting")
    network.heal(1, 2)
    network.run(2000)
    assert network.states()[12] == "live"
    assert network.agree()


def test_pause_stops_both_directions_and_loses_nothing() -> None:
    network = three()
    network.run(500)
    network.hubs[1].pause()
    network.write(1, b"mine")
    network.write(2, b"yours")
    network.run(2000)
    assert set(network.hosts[1].said.values()) == {b"mine"}
    assert set(network.hosts[3].said.values()) == {b"yours"}
    assert network.states()[12] == network.states()[13] == "paused"
    network.hubs[1].resume()
    network.settle()
    assert network.agree()
    assert len(network.hosts[1].said) == 2


def test_when_all_were_paused_the_last_to_resume_links_at_once() -> None:
    network = three()
    network.run(500)
    for hub in network.hubs.values():
        hub.pause()
    for replica in (1, 2, 3):
        network.write(replica, b"of %d" % replica)
    network.run(20_000)
    for hub in network.hubs.values():
        hub.resume()
        network.settle()
    assert network.agree()
    assert len(network.hosts[1].said) == 3


def test_a_restarted_instance_gets_its_lost_writes_back() -> None:
    network = three()
    network.run(500)
    kept = [network.write(1, b"kept")]
    network.settle()
    lost = network.write(1, b"lost")
    network.settle()
    network.kill(1)
    network.settle()
    host = FakeHost(1, network.clock)
    _, effect = host.write(b"kept")
    assert effect.identity == kept[0]
    network.add(1, configuration(1, 2, 3), host=host)
    network.run(3000)
    assert lost in network.hosts[1].said
    assert network.agree()
    assert all(hub.stats.full_syncs_in == 0 for hub in network.hubs.values())
    assert sorted(set(host.synced_with)) == [2, 3]


def test_effects_of_an_instance_that_is_gone_are_passed_on() -> None:
    network = three(repair_ms=1000)
    network.run(500)
    network.cut(1, 3)
    network.run(100)
    network.write(1, b"only at 2")
    network.settle()
    network.kill(1)
    network.run(500)
    assert b"only at 2" not in network.hosts[3].said.values()
    network.run(3000)
    assert b"only at 2" in network.hosts[3].said.values()


def test_causal_effects_are_relayed_and_wait_for_what_they_follow() -> None:
    network = three(causal=True)
    network.run(500)
    network.cut(1, 3)
    network.run(100)
    first = network.write(1, b"first")
    network.settle()
    second = network.write(2, b"second")
    network.settle()
    assert [first, second] == network.hosts[3].order
    assert network.hubs[2].stats.effects_relayed == 1
    network.heal(1, 3)
    network.run(6000)
    assert network.agree()


@pytest.mark.parametrize("seed", range(10))
def test_under_causal_delivery_order_survives_cuts(seed: int) -> None:
    network = three(seed, causal=True, backlog_bytes=3000, chunk_bytes=200, backoff_max_ms=200)
    network.run(300)
    pairs = [(1, 2), (1, 3), (2, 3)]
    for number in range(60):
        pair = network.random.choice(pairs)
        action = network.random.random()
        if action < 0.2:
            network.cut(*pair)
        elif action < 0.4:
            network.heal(*pair)
        network.write(network.random.choice((1, 2, 3)), b"%d" % number)
        for _ in range(network.random.randrange(20)):
            network.step()
        if action > 0.9:
            network.run(100)
    for pair in pairs:
        network.heal(*pair)
    network.run(6000)
    assert network.agree()
    assert len(network.hosts[1].said) == 60
    assert not any(host.waiting for host in network.hosts.values())


@pytest.mark.parametrize("seed", range(15))
def test_whatever_breaks_all_agree_in_the_end(seed: int) -> None:
    network = three(seed, backlog_bytes=4000, chunk_bytes=150, backoff_max_ms=200, dead_ms=2000)
    network.piece = 50
    pairs = [(1, 2), (1, 3), (2, 3)]
    for number in range(80):
        pair = network.random.choice(pairs)
        action = network.random.random()
        if action < 0.15:
            network.cut(*pair, silently=network.random.random() < 0.3)
        elif action < 0.35:
            network.heal(*pair)
        elif action < 0.42:
            network.hubs[network.random.choice((1, 2, 3))].pause()
        elif action < 0.52:
            network.hubs[network.random.choice((1, 2, 3))].resume()
        network.write(network.random.choice((1, 2, 3)), b"%d" % number)
        for _ in range(network.random.randrange(60)):
            network.step()
        if action > 0.8:
            network.run(network.random.randrange(300))
    for pair in pairs:
        network.heal(*pair)
    for hub in network.hubs.values():
        hub.resume()
    network.run(8000)
    assert network.agree()
    assert len(network.hosts[1].said) == 80
    assert set(network.states().values()) == {"live"}


# -- lag, cut ----------------------------------------------------------------------------------------------------------


def test_lag_is_told_in_operations_and_milliseconds() -> None:
    network = Network()
    for replica in (1, 2):
        network.add(replica, configuration(1, 2))
    network.run(500)
    (info,) = network.hubs[1].peers()
    assert (info.ops_lag, info.lag_ms) == (0, 0)
    session = network.hubs[1].live[2]
    assert session.out is not None
    session.out.congested = True
    network.write(1, b"a")
    network.run(300)
    network.write(1, b"b", dots=2)
    network.run(100)
    (info,) = network.hubs[1].peers()
    assert info.ops_lag == 3
    assert 400 <= info.lag_ms <= 450
    session.out.congested = False
    network.run(200)
    (info,) = network.hubs[1].peers()
    assert (info.ops_lag, info.lag_ms, info.state) == (0, 0, "live")
    assert info.effects_out == 2
    assert info.round_trip_ms is not None


def test_lag_is_known_while_the_peer_is_away() -> None:
    network = Network()
    for replica in (1, 2):
        network.add(replica, configuration(1, 2))
    network.run(500)
    network.kill(2)
    network.settle()
    network.write(1, b"a")
    network.run(1000)
    (info,) = network.hubs[1].peers()
    assert info.ops_lag == 1
    assert info.lag_ms >= 1000
    assert info.state in ("down", "connecting")
    assert info.error


def test_the_cut_is_what_all_hold_for_good() -> None:
    network = three()
    network.run(500)
    first = network.write(1, b"a")
    network.run(500)
    assert all(first in host.cut and first in host.everywhere for host in network.hosts.values())
    network.cut(1, 3)
    network.cut(2, 3)
    second = network.write(1, b"b")
    network.run(1000)
    assert all(second not in host.cut for host in network.hosts.values())
    network.heal(1, 3)
    network.heal(2, 3)
    network.run(8000)
    assert all(second in host.everywhere for host in network.hosts.values())


def test_what_a_crash_can_take_is_not_in_the_cut() -> None:
    network = three()
    network.run(500)
    host = network.hosts[2]
    host.not_durable = configured = host.received
    assert not configured
    identity = network.write(1, b"a")
    network.settle()
    host.not_durable = host.received
    network.run(1000)
    assert all(identity not in h.cut for h in network.hosts.values())
    host.not_durable = host.received - host.received
    network.run(500)
    assert all(identity in h.everywhere for h in network.hosts.values())


def test_a_removed_instance_does_not_hold_the_cut_back() -> None:
    network = three()
    network.run(500)
    network.kill(3)
    identity = network.write(1, b"a")
    network.run(1000)
    assert identity not in network.hosts[1].cut
    network.hubs[1].remove(3, force=True)
    network.run(1000)
    assert identity in network.hosts[1].everywhere
    assert identity in network.hosts[2].everywhere


# -- membership --------------------------------------------------------------------------------------------------------


def test_an_instance_is_added_only_while_all_are_linked_unless_forced() -> None:
    network = three()
    network.run(500)
    network.cut(1, 3)
    network.run(100)
    with pytest.raises(MembershipError, match="not linked to instance 3"):
        network.hubs[1].add(4, ("sim", 4))
    network.hubs[1].add(4, ("sim", 4), force=True)
    with pytest.raises(MembershipError, match="is a member already"):
        network.hubs[1].add(4, ("sim", 4), force=True)


def test_a_stale_configuration_is_refused_and_comes_with_the_new_one() -> None:
    network = three()
    network.run(500)
    host = network.kill(3)
    network.run(200)
    network.hubs[1].add(4, ("sim", 4), force=True)
    network.run(200)
    network.add(3, configuration(1, 2, 3), host=host)
    network.run(3000)
    assert network.hubs[3].configuration == network.hubs[1].configuration
    assert sorted(network.hubs[3].live) == [1, 2]
    refusals = [network.hubs[r].stats.refusals.get("stale configuration", 0) for r in (1, 2)]
    assert sum(refusals) >= 1
    assert host.configuration.version == 2


def test_changes_of_the_configuration_on_both_sides_of_a_cut_come_together() -> None:
    network = three()
    network.run(500)
    network.cut(1, 2)
    network.cut(1, 3)
    network.run(100)
    network.hubs[1].add(4, ("sim", 4), force=True)
    network.hubs[2].add(5, ("sim", 5), force=True)
    network.hubs[2].add(6, ("sim", 6), force=True)
    network.run(500)
    network.heal(1, 2)
    network.heal(1, 3)
    network.run(10_000)
    configurations = [network.hubs[r].configuration for r in (1, 2, 3)]
    assert configurations[0] == configurations[1] == configurations[2]
    assert sorted(configurations[0].members) == [1, 2, 3, 4, 5, 6]
    assert configurations[0].version == 4
    assert sorted(network.hubs[1].live) == [2, 3]


def test_an_instance_that_moves_is_dialed_at_its_new_address() -> None:
    network = three()
    network.run(500)
    network.hubs[3].move(("sim", 30))
    network.run(100)
    assert all(hub.configuration.address(3) == ("sim", 30) for hub in network.hubs.values())
    network.hubs[3].move(("sim", 30))
    assert network.hubs[1].configuration.version == 2
    assert [info.address for info in network.hubs[1].peers()] == [("sim", 2), ("sim", 30)]


def test_two_processes_under_one_id_are_not_both_linked() -> None:
    network = three()
    network.run(500)
    live = network.hubs[2].live[3]
    twin = network.add(3, configuration(1, 2, 3))
    del network.hubs[3]
    network.hubs[30] = twin
    network.run(5000)
    assert network.hubs[2].live[3] is live
    assert not twin.live
    assert network.hubs[2].stats.refusals["duplicate id"] >= 1


def test_a_restarted_instance_takes_the_place_of_its_own_dead_link() -> None:
    network = three()
    network.run(500)
    old = network.hubs[2].live[3]
    network.cut(2, 3, silently=True)
    network.kill(3)
    network.heal(2, 3)
    network.add(3, configuration(1, 2, 3))
    network.run(500)
    assert network.hubs[2].live[3] is old
    network.run(4000)
    assert network.hubs[2].live[3] is not old
    assert network.states()[23] == "live"


def test_other_database_and_wrong_secret_are_refused() -> None:
    network = Network()
    network.add(1, configuration(1, 2, 3))
    network.add(2, configuration(1, 2, 3), secret=b"a guess")
    network.add(3, configuration(1, 2, 3), database="another")
    network.run(3000)
    assert not any(hub.live for hub in network.hubs.values())
    refusals = {code for hub in network.hubs.values() for code in hub.stats.refusals}
    assert {"wrong secret", "other database"} <= refusals


def test_an_effect_that_cannot_be_applied_ends_the_link_not_the_instance() -> None:
    network = three()
    network.run(500)
    network.hosts[2].refuse = b"poison"
    network.write(1, b"poison")
    network.write(1, b"after")
    network.run(2000)
    assert network.hubs[2].stats.refusals["bad effect"] >= 1
    assert b"after" in network.hosts[3].said.values()
    network.hosts[2].refuse = None
    network.run(8000)
    assert network.agree()
