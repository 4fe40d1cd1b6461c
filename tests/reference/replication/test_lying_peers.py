"""Peers that lie, over real sockets: an error and a closed connection; the instance goes on, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergelaw.replication.frames import (
    Batch,
    Begin,
    Chunk,
    Credit,
    Decoder,
    Encoder,
    End,
    FrameError,
    Greet,
    Hello,
    Message,
    Offer,
    Ping,
    Refused,
    Report,
    Settled,
    Spread,
    Synced,
    Withdrawn,
)
from mergelaw.replication.handshake import Identity, Refusal
from mergelaw.replication.host import Settings
from mergelaw.replication.link import Link, State
from mergelaw.replication.membership import Configuration
from mergelaw.replication.mesh import Mesh
from tests.ports import free_ports
from tests.reference.replication.fakes import SECRET, FakeHost, encode, made
from tests.reference.replication.meshes import until
from tests.reference.replication.test_link import EXAMPLES
from tests.reference.replication.test_mesh import run

MEMBERS = Configuration.first({1: ("", 0), 2: ("", 0), 3: ("", 0)})


class Liar:
    """Instance 2, or who says so: a real link whose owner sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        self.reader = reader
        self.writer = writer
        self.link = link
        self.came: list[Message] = []

    async def turn(self) -> bool:
        """Sends what is to be sent and takes what comes; False once the connection is closed."""
        self.writer.write(self.link.output())
        try:
            async with asyncio.timeout(5):
                data = await self.reader.read(1 << 16)
        except ConnectionError:
            return False
        self.link.receive(data, 0.0)
        while (message := self.link.next()) is not None:
            self.came.append(message)
        return bool(data)

    async def meet(self, **changes: object) -> None:
        """The handshake, and a hello; with changes to what is true."""
        while self.link.state not in (State.MEETING, State.MET, State.CLOSED):
            await self.turn()
        told = {"database": "db", "id": 2, "run": bytes(32), "protocol": 1, "settled": MEMBERS.settled()}
        told |= {"received": (), "durable": (), "cut": ()} | changes
        self.send(Hello(**told))  # type: ignore[arg-type]
        while self.link.state is State.MEETING and await self.turn():
            pass
        if self.link.state is State.MET:
            self.link.go_live(0.0)

    async def refusal(self) -> str:
        """Waits for the end; why, as the instance says."""
        while self.link.state is not State.CLOSED and await self.turn():
            pass
        return self.link.closing or ""

    def send(self, message: Message) -> None:
        self.link.send(message)
        self.writer.write(self.link.output())


class Stage:
    def __init__(self, mesh: Mesh, host: FakeHost) -> None:
        self.mesh = mesh
        self.host = host
        self.port = mesh.listen[1]
        self._writers: list[asyncio.StreamWriter] = []

    async def liar(self, *, replica: int = 2, secret: bytes = SECRET, database: str = "db") -> Liar:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        identity = Identity(database, replica, bytes(32), secret)
        link = Link(identity, Settings(), dialed=True, expected=1, nonce=random.randbytes(32), now_ms=0.0)
        return Liar(reader, writer, link)

    async def honest_peer_is_served(self) -> None:
        """The instance is well: instance 3 links to it, and gets what it wrote."""
        data, effect = self.host.write(b"still here")
        self.mesh.broadcast(data, effect)
        (port,) = free_ports(1)
        host = FakeHost(3, self.host.clock)
        peer = Mesh(
            host,
            replica=3,
            database="db",
            secret=SECRET,
            configuration=self.mesh.configuration,
            listen=("127.0.0.1", port),
            routes={1: ("127.0.0.1", self.port)},
        )
        await peer.start()
        try:
            await until(lambda: effect.identity in host.received)
            assert host.said == self.host.said
        finally:
            await peer.stop()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def stage(**changes: object) -> AsyncIterator[Stage]:
    host = FakeHost(1)
    mesh = Mesh(
        host,
        replica=1,
        database="db",
        secret=SECRET,
        configuration=MEMBERS,
        settings=Settings(**changes),  # type: ignore[arg-type]
    )
    await mesh.start()
    built = Stage(mesh, host)
    try:
        yield built
        await built.honest_peer_is_served()
    finally:
        built.close()
        await mesh.stop()


def refusals(built: Stage) -> dict[str, int]:
    return built.mesh.stats.refusals


# -- who one is --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"secret": b"a guess"}, Refusal.SECRET),
        ({"database": "another"}, Refusal.DATABASE),
        ({"replica": 1}, Refusal.DUPLICATE),
    ],
)
def test_who_is_not_let_in(who: dict[str, object], code: Refusal) -> None:
    async def test() -> None:
        async with stage() as built:
            liar = await built.liar(**who)  # type: ignore[arg-type]
            assert code.value in await liar.refusal()
            assert not liar.link.proved
            assert refusals(built)[code.value] == 1

    run(test())


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"id": 3}, Refusal.IDENTITY),
        ({"protocol": 2}, Refusal.PROTOCOL),
        ({"database": "another"}, Refusal.DATABASE),
        ({"settled": Settled(0, (), ())}, Refusal.STALE),
        ({"settled": Settled(1, (), (2, 1))}, Refusal.LIES),
        ({"received": ((1, 5, 3),)}, Refusal.LIES),
    ],
)
def test_hellos_that_are_refused(hello: dict[str, object], code: Refusal) -> None:
    async def test() -> None:
        async with stage() as built:
            liar = await built.liar()
            await liar.meet(**hello)
            assert code.value in await liar.refusal()
            assert not built.mesh.hub.live

    run(test())


def test_a_second_process_under_a_linked_id_is_refused() -> None:
    async def test() -> None:
        async with stage() as built:
            first = await built.liar()
            await first.meet()
            await until(lambda: 2 in built.mesh.hub.live)
            second = await built.liar()
            await second.meet(run=bytes(31) + b"x")
            assert Refusal.DUPLICATE.value in await second.refusal()
            assert 2 in built.mesh.hub.live

    run(test())


def test_a_removed_instance_is_told_so() -> None:
    async def test() -> None:
        async with stage() as built:
            built.mesh.hub.remove(2, force=True)
            liar = await built.liar()
            await liar.meet()
            assert Refusal.REMOVED.value in await liar.refusal()
            told = next(message for message in liar.came if isinstance(message, Refused))
            assert told.settled is not None and told.settled.removed == (2,)

    run(test())


def test_an_instance_that_nobody_added_is_refused() -> None:
    async def test() -> None:
        async with stage() as built:
            liar = await built.liar(replica=9)
            await liar.meet(id=9)
            assert Refusal.UNKNOWN.value in await liar.refusal()

    run(test())


# -- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff\x01",
        struct.pack("!IB", 1 << 20, 1),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        bytes(64),
        Encoder(0).encode(Batch(((2, 1, b"x"),))),
        Encoder(0).encode(Greet((1,), "db", 2, bytes(31))),
        Encoder(0).encode(EXAMPLES[Hello]),
    ],
)
def test_bytes_of_a_stranger_end_the_connection(data: bytes) -> None:
    async def test() -> None:
        async with stage() as built:
            reader, writer = await asyncio.open_connection("127.0.0.1", built.port)
            writer.write(data)
            async with asyncio.timeout(5):
                answer = await reader.read()
            decoder = Decoder(1 << 20)
            decoder.feed(answer)
            message = decoder.next()
            assert isinstance(message, Refused) and message.code == Refusal.LIES.value
            writer.close()

    run(test())


def test_half_a_frame_is_waited_for_and_given_up() -> None:
    async def test() -> None:
        async with stage(handshake_ms=200) as built:
            reader, writer = await asyncio.open_connection("127.0.0.1", built.port)
            writer.write(Encoder(0).encode(EXAMPLES[Greet])[:-5])
            async with asyncio.timeout(5):
                answer = await reader.read()
            assert Refusal.SILENT.value.encode() in answer
            writer.close()

    run(test())


def test_too_many_strangers_are_turned_away() -> None:
    async def test() -> None:
        async with stage(unproved_max=5) as built:
            wires = [await asyncio.open_connection("127.0.0.1", built.port) for _ in range(8)]
            await until(lambda: refusals(built).get(Refusal.BUSY.value) == 3)
            for _, writer in wires:
                writer.close()
            await until(lambda: not built.mesh.connections)

    run(test())


# -- a proved peer -----------------------------------------------------------------------------------------------------

REPORT = Report(0, (), (), (), 0)
GREAT = 2**61


@pytest.mark.parametrize(
    "messages",
    [
        [Synced(False), Synced(False)],
        [Credit(1, 5, ())],
        [Begin((), (), (), 0)],
        [Chunk(1, b"")],
        [End(0)],
        [Withdrawn()],
        [Offer(1), Offer(2)],
        [Offer(1), Begin((), ((3, 1, 5),), (), 1)],
        [Offer(1), Begin((), (), (), 1), Begin((), (), (), 1)],
        [Offer(1), Begin((), (), (), 1), Chunk(2, b"\x90")],
        [Offer(1), Begin((), (), (), 1), Chunk(1, b"rubbish")],
        [Offer(1), Begin((), (), (), 1), Chunk(1, b"\x90"), End(7)],
        [Offer(1), Begin((), (), (), 1), Withdrawn()],
        [Batch(((2, 1, b"rubbish"),))],
        [Batch(((9, 1, encode(made(9, 1, 1, b"of nobody", None, 0))),))],
        [Batch(((2, 1, encode(made(2, 1, 2, b"of another name", None, 0))),))],
        [Report(0, ((3, 9, 2),), (), (), 0)],
        [Spread(Settled(3, (), (2, 1)))],
        [Hello("db", 2, bytes(32), 1, MEMBERS.settled(), (), (), ())],
    ],
    ids=lambda messages: "-".join(type(message).__name__ for message in messages),
)
def test_a_proved_peer_that_lies_is_cut_off(messages: list[Message]) -> None:
    async def test() -> None:
        async with stage() as built:
            liar = await built.liar()
            await liar.meet()
            for message in messages:
                liar.send(message)
            assert Refusal.LIES.value in await liar.refusal()
            assert not built.host.said
            assert all(incoming.aborted for incoming in built.host.incomings)

    run(test())


def test_lies_that_cannot_be_told_from_truth_do_no_harm() -> None:
    """A peer may claim to have what nobody has made, and report it; others are served as before."""

    async def test() -> None:
        async with stage() as built:
            liar = await built.liar()
            await liar.meet(received=((1, 1, GREAT), (3, 1, GREAT)))
            await until(lambda: 2 in built.mesh.hub.live)
            liar.send(Report(GREAT, ((1, 1, GREAT),), ((1, 1, GREAT),), ((1, 1, GREAT),), GREAT))
            for _ in range(500):
                liar.send(Ping(GREAT))
            await until(lambda: built.mesh.hub.live[2].echo == GREAT)
            assert built.mesh.peers()[0].ops_lag == 0
            assert not built.mesh.cut

    run(test())


@given(st.lists(st.one_of(st.sampled_from(list(EXAMPLES.values())), st.binary(min_size=1, max_size=40)), max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_fuzzing_the_peer_port(sent: list[Message | bytes]) -> None:
    """Valid messages in any order, and any bytes between them, from a stranger and from a proved peer."""

    async def test() -> None:
        async with stage(handshake_ms=300) as built:
            stranger = socket.create_connection(("127.0.0.1", built.port))
            liar = await built.liar()
            await liar.meet()
            for each in sent:
                data = each if isinstance(each, bytes) else Encoder(3).encode(each)
                with suppress(OSError):
                    stranger.send(data)
                liar.writer.write(data)
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            stranger.close()
            assert not built.host.said

    run(test())


@given(st.binary(max_size=300), st.integers(0, 6), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_fuzzing_the_handshake_with_bits_turned(noise: bytes, at: int, chance: random.Random) -> None:
    """A handshake of two links, in which a byte is another: it fails or it succeeds, and nobody else is let in."""
    ours = Link(Identity("db", 1, bytes(32), b"s"), Settings(), dialed=False, expected=None, nonce=bytes(32), now_ms=0)
    peer = Link(
        Identity("db", 2, bytes(32), b"s"), Settings(), dialed=True, expected=1, nonce=bytes(31) + b"1", now_ms=0
    )
    changed = False
    for step in range(8):
        for one, other in ((peer, ours), (ours, peer)):
            data = bytearray(one.output())
            if data and step == at // 2 and noise:
                place = chance.randrange(len(data))
                changed |= data[place] != noise[0]
                data[place] = noise[0]
            other.receive(bytes(data), 0.0)
            while other.next() is not None:
                pass
    if not changed:
        assert ours.proved and peer.proved
    elif ours.proved:
        assert ours.peer == 2


# -- TLS ---------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str, authority: Path | None) -> Path:
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    if authority is not None:
        command += ["-CA", str(authority), "-CAkey", str(authority.with_suffix(".key"))]
    subprocess.run(command, check=True, capture_output=True)
    return cert


def contexts(cert: Path, authority: Path) -> dict[str, ssl.SSLContext]:
    made = {}
    for name, purpose in (("server_tls", ssl.Purpose.CLIENT_AUTH), ("client_tls", ssl.Purpose.SERVER_AUTH)):
        context = ssl.create_default_context(purpose, cafile=str(authority))
        context.load_cert_chain(cert, cert.with_suffix(".key"))
        context.verify_mode = ssl.CERT_REQUIRED
        made[name] = context
    return made


def test_mutual_tls(tmp_path: Path) -> None:
    authority = certificate(tmp_path, "authority", None)
    stranger = certificate(tmp_path, "stranger", None)
    ports = free_ports(3)
    members = {i: ("127.0.0.1", port) for i, port in enumerate(ports, 1)}

    async def test() -> None:
        meshes = []
        for replica in (1, 2, 3):
            signed = certificate(tmp_path, f"instance{replica}", authority) if replica < 3 else stranger
            mesh = Mesh(
                FakeHost(replica),
                replica=replica,
                database="db",
                secret=SECRET,
                configuration=Configuration.first(members),
                listen=members[replica],
                **contexts(signed, authority),  # type: ignore[arg-type]
            )
            await mesh.start()
            meshes.append(mesh)
        try:
            await until(lambda: meshes[0].peers()[0].state == "live" and meshes[1].peers()[0].state == "live")
            await asyncio.sleep(0.3)
            assert not meshes[2].hub.live
            assert sorted(meshes[0].hub.live) == [2]
            host = meshes[0].host
            assert isinstance(host, FakeHost)
            data, effect = host.write(b"hidden")
            meshes[0].broadcast(data, effect)
            await until(lambda: effect.identity in meshes[1].host.received)
        finally:
            for mesh in meshes:
                await mesh.stop()

    run(test())


def test_frame_errors_name_no_bytes_of_ours() -> None:
    decoder = Decoder(100)
    decoder.feed(struct.pack("!IB", 5, 1) + b"\x91\x91\x91\x91\x91")
    with pytest.raises(FrameError, match="no Greet"):
        decoder.next()
