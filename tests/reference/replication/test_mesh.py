"""Meshes over real sockets, with hosts that only remember, and with real databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from mergelaw.clock.clock import SystemClock
from mergelaw.replica.codec import encode_effect
from mergelaw.replica.database import Database, default_engines
from mergelaw.replication.adapter import DatabaseHost
from mergelaw.replication.host import Settings
from mergelaw.replication.membership import Configuration, MembershipError
from mergelaw.replication.mesh import Mesh
from tests.ports import free_ports
from tests.reference.replication.fakes import SECRET, FakeHost
from tests.reference.replication.meshes import Cluster, cluster, said, say, until

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
on_both_loops = pytest.mark.parametrize("loop", LOOPS)


def run(test: Coroutine[Any, Any, None], loop: str = "asyncio") -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(limited())


@on_both_loops
def test_writes_reach_all_and_wait_synced_says_so(loop: str) -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            for number in range(300):
                say(c, 1 + number % 3, b"%d" % number)
            assert await c.meshes[1].wait_synced(5000)
            assert all(len(each) == 300 for each in said(c))
            assert c.meshes[1].stats.effects_out == 200
            for mesh in c.meshes.values():
                assert len(mesh.connections) == 2

    run(test(), loop)


@on_both_loops
def test_a_write_is_seen_by_a_peer_within_milliseconds(loop: str) -> None:
    async def test() -> None:
        async with cluster(2) as c:
            await c.all_live()
            two = c.hosts[2]
            assert isinstance(two, FakeHost)
            medians = []
            for attempt in range(3):
                delays = []
                for number in range(150):
                    start = time.perf_counter()
                    identity = say(c, 1, b"%d.%d" % (attempt, number))
                    while identity not in two.received:
                        await asyncio.sleep(0)
                    delays.append(time.perf_counter() - start)
                    await asyncio.sleep(0.001)
                medians.append(sorted(delays)[75])
                if medians[-1] < 0.003:
                    break
            # The best of three: other work on the machine is no delay of ours.
            assert min(medians) < 0.003

    run(test(), loop)


@pytest.mark.parametrize("level", [0, 1, 6])
def test_compressed_links_carry_less(level: int) -> None:
    async def test() -> None:
        async with cluster(2, settings=Settings(level=level)) as c:
            await c.all_live()
            for number in range(2000):
                say(c, 1, b"%d" % number)
            assert await c.meshes[2].wait_synced(5000)
            out = c.meshes[1].stats
            came = c.meshes[2].stats
            assert (out.bytes_out < out.expanded_out * 0.6) == (level > 0)
            assert came.expanded_in <= out.expanded_out
            assert said(c)[0] == said(c)[1]

    run(test())


def test_cut_and_heal_gives_a_partial_sync() -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            c.cut(1, 2)
            await until(lambda: c.meshes[1].peers()[0].state != "live")
            for number in range(100):
                say(c, 1 + number % 2, b"%d" % number)
            assert not await c.meshes[1].wait_synced(100)
            assert c.meshes[1].peers()[0].ops_lag == 50
            c.heal(1, 2)
            assert await c.meshes[1].wait_synced(5000)
            assert said(c)[0] == said(c)[1] == said(c)[2]
            assert all(mesh.stats.full_syncs_in == 0 for mesh in c.meshes.values())

    run(test())


@on_both_loops
def test_cut_and_heal_gives_a_full_sync_where_the_backlog_is_too_short(loop: str) -> None:
    async def test() -> None:
        async with cluster(2, settings=Settings(backlog_bytes=5000, chunk_bytes=500, backoff_max_ms=300)) as c:
            await c.all_live()
            c.cut(1, 2)
            await until(lambda: c.meshes[1].peers()[0].state != "live")
            for number in range(1000):
                say(c, 1 + number % 2, b"%d" % number)
            c.heal(1, 2)
            assert await c.meshes[1].wait_synced(5000)
            assert said(c)[0] == said(c)[1]
            assert [mesh.stats.full_syncs_in for mesh in c.meshes.values()] == [1, 1]
            assert [mesh.stats.partial_err for mesh in c.meshes.values()] == [1, 1]

    run(test(), loop)


@on_both_loops
def test_pause_and_resume(loop: str) -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            for mesh in c.meshes.values():
                mesh.pause()
            for replica in c.replicas:
                say(c, replica, b"of %d" % replica)
            assert not await c.meshes[1].wait_synced(300)
            assert [len(each) for each in said(c)] == [1, 1, 1]
            for mesh in c.meshes.values():
                mesh.resume()
            assert await c.meshes[1].wait_synced(5000)
            assert [len(each) for each in said(c)] == [3, 3, 3]

    run(test(), loop)


@on_both_loops
def test_a_value_of_many_megabytes_arrives_and_heartbeats_go_on(loop: str) -> None:
    async def test() -> None:
        async with cluster(2, settings=Settings(dead_ms=2000, backlog_bytes=1 << 28)) as c:
            await c.all_live()
            links = c.meshes[1].stats.links
            blob = bytes(range(256)) * (40 << 12)
            identity = say(c, 1, blob)
            say(c, 1, b"after")
            assert await c.meshes[1].wait_synced(20_000)
            assert said(c)[1][identity] == blob
            assert c.meshes[1].stats.links == links
            assert c.meshes[2].stats.full_syncs_in == 0

    run(test(), loop)


def test_a_slow_reader_costs_no_memory_and_gets_a_snapshot() -> None:
    async def test() -> None:
        settings = Settings(backlog_bytes=1 << 20, dead_ms=60_000, level=0)
        async with cluster(2, settings=settings) as c:
            await c.all_live()
            host = c.hosts[2]
            assert isinstance(host, FakeHost)
            (connection,) = c.meshes[2].connections
            assert connection._transport is not None
            connection._transport.pause_reading()
            for number in range(400):
                say(c, 1, b"%d" % number * 20_000)
                if number % 20 == 0:
                    await asyncio.sleep(0.001)
            mesh = c.meshes[1]
            assert mesh.hub.backlog.bytes <= settings.backlog_bytes
            connection._transport.resume_reading()
            assert await mesh.wait_synced(20_000)
            assert host.said == said(c)[0]
            assert c.meshes[2].stats.full_syncs_in >= 1

    run(test())


def test_restart_finds_its_peers_again() -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            say(c, 2, b"before")
            assert await c.meshes[1].wait_synced(5000)
            host = c.hosts[2]
            await c.meshes[2].stop()
            await until(lambda: {info.state for info in c.meshes[1].peers()} != {"live"})
            say(c, 1, b"meanwhile")
            await c.launch(2, host)
            assert await c.meshes[1].wait_synced(5000)
            assert all(len(each) == 2 for each in said(c))
            assert c.meshes[2].stats.full_syncs_in == 0

    run(test())


def test_an_instance_joins_and_another_leaves() -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            for number in range(50):
                say(c, 1 + number % 3, b"%d" % number)
            (port,) = free_ports(1)
            host = FakeHost(4, c.hosts[1].clock)  # type: ignore[attr-defined]
            mesh = Mesh(
                host,
                replica=4,
                database="db",
                secret=SECRET,
                configuration=Configuration(),
                listen=("127.0.0.1", port),
                settings=c.settings,
                seeds=[("127.0.0.1", c.ports[1])],
            )
            await mesh.start()
            try:
                await asyncio.sleep(0.2)
                assert not mesh.writable
                c.meshes[2].add(4, ("127.0.0.1", port))
                await until(lambda: mesh.writable)
                assert len(host.said) == 50
                data, effect = host.write(b"of the new one")
                mesh.broadcast(data, effect)
                assert await c.meshes[3].wait_synced(5000)
                await c.meshes[1].remove(4)
                await until(lambda: mesh.hub.expelled)
                assert sorted(c.meshes[3].configuration.members) == [1, 2, 3]
                assert all(len(each) == 51 for each in said(c))
            finally:
                await mesh.stop()

    run(test())


def test_an_instance_that_clients_write_to_is_removed_and_nothing_is_lost() -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            three = c.meshes[3]
            written: list[tuple[int, int]] = []

            async def client() -> None:
                while not three.hub.expelled:
                    if three.writable:
                        written.append(say(c, 3, b"%d" % len(written)))
                    await asyncio.sleep(0)

            task = asyncio.create_task(client())
            await until(lambda: len(written) > 100)
            await c.meshes[1].remove(3)
            assert all(identity in c.hosts[1].received for identity in written)
            assert all(identity in c.hosts[2].received for identity in written)
            await until(lambda: three.hub.expelled)
            await task
            assert written[-1] in c.hosts[1].received

    run(test())


def test_a_removal_that_takes_too_long_is_given_up_and_the_instance_kept() -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            c.cut(1, 2)
            await until(lambda: 2 not in c.meshes[1].hub.live)
            with pytest.raises(MembershipError, match="not linked to instance 2"):
                await c.meshes[1].remove(3, timeout_ms=200)
            assert not c.meshes[1].configuration.retiring(3)
            await until(lambda: c.meshes[3].writable)
            c.heal(1, 2)
            say(c, 3, b"goes on")
            await c.all_live()
            assert await c.meshes[3].wait_synced(5000)
            with pytest.raises(MembershipError, match="no member"):
                await c.meshes[1].remove(9)

    run(test())


def test_two_instances_may_remove_a_third_at_once() -> None:
    async def test() -> None:
        async with cluster() as c:
            await c.all_live()
            say(c, 3, b"a")
            await asyncio.gather(c.meshes[1].remove(3), c.meshes[2].remove(3))
            assert sorted(c.meshes[1].configuration.members) == sorted(c.meshes[2].configuration.members) == [1, 2]
            assert all(len(each) == 1 for each in said(c))

    run(test())


# -- databases ---------------------------------------------------------------------------------------------------------


def database(replica: int) -> DatabaseHost:
    return DatabaseHost(Database(replica, default_engines()), SystemClock())


def host_of(c: Cluster, replica: int) -> DatabaseHost:
    host = c.hosts[replica]
    assert isinstance(host, DatabaseHost)
    return host


def update(c: Cluster, replica: int, key: bytes, name: str, *args: object) -> None:
    host = host_of(c, replica)
    tx = host.db.begin(host.clock.now_ms())
    tx.update(key, name, *args)
    effect = tx.commit()
    assert effect is not None
    c.meshes[replica].broadcast(encode_effect(effect, host.db.engines), effect)


def entries(c: Cluster, replica: int) -> dict[bytes, tuple[object, str]]:
    db = host_of(c, replica).db
    while db.settle(1000):
        pass
    return {key: (entry.value, entry.content) for key, entry in db.keys.items()}


@pytest.mark.parametrize("backlog_bytes", [1 << 24, 20_000])
def test_databases_come_together_after_a_cut(backlog_bytes: int) -> None:
    async def test() -> None:
        settings = Settings(backlog_bytes=backlog_bytes, chunk_bytes=2000, backoff_max_ms=300)
        async with cluster(make=database, settings=settings) as c:
            await c.all_live()
            for number in range(100):
                update(c, 1 + number % 3, b"s%d" % (number % 30), "add", str(number))
            assert await c.meshes[1].wait_synced(5000)
            c.cut(1, 2)
            c.cut(1, 3)
            await until(lambda: {info.state for info in c.meshes[1].peers()}.isdisjoint({"live"}))
            for number in range(300):
                update(c, 1 + number % 3, b"s%d" % (number % 30), "add", f"n{number}")
                if number % 7 == 0:
                    host = host_of(c, 2)
                    tx = host.db.begin(host.clock.now_ms())
                    if tx.delete(b"s%d" % (number % 30)):
                        effect = tx.commit()
                        assert effect is not None
                        c.meshes[2].broadcast(encode_effect(effect, host.db.engines), effect)
            assert entries(c, 1) != entries(c, 2)
            c.heal(1, 2)
            c.heal(1, 3)
            assert await c.meshes[1].wait_synced(10_000)
            assert entries(c, 1) == entries(c, 2) == entries(c, 3)
            assert host_of(c, 1).db.seen == host_of(c, 2).db.seen == host_of(c, 3).db.seen
            assert (c.meshes[1].stats.full_syncs_in > 0) == (backlog_bytes == 20_000)

    run(test())
