"""One link between two instances, without the wire: bytes go in, messages come out, and back.

The link proves both sides to each other, takes from the peer only what fits its state, and knows when the peer is gone.
What the messages of a live link mean is not its business; see `sync` and `hub`.

    state         the peer may send          after which it is
    CHALLENGED    Challenge                  WELCOMED                 (we dialed)
    WELCOMED      Welcome                    MEETING
    GREETED       Greet                      PROVED                   (the peer dialed)
    PROVED        Proof                      MEETING
    MEETING       Hello                      MET, until `go_live`     (both have proved themselves)
    LIVE          all but the above          LIVE
    CLOSED        nothing
    any           Refused                    CLOSED
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from mergelaw.replication.frames import (
    Batch,
    Begin,
    Challenge,
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
    Piece,
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


class State(Enum):
    """What the peer is expected to do next."""

    CHALLENGED = auto()
    WELCOMED = auto()
    GREETED = auto()
    PROVED = auto()
    MEETING = auto()
    MET = auto()
    LIVE = auto()
    CLOSED = auto()


TAKEN: Final[dict[State, tuple[type[Message], ...]]] = {
    State.CHALLENGED: (Challenge,),
    State.WELCOMED: (Welcome,),
    State.GREETED: (Greet,),
    State.PROVED: (Proof,),
    State.MEETING: (Hello,),
    State.MET: (),
    State.LIVE: (Ping, Report, Batch, Synced, Offer, Credit, Withdrawn, Begin, Chunk, End, Spread),
    State.CLOSED: (),
}
"""What a peer may send in each state, beside a refusal."""


class Link:
    """One end of a link.

    `receive` takes bytes, `next` gives messages for the owner: a hello, then those of a live link, or the refusal with
    which the peer ends it. `output` gives the bytes to write. When `closing` is set, the rest of the output is to be
    written and the wire closed.
    """

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        *,
        dialed: bool,
        expected: int | None,
        nonce: bytes,
        now_ms: float,
    ) -> None:
        """Made when the wire connects, at `now_ms` of a monotonic clock.

        `dialed`: we made the connection, to the instance `expected` (None: to any). `nonce`: 32 fresh random bytes.
        """
        self.settings = settings
        self.dialed = dialed
        self.peer: int | None = None
        """Id of the peer, once it has proved it."""
        self.closing: str | None = None
        """Why the link is to be closed, or was."""
        self.code: Refusal | None = None
        """The same, where it has a code."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.expanded_out = 0
        self.opened_ms = now_ms
        self.heard_ms = now_ms
        """When anything came last."""
        self.sent_ms = now_ms
        self._deadline_ms = now_ms + settings.handshake_ms
        """The peer is gone if nothing has come by then; until it is live, if it is not live by then."""
        self._decoder = Decoder(settings.message_max_bytes)
        self._encoder = Encoder(settings.level)
        self._output: list[bytes] = []
        self._dialing: Dialing | None = None
        self._listening: Listening | None = None
        if dialed:
            self._dialing = Dialing(identity, expected, nonce)
            self.state = State.CHALLENGED
            self.send(self._dialing.greet())
        else:
            self._listening = Listening(identity, nonce)
            self.state = State.GREETED

    @property
    def proved(self) -> bool:
        """Whether both sides have proved themselves."""
        return self.peer is not None

    @property
    def live(self) -> bool:
        """Whether effects may flow."""
        return self.state is State.LIVE

    @property
    def expanded_in(self) -> int:
        """Bytes that came, without compression."""
        return self._decoder.expanded_bytes

    @property
    def pending_bytes(self) -> int:
        """Bytes that came and have not been looked at."""
        return self._decoder.pending_bytes

    def receive(self, data: bytes, now_ms: float) -> None:
        """`data` came in; ask `next` until it gives None."""
        if self.state is State.CLOSED:
            return
        self.bytes_in += len(data)
        self.heard_ms = now_ms
        if self.live:
            self._deadline_ms = now_ms + self.settings.dead_ms
        self._decoder.feed(data)

    def next(self) -> Message | None:
        """The next message for the owner, None if there is none; what is of the handshake only is answered here.

        Never raises: a peer that lies ends the link.
        """
        try:
            while self.state not in (State.CLOSED, State.MET):
                message = self._decoder.next()
                if message is None:
                    return None
                if isinstance(message, Refused):
                    self._end(
                        f"refused by the peer: {message.code}" + (f" ({message.detail})" if message.detail else "")
                    )
                    # Before the peer has proved itself it may say anything, so nothing is made of it.
                    return message if self.proved else None
                if not isinstance(message, TAKEN[self.state]):
                    raise FrameError(f"a {type(message).__name__} came while the link was {self.state.name}")
                if self._shake(message):
                    return message
        except Refusing as error:
            self.refuse(error.code, error.detail)
        except FrameError as error:
            self.refuse(Refusal.LIES, str(error))
        return None

    def _shake(self, message: Message) -> bool:
        """Answers a message of the handshake; True for one that is the owner's. Raises: Refusing."""
        match message:
            case Challenge():
                assert self._dialing is not None
                self.send(self._dialing.prove(message))
                self.state = State.WELCOMED
            case Welcome():
                assert self._dialing is not None
                self._prove(self._dialing.check(message))
            case Greet():
                assert self._listening is not None
                self.send(self._listening.challenge(message))
                self.state = State.PROVED
            case Proof():
                assert self._listening is not None
                peer, welcome = self._listening.check(message)
                self.send(welcome)
                self._prove(peer)
            case Hello():
                if message.id != self.peer:
                    raise Refusing(Refusal.IDENTITY, f"instance {self.peer} says that it is {message.id}")
                self.state = State.MET
                return True
            case _:
                return True
        return False

    def _prove(self, peer: int) -> None:
        self.peer = peer
        self.state = State.MEETING
        self._decoder.trust()

    def go_live(self, now_ms: float) -> None:
        """The owner has taken the peer's hello."""
        assert self.state is State.MET, self.state
        self.state = State.LIVE
        self._deadline_ms = now_ms + self.settings.dead_ms

    def send(self, message: Message) -> int:
        """Puts out `message`; returns its size on the wire."""
        if self.state is State.CLOSED:
            return 0
        size = 0
        for header, body, expanded in self._encoder.pieces(message):
            self._output.append(header)
            self._output.append(body)
            size += len(header) + len(body)
            self.expanded_out += len(header) + expanded
        self.bytes_out += size
        return size

    def send_piece(self, piece: Piece) -> None:
        """Puts out a frame that `pieces` made."""
        header, body, expanded = piece
        self._output.append(header)
        self._output.append(body)
        self.bytes_out += len(header) + len(body)
        self.expanded_out += len(header) + expanded

    def pieces(self, message: Message) -> Iterator[Piece]:
        """The frames of `message`, to be put out one by one, or on several links of one level."""
        return self._encoder.pieces(message)

    def output(self) -> bytes:
        """The bytes to write now; empty if there are none."""
        if not self._output:
            return b""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def refuse(self, code: Refusal, detail: str = "", settled: Settled | None = None) -> None:
        """Ends the link, and tells the peer why; the configuration only to a peer that has proved itself."""
        if self.state is State.CLOSED:
            return
        self.send(Refused(code.value, detail[:1000], settled if self.proved else None))
        self.code = code
        self._end(f"{code.value}: {detail}" if detail else code.value)

    def leave(self, why: str) -> None:
        """Ends the link without a word; what was put out is still written."""
        self._end(why)

    def lost(self, why: str) -> None:
        """The wire is gone."""
        self._output.clear()
        self._end(why)

    def _end(self, why: str) -> None:
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self.closing = why

    def challenge(self, now_ms: float) -> None:
        """Somebody would take this link's place: the peer has a short time to say anything."""
        self._deadline_ms = min(self._deadline_ms, now_ms + self.settings.challenge_ms)

    def tick(self, now_ms: float) -> None:
        """Time has passed: ends the link if the peer is gone."""
        if self.state is not State.CLOSED and now_ms >= self._deadline_ms:
            self.refuse(Refusal.SILENT, "" if self.live else "the handshake took too long")
