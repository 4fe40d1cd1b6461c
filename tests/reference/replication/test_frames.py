"""Frames: what goes in comes out, and what no peer sends is refused before it costs anything."""

from __future__ import annotations

import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.replication.frames import (
    FRAME_MAX_BYTES,
    KINDS,
    PIECE_BYTES,
    UNPROVED_MAX_BYTES,
    Batch,
    Chunk,
    Decoder,
    Encoder,
    FrameError,
    Hello,
    Message,
    Ping,
    Refused,
    Report,
    Settled,
    context,
)

BATCH, PING = 9, 7
MORE, COMPRESSED = 0x40, 0x80


def decoder(message_max_bytes: int = 1 << 30) -> Decoder:
    made = Decoder(message_max_bytes)
    made.trust()
    return made


def frame(kind: int, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("!IB", len(body) if size is None else size, kind) + body


effects = st.lists(st.tuples(st.integers(1, 4095), st.integers(1, 2**50), st.binary(max_size=600)), max_size=8).map(
    tuple
)
runs = st.lists(st.tuples(st.integers(1, 4095), st.integers(1, 9), st.integers(10, 99)), max_size=4).map(tuple)
messages: st.SearchStrategy[Message] = st.one_of(
    effects.map(Batch),
    st.builds(Ping, st.integers(0, 2**62 - 1)),
    st.builds(Report, st.integers(0, 9), runs, runs, runs, st.integers(0, 2**50)),
    st.builds(Chunk, st.integers(1, 99), st.binary(max_size=600)),
    st.builds(Refused, st.text(max_size=20), st.text(max_size=99), st.none() | st.just(Settled(1, (), (3,)))),
    st.builds(
        Hello,
        st.text(max_size=9),
        st.integers(1, 4095),
        st.binary(min_size=32, max_size=32),
        st.just(1),
        st.just(Settled(0, (), ())),
        runs,
        runs,
        runs,
    ),
)


@given(st.lists(messages, max_size=6), st.integers(0, 6), st.integers(1, 50))
def test_messages_come_out_as_they_went_in_however_they_are_cut(sent: list[Message], level: int, step: int) -> None:
    encoder, reader = Encoder(level), decoder()
    data = b"".join(encoder.encode(message) for message in sent)
    came: list[Message] = []
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
        while (message := reader.next()) is not None:
            came.append(message)
    assert came == sent
    assert reader.pending_bytes == 0


@pytest.mark.parametrize("level", [0, 3])
def test_large_batches_are_split_and_others_may_come_between(level: int) -> None:
    encoder, reader = Encoder(level), decoder()
    blob = bytes(range(251)) * 10_000
    pieces = [header + body for header, body, _ in encoder.pieces(Batch(((1, 1, blob), (1, 2, b"x"))))]
    assert len(pieces) == -(-len(blob) // PIECE_BYTES) and max(map(len, pieces)) <= PIECE_BYTES + 5
    ping = encoder.encode(Ping(7))
    reader.feed(ping.join(pieces))
    came = []
    while (message := reader.next()) is not None:
        came.append(message)
    assert came == [Ping(7)] * (len(pieces) - 1) + [Batch(((1, 1, blob), (1, 2, b"x")))]


def test_compression_makes_batches_smaller_and_never_larger() -> None:
    same = Batch(((1, 1, b"the same again and again" * 50),))
    assert len(Encoder(3).encode(same)) < 200 < len(Encoder(0).encode(same))
    odd = Batch(((1, 1, zstandard.ZstdCompressor().compress(bytes(range(256)) * 4)),))
    assert len(Encoder(6).encode(odd)) <= len(Encoder(0).encode(odd))


@pytest.mark.parametrize("level", [-1, 7])
def test_there_are_seven_levels(level: int) -> None:
    with pytest.raises(ValueError, match="0 to 6"):
        Encoder(level)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (frame(BATCH, b"", FRAME_MAX_BYTES + 1), "over the limit"),
        (b"\xff\xff\xff\xff\x09", "over the limit"),
        (frame(0, b""), "no frames of kind 0"),
        (frame(60, b""), "no frames of kind 60"),
        (frame(PING | MORE, b"\x91\x01"), "neither split nor compressed"),
        (frame(PING | COMPRESSED, b"\x91\x01"), "neither split nor compressed"),
        (frame(PING, b"\x91\xa1x"), "no Ping"),
        (frame(PING, b"\x91\x01 "), "no Ping"),
        (frame(PING, b""), "no Ping"),
        (frame(PING, b"\x91\xff"), "no Ping"),
        (frame(BATCH, b"\x91" * 3000), "no Batch"),
        (frame(BATCH | COMPRESSED, b"rubbish"), "cannot be read"),
        (frame(BATCH | COMPRESSED, zstandard.compress(b"\x90" * 100)[:-3]), "cannot be read"),
        (frame(BATCH | COMPRESSED, zstandard.compress(bytes(FRAME_MAX_BYTES + 1))), "compressed"),
        (frame(BATCH | MORE, b""), "is empty"),
    ],
)
def test_what_no_peer_sends_is_refused(data: bytes, why: str) -> None:
    reader = decoder()
    reader.feed(data)
    with pytest.raises(FrameError, match=why):
        reader.next()


def test_a_bomb_without_its_size_is_not_opened() -> None:
    stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    bomb = stream.compress(bytes(1 << 24)) + stream.flush()
    reader = decoder()
    reader.feed(frame(BATCH | COMPRESSED, bomb))
    with pytest.raises(FrameError, match="compressed"):
        reader.next()


def test_a_stranger_may_send_little() -> None:
    reader = Decoder(1 << 30)
    reader.feed(frame(1, b"", UNPROVED_MAX_BYTES + 1))
    with pytest.raises(FrameError, match="over the limit"):
        reader.next()


def test_a_message_in_parts_has_a_limit_too() -> None:
    reader = decoder(message_max_bytes=100)
    reader.feed(frame(BATCH | MORE, bytes(60)))
    assert reader.next() is None
    reader.feed(frame(BATCH | MORE, bytes(60)))
    with pytest.raises(FrameError, match="over the limit of 100"):
        reader.next()


@given(st.binary(max_size=200), st.sampled_from(sorted(KINDS)), st.booleans())
def test_any_bytes_are_a_message_or_an_error(body: bytes, kind: int, proved: bool) -> None:
    reader = decoder() if proved else Decoder(1 << 20)
    for data in (body, frame(kind, body), frame(kind | COMPRESSED, body)):
        reader = decoder() if proved else Decoder(1 << 20)
        reader.feed(data)
        try:
            message = reader.next()
        except FrameError:
            continue
        assert message is None or type(message) in KINDS.values()


def test_runs_that_are_no_context_are_refused() -> None:
    assert len(context([(1, 1, 3), (2, 5, 5)])) == 4
    with pytest.raises(FrameError):
        context([(1, 5, 3)])
