"""Commands of Redis that this server knows and does not run, with the reason; they are not in the table.

Source: Redis docs, compatibility of commands with Active-Active databases.
"""

from __future__ import annotations

from mergelaw.commands.errors import CommandError

_NO_CLUSTER = "ERR This instance has cluster support disabled"
_NO_MESSAGES = "ERR {} is not supported: this server has no publish/subscribe yet"
_ONE_DATABASE = "ERR {} is not supported: there is one database"
_ACTIVE_ACTIVE = "ERR {} is not supported: instances replicate with their peers, see CRDT.PEERS"
_NO_SCRIPTS = "ERR {} is not supported: this server has no scripts yet"

REASONS: dict[bytes, str] = {
    **dict.fromkeys((b"CLUSTER", b"ASKING", b"READONLY", b"READWRITE"), _NO_CLUSTER),
    **dict.fromkeys(
        (
            b"SUBSCRIBE",
            b"UNSUBSCRIBE",
            b"PSUBSCRIBE",
            b"PUNSUBSCRIBE",
            b"SSUBSCRIBE",
            b"SUNSUBSCRIBE",
            b"PUBLISH",
            b"SPUBLISH",
            b"PUBSUB",
        ),
        _NO_MESSAGES,
    ),
    **dict.fromkeys((b"SWAPDB",), _ONE_DATABASE),
    **dict.fromkeys(
        (b"REPLICAOF", b"SLAVEOF", b"FAILOVER", b"SYNC", b"PSYNC", b"REPLCONF", b"MIGRATE"), _ACTIVE_ACTIVE
    ),
    **dict.fromkeys(
        (b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO", b"FCALL", b"FCALL_RO", b"SCRIPT", b"FUNCTION"), _NO_SCRIPTS
    ),
    b"MONITOR": "ERR {} is not supported: see SLOWLOG",
}
"""Name in capital letters -> error reply, `{}` standing for the name."""


def refusal(name: bytes) -> CommandError | None:
    """Why the command `name` is not run; None: it is not known at all."""
    reason = REASONS.get(name.upper())
    return None if reason is None else CommandError(reason.format(name.decode("latin-1").upper()))
