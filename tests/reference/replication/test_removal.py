"""An instance is removed in two steps, and nothing is lost that it told clients is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from mergelaw.replication.membership import Configuration, MembershipError
from tests.reference.replication.fakes import FakeHost, Network, Snapshot, configuration, is_writable, three


def test_a_removed_instance_is_refused_for_ever() -> None:
    network = three()
    network.run(500)
    network.hubs[1].remove(3, force=True)
    network.run(1000)
    assert network.hubs[3].expelled and not network.hubs[3].writable
    assert sorted(network.hubs[1].live) == [2]
    network.kill(3)
    back = network.add(3, configuration(1, 2, 3))
    network.run(2000)
    assert back.expelled
    assert not back.live
    assert network.hubs[2].stats.refusals["removed instance"] >= 1
    with pytest.raises(MembershipError, match="was removed"):
        network.hubs[1].add(3, ("sim", 3))
    # A new instance, that wants to join under the old id, is refused too.
    network.kill(3)
    fresh = network.add(3, Configuration(), seeds=(1, 2))
    network.run(1000)
    assert fresh.expelled


def test_an_instance_that_is_to_be_removed_refuses_writes_until_all_have_what_it_wrote() -> None:
    network = three()
    network.run(500)
    last = network.write(3, b"acknowledged")
    with pytest.raises(MembershipError, match=r"instance 3 was told to take no more writes.* try again"):
        network.hubs[1].remove(3)
    for _ in range(100):
        if network.hubs[3].writable:
            last = network.write(3, b"until it hears of it")
            assert network.step()
    assert network.hubs[3].retiring and not network.hubs[3].writable
    with pytest.raises(MembershipError):
        network.hubs[1].remove(3)
    assert any(last not in network.hosts[replica].received for replica in (1, 2))
    network.settle()
    network.run(100)
    network.hubs[1].remove(3)
    assert all(last in network.hosts[replica].received for replica in (1, 2))
    network.run(500)
    assert network.hubs[3].expelled
    assert sorted(network.hubs[2].configuration.members) == [1, 2]
    assert not network.hubs[2].configuration.turns


def test_that_an_instance_refuses_writes_is_not_yet_what_it_has_issued() -> None:
    network = three()
    network.run(500)
    session = network.hubs[3].live[1]
    assert session.out is not None
    session.out.congested = True
    written = network.write(3, b"not on its way")
    network.hubs[1].retire(3)
    while network.hubs[1].live[3].retired is None:
        assert network.step()
    with pytest.raises(MembershipError, match="has not said what it has issued"):
        network.hubs[1].remove(3)
    session.out.congested = False
    network.run(200)
    network.hubs[1].remove(3)
    assert written in network.hosts[1].received


@pytest.mark.parametrize("seed", range(15))
def test_what_an_instance_says_is_written_outlives_its_removal(seed: int) -> None:
    network = three(seed)
    network.run(500)
    remover, written = network.hubs[1], []
    for number in range(2000):
        if network.hubs[3].writable:
            written.append(network.write(3, b"%d" % number))
        network.write(2, b"of 2: %d" % number)
        if number >= 20 and 3 in remover.configuration.members:
            with suppress(MembershipError):
                remover.remove(3)
        for _ in range(network.random.randrange(12)):
            network.step()
        if number % 50 == 0:
            network.run(25)
        if network.hubs[3].expelled:
            break
    assert network.hubs[3].expelled
    network.kill(3)
    network.run(3000)
    assert len(written) >= 20
    assert all(identity in host.received for identity in written for host in network.hosts.values())
    assert network.agree()


def test_what_clients_have_done_when_it_is_retired_is_among_what_an_instance_has_issued() -> None:
    class Batching(FakeHost):
        """Commands wait for the end of the loop's iteration to become an effect, or for a snapshot."""

        flush: Callable[[], None] = staticmethod(lambda: None)

        def snapshot(self) -> Snapshot:
            self.flush()
            return super().snapshot()

    network = Network()
    two = Batching(2, network.clock)
    network.add(1, configuration(1, 2))
    hub = network.add(2, configuration(1, 2), host=two)
    network.run(500)
    written: list[tuple[int, int]] = []
    two.flush = lambda: written.append(network.write(2, b"was told to be done"))
    with pytest.raises(MembershipError):
        network.hubs[1].remove(2)
    network.settle()
    two.flush = lambda: None
    assert len(written) == 1 and not hub.writable
    network.hubs[1].remove(2)
    assert written[0] in network.hosts[1].received


def test_an_instance_is_not_removed_while_one_lacks_what_it_wrote() -> None:
    network = three(repair_ms=10**6)
    network.run(500)
    network.cut(2, 3)
    network.settle()
    written = network.write(3, b"a")
    network.hubs[1].retire(3)
    network.run(200)
    assert written in network.hosts[1].received and written not in network.hosts[2].received
    with pytest.raises(MembershipError, match="not all instances have received all that instance 3 wrote"):
        network.hubs[1].remove(3)
    network.heal(2, 3)
    network.run(8000)
    network.hubs[1].remove(3)
    assert written in network.hosts[2].received


def test_an_instance_that_is_kept_takes_writes_once_all_know() -> None:
    network = three()
    network.run(500)
    network.hubs[1].retire(3)
    network.settle()
    assert not network.hubs[3].writable
    network.hubs[3].keep(3)
    # 1 or 2 might still remove it.
    assert not network.hubs[3].retiring and not is_writable(network.hubs[3])
    network.settle()
    assert is_writable(network.hubs[3])
    network.write(3, b"goes on")
    network.settle()
    assert network.agree()
    # What it said the first time does not count for another removal.
    with pytest.raises(MembershipError, match="was told to take no more writes"):
        network.hubs[2].remove(3)
    network.run(100)
    network.hubs[2].remove(3)
    network.settle()
    assert network.hubs[3].expelled


def test_adding_an_instance_that_is_to_be_removed_keeps_it() -> None:
    network = three()
    network.run(500)
    network.hubs[1].retire(3)
    network.settle()
    network.hubs[2].add(3, ("sim", 3))
    network.settle()
    assert network.hubs[3].writable
    with pytest.raises(MembershipError, match="is a member already"):
        network.hubs[2].add(3, ("sim", 3))


def test_an_instance_that_restarts_while_it_is_to_be_removed_still_refuses_writes() -> None:
    network = three()
    network.run(500)
    written = network.write(3, b"a")
    network.hubs[1].retire(3)
    network.settle()
    host = network.kill(3)
    network.run(100)
    assert host.configuration.retiring(3)
    back = network.add(3, Configuration.of(host.configuration.settled()), host=host)
    assert not back.writable
    with pytest.raises(MembershipError, match="not linked to instance 3"):
        network.hubs[1].remove(3)
    network.run(3000)
    assert not back.writable
    network.hubs[1].remove(3)
    network.settle()
    assert back.expelled and written in network.hosts[2].received


def test_an_instance_may_remove_itself() -> None:
    network = three()
    network.run(500)
    last = network.write(1, b"a")
    with pytest.raises(MembershipError, match="not all instances have received"):
        network.hubs[1].remove(1)
    assert not network.hubs[1].writable
    network.run(100)
    network.hubs[1].remove(1)
    network.settle()
    assert network.hubs[1].expelled and last in network.hosts[2].received
    assert sorted(network.hubs[2].configuration.members) == [2, 3]
