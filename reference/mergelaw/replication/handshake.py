"""How two instances prove themselves to each other, and why one refuses the other.

Who dialed proves first: a stranger who dials learns nothing that it could try passwords on.

    dialer                               listener
    Greet(database, id, nonce)     ->
                                   <-    Challenge(id, nonce)
    Proof(mac)                     ->
                                   <-    Welcome(mac)
    Hello                         <->    Hello

A MAC is HMAC-SHA256 under the shared secret over the role, the protocol, the database id, both ids and both nonces. The
role keeps a proof from being sent back to its maker, the nonces keep it from being used again. Neither the secret nor
what follows is hidden from who reads along, nor protected from who writes on the wire: that takes TLS.

Source: ISO/IEC 9798-4, mutual authentication with a keyed check function in three passes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mergelaw.replication.frames import (
    PROTOCOL,
    Challenge,
    FrameError,
    Greet,
    Proof,
    Welcome,
)

NONCE_BYTES: Final = 32


class Refusal(StrEnum):
    """Why a link is refused or closed; these words go to the peer."""

    SECRET = "wrong secret"
    """The peer has not proved itself."""
    PROTOCOL = "protocol version"
    """No version that both speak."""
    DATABASE = "other database"
    """The peer is of another database."""
    IDENTITY = "unexpected id"
    """Another instance than was dialed."""
    DUPLICATE = "duplicate id"
    """Another process is linked, or runs here, under that id."""
    REMOVED = "removed instance"
    """The peer was removed from the database; its id never comes back."""
    UNKNOWN = "unknown instance"
    """The peer is not in the configuration."""
    STALE = "stale configuration"
    """The peer's configuration version is older than ours, which comes with the refusal."""
    ANOTHER = "another link"
    """A link of the two instances exists, and it stays."""
    PAUSED = "paused"
    """Sync is paused here."""
    LIES = "protocol error"
    """The peer sent what no peer sends."""
    SILENT = "no answer"
    """Nothing came for too long."""
    STOPPED = "stopped"
    """The instance shuts down."""
    BUSY = "too many links"
    """Too many links that have not proved themselves."""
    BEHIND = "old snapshot"
    """A snapshot of an instance that lacks what was collected here."""
    EFFECT = "bad effect"
    """An effect that cannot be applied here."""


class Refusing(FrameError):
    """The link is to be closed, and the peer told why."""

    def __init__(self, code: Refusal, detail: str) -> None:
        super().__init__(f"{code}: {detail}" if detail else code.value)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in every handshake."""

    database: str
    id: int
    run: bytes
    """32 random bytes, drawn by each process."""
    secret: bytes
    """What all instances share."""

    def __post_init__(self) -> None:
        """Raises: ValueError, if the secret is empty, or `run` has another length."""
        if not self.secret:
            raise ValueError("instances need a shared secret")
        if len(self.run) != NONCE_BYTES:
            raise ValueError(f"a run is named by {NONCE_BYTES} bytes, not {len(self.run)}")


class Dialing:
    """The handshake of who dialed, up to `Welcome`."""

    __slots__ = ("_expected", "_identity", "_nonce", "_peer", "_peer_nonce")

    def __init__(self, identity: Identity, expected: int | None, nonce: bytes) -> None:
        """`expected` is the id that was dialed, None if any will do; `nonce` 32 fresh random bytes."""
        self._identity = identity
        self._expected = expected
        self._nonce = nonce
        self._peer = 0
        self._peer_nonce = b""

    def greet(self) -> Greet:
        """The first message."""
        return Greet((PROTOCOL,), self._identity.database, self._identity.id, self._nonce)

    def prove(self, challenge: Challenge) -> Proof:
        """The answer to the challenge. Raises: Refusing."""
        if challenge.protocol != PROTOCOL:
            raise Refusing(Refusal.PROTOCOL, f"version {challenge.protocol} was not offered")
        if challenge.id == self._identity.id:
            raise Refusing(Refusal.DUPLICATE, f"{challenge.id} is this instance")
        if self._expected is not None and challenge.id != self._expected:
            raise Refusing(Refusal.IDENTITY, f"dialed {self._expected}, met {challenge.id}")
        if challenge.nonce == self._nonce:
            raise Refusing(Refusal.SECRET, "our own nonce came back")
        self._peer = challenge.id
        self._peer_nonce = challenge.nonce
        return Proof(self._mac(b"dialer"))

    def check(self, welcome: Welcome) -> int:
        """The id of the peer, which has proved itself. Raises: Refusing."""
        if not hmac.compare_digest(welcome.mac, self._mac(b"listener")):
            raise Refusing(Refusal.SECRET, "")
        return self._peer

    def _mac(self, role: bytes) -> bytes:
        return mac(self._identity, role, self._identity.id, self._peer, self._nonce, self._peer_nonce)


class Listening:
    """The handshake of who was dialed, up to `Welcome`."""

    __slots__ = ("_identity", "_nonce", "_peer", "_peer_nonce")

    def __init__(self, identity: Identity, nonce: bytes) -> None:
        """`nonce` is 32 fresh random bytes."""
        self._identity = identity
        self._nonce = nonce
        self._peer = 0
        self._peer_nonce = b""

    def challenge(self, greet: Greet) -> Challenge:
        """The answer to the first message. Raises: Refusing."""
        if PROTOCOL not in greet.protocols:
            raise Refusing(Refusal.PROTOCOL, f"this instance speaks version {PROTOCOL}")
        if greet.database != self._identity.database:
            raise Refusing(Refusal.DATABASE, "")
        if greet.id == self._identity.id:
            raise Refusing(Refusal.DUPLICATE, f"{greet.id} is this instance")
        if greet.nonce == self._nonce:
            raise Refusing(Refusal.SECRET, "our own nonce came back")
        self._peer = greet.id
        self._peer_nonce = greet.nonce
        return Challenge(PROTOCOL, self._identity.id, self._nonce)

    def check(self, proof: Proof) -> tuple[int, Welcome]:
        """The id of the peer, which has proved itself, and our own proof. Raises: Refusing."""
        if not hmac.compare_digest(proof.mac, self._mac(b"dialer")):
            raise Refusing(Refusal.SECRET, "")
        return self._peer, Welcome(self._mac(b"listener"))

    def _mac(self, role: bytes) -> bytes:
        return mac(self._identity, role, self._peer, self._identity.id, self._peer_nonce, self._nonce)


def mac(
    identity: Identity, role: bytes, dialer: int, listener: int, dialer_nonce: bytes, listener_nonce: bytes
) -> bytes:
    """The proof of `role`, b"dialer" or b"listener". Each field has its length before it, so that none runs on."""
    fields = (
        b"mergelaw peer",
        role,
        str(PROTOCOL).encode(),
        identity.database.encode(),
        str(dialer).encode(),
        str(listener).encode(),
        dialer_nonce,
        listener_nonce,
    )
    told = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return hmac.new(identity.secret, told, hashlib.sha256).digest()
