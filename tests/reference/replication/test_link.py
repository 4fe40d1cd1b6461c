"""One link without a wire: the handshake, and what each state takes."""

from __future__ import annotations

from itertools import count

import pytest

from mergelaw.replication.frames import (
    KINDS,
    Batch,
    Begin,
    Challenge,
    Chunk,
    Credit,
    Encoder,
    End,
    Greet,
    Hello,
    Message,
    Offer,
    Ping,
    Proof,
    Refused,
    Report,
    Settled,
    Spread,
    Synced,
    Welcome,
    Withdrawn,
)
from mergelaw.replication.handshake import Dialing, Identity, Listening, Refusal, Refusing
from mergelaw.replication.host import Settings
from mergelaw.replication.link import TAKEN, Link, State

_fresh = count(1)
NO_CONFIGURATION = Settled(0, (), ())

EXAMPLES: dict[type[Message], Message] = {
    type(message): message
    for message in (
        Greet((1,), "db", 2, bytes(32)),
        Challenge(1, 2, bytes(32)),
        Proof(bytes(32)),
        Welcome(bytes(32)),
        Hello("db", 2, bytes(32), 1, NO_CONFIGURATION, (), (), ()),
        Ping(1),
        Report(0, (), (), (), 0),
        Batch(()),
        Synced(False),
        Offer(1),
        Credit(1, 1, ()),
        Withdrawn(),
        Begin((), (), (), 0),
        Chunk(1, b""),
        End(0),
        Spread(NO_CONFIGURATION),
    )
}


def nonce() -> bytes:
    return next(_fresh).to_bytes(32, "big")


def identity(replica: int, secret: bytes = b"s", database: str = "db") -> Identity:
    return Identity(database, replica, replica.to_bytes(32, "big"), secret)


def link(replica: int, *, dialed: bool, expected: int | None = None, **options: object) -> Link:
    return Link(
        identity(replica, **options),  # type: ignore[arg-type]
        Settings(),
        dialed=dialed,
        expected=expected,
        nonce=nonce(),
        now_ms=0.0,
    )


def shake(dialer: Link, listener: Link) -> None:
    for _ in range(6):
        for one, other in ((dialer, listener), (listener, dialer)):
            data = one.output()
            if data:
                other.receive(data, 0.0)
                assert other.next() is None


def hello(replica: int) -> Hello:
    return Hello("db", replica, bytes(32), 1, NO_CONFIGURATION, (), (), ())


def live() -> tuple[Link, Link]:
    """Ours, and the peer's."""
    dialer, listener = link(1, dialed=True, expected=2), link(2, dialed=False)
    shake(dialer, listener)
    for one, other, replica in ((dialer, listener, 1), (listener, dialer, 2)):
        one.send(hello(replica))
        other.receive(one.output(), 0.0)
        assert other.next() == hello(replica)
        other.go_live(0.0)
    return dialer, listener


def test_both_sides_prove_themselves() -> None:
    dialer, listener = link(1, dialed=True, expected=2), link(2, dialed=False)
    shake(dialer, listener)
    assert dialer.peer == 2 and listener.peer == 1
    assert dialer.state is State.MEETING and listener.state is State.MEETING
    assert dialer.closing is None


@pytest.mark.parametrize(
    ("listens", "expected", "code"),
    [
        ({"secret": b"another"}, 2, Refusal.SECRET),
        ({"database": "another"}, 2, Refusal.DATABASE),
        ({}, 3, Refusal.IDENTITY),
    ],
)
def test_who_is_refused(listens: dict[str, object], expected: int, code: Refusal) -> None:
    dialer, listener = link(1, dialed=True, expected=expected), link(2, dialed=False, **listens)  # type: ignore[arg-type]
    shake(dialer, listener)
    assert code in (dialer.code, listener.code)
    assert dialer.state is State.CLOSED and listener.state is State.CLOSED
    assert not dialer.live and not listener.live
    assert code.value in (dialer.closing or "") + (listener.closing or "")


def test_an_instance_does_not_link_to_its_own_id() -> None:
    dialer, listener = link(1, dialed=True), link(1, dialed=False)
    shake(dialer, listener)
    assert listener.code is Refusal.DUPLICATE


def test_another_protocol_is_refused() -> None:
    listener = link(2, dialed=False)
    listener.receive(Encoder(0).encode(Greet((2, 3), "db", 1, nonce())), 0.0)
    assert listener.next() is None
    assert listener.code is Refusal.PROTOCOL


def test_a_recorded_handshake_does_not_work_again() -> None:
    dialer, listener = link(1, dialed=True, expected=2), link(2, dialed=False)
    recorded = dialer.output()
    listener.receive(recorded, 0.0)
    listener.next()
    dialer.receive(listener.output(), 0.0)
    dialer.next()
    proof = dialer.output()
    listener.receive(proof, 0.0)
    listener.next()
    assert listener.proved
    again = link(2, dialed=False)
    again.receive(recorded + proof, 0.0)
    assert again.next() is None
    assert again.code is Refusal.SECRET and not again.proved


def test_a_proof_cannot_be_sent_back_to_its_maker() -> None:
    """Who has no secret opens a second link, and lets us answer our own challenge."""
    us = identity(1)
    first, second = Listening(us, nonce()), Dialing(us, 2, nonce())
    challenge = first.challenge(Greet((1,), "db", 2, second.greet().nonce))
    proof = second.prove(Challenge(1, 2, challenge.nonce))
    with pytest.raises(Refusing, match="wrong secret"):
        first.check(proof)
    with pytest.raises(Refusing, match="our own nonce"):
        Dialing(us, 2, bytes(32)).prove(Challenge(1, 2, bytes(32)))
    with pytest.raises(Refusing, match="our own nonce"):
        Listening(us, bytes(32)).challenge(Greet((1,), "db", 2, bytes(32)))


def test_the_proof_covers_ids_and_database() -> None:
    for greeted, database in ((3, "db"), (2, "other")):
        dialing = Dialing(identity(2, database=database), 1, nonce())
        listening = Listening(identity(1), nonce())
        challenge = listening.challenge(Greet((1,), "db", greeted, dialing.greet().nonce))
        with pytest.raises(Refusing, match="wrong secret"):
            listening.check(dialing.prove(challenge))


def test_a_secret_must_not_be_empty() -> None:
    with pytest.raises(ValueError, match="secret"):
        identity(1, secret=b"")


@pytest.mark.parametrize("state", [State.GREETED, State.PROVED, State.MEETING, State.LIVE])
@pytest.mark.parametrize("message", list(EXAMPLES.values()), ids=lambda message: type(message).__name__)
def test_messages_in_the_wrong_state_end_the_link(state: State, message: Message) -> None:
    listener = link(2, dialed=False)
    dialer = link(1, dialed=True)
    if state is State.LIVE:
        dialer, listener = live()
    elif state is State.MEETING:
        shake(dialer, listener)
    elif state is State.PROVED:
        listener.receive(dialer.output(), 0.0)
        listener.next()
    assert listener.state is state
    listener.receive(Encoder(0).encode(message), 0.0)
    came = listener.next()
    if isinstance(message, TAKEN[state]):
        assert listener.code is not Refusal.LIES
    else:
        assert came is None
        assert listener.code is Refusal.LIES and f"while the link was {state.name}" in (listener.closing or "")


def test_every_message_has_a_state_and_an_example() -> None:
    taken = {message for messages in TAKEN.values() for message in messages}
    assert taken | {Refused} == set(KINDS.values()) == set(EXAMPLES) | {Refused}


def test_a_refusal_is_believed_only_once_the_peer_is_proved() -> None:
    refused = Refused("removed instance", "", Settled(9, (), (1,)))
    dialer = link(1, dialed=True)
    dialer.receive(Encoder(0).encode(refused), 0.0)
    assert dialer.next() is None
    assert dialer.state is State.CLOSED
    ours, peer = live()
    peer.refuse(Refusal.REMOVED, "instance 1", Settled(9, (), (1,)))
    ours.receive(peer.output(), 0.0)
    assert ours.next() == Refused("removed instance", "instance 1", Settled(9, (), (1,)))
    assert ours.closing == "refused by the peer: removed instance (instance 1)"


def test_the_configuration_is_not_told_to_strangers() -> None:
    listener = link(2, dialed=False)
    listener.refuse(Refusal.STALE, "", Settled(9, (), (1,)))
    assert listener.output() == Encoder(0).encode(Refused("stale configuration", ""))


def test_a_peer_that_says_another_id_in_its_hello_is_refused() -> None:
    dialer, listener = link(1, dialed=True), link(2, dialed=False)
    shake(dialer, listener)
    dialer.send(hello(3))
    listener.receive(dialer.output(), 0.0)
    assert listener.next() is None
    assert listener.code is Refusal.IDENTITY


def test_what_comes_after_the_hello_waits_until_the_link_lives() -> None:
    dialer, listener = link(1, dialed=True), link(2, dialed=False)
    shake(dialer, listener)
    dialer.send(hello(1))
    dialer.send(Ping(5))
    listener.receive(dialer.output(), 0.0)
    assert listener.next() == hello(1)
    assert listener.next() is None
    listener.go_live(0.0)
    assert listener.next() == Ping(5)


def test_a_slow_handshake_and_a_silent_peer_are_given_up() -> None:
    settings = Settings()
    slow = link(2, dialed=False)
    slow.tick(settings.handshake_ms - 1.0)
    assert slow.closing is None
    slow.receive(b"\x00", settings.handshake_ms - 1.0)
    slow.tick(settings.handshake_ms + 1.0)
    assert slow.code is Refusal.SILENT
    ours, peer = live()
    peer.send(Ping(1))
    ours.receive(peer.output(), 8_000.0)
    ours.tick(settings.dead_ms + 1.0)
    assert ours.live
    ours.tick(8_000.0 + settings.dead_ms)
    assert ours.code is Refusal.SILENT


def test_a_challenged_link_has_a_short_time_to_show_life() -> None:
    ours, peer = live()
    ours.challenge(100.0)
    peer.send(Ping(1))
    ours.receive(peer.output(), 500.0)
    ours.tick(1_200.0)
    assert ours.live
    ours.challenge(2_000.0)
    ours.tick(3_000.0)
    assert ours.code is Refusal.SILENT
