"""Error replies, word for word as Redis 7.0 gives them.

All texts of more than one command stand here, the code first (`ERR`, `WRONGTYPE`, ...), as clients match on it.

Source: redis 7.0, `src/server.c` (`createSharedObjects`, `processCommand`), `src/networking.c` (`addReplyErrorLength`).
"""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 128
"""Redis quotes at most so many bytes of an unknown command, and about as many of its arguments."""


class CommandError(Exception):
    """A command is refused; `message` is the whole error reply, its code first."""

    def __init__(self, message: str | bytes) -> None:
        """`message` without the leading `-`; a text is written by latin-1, as all bytes here are read."""
        self.message = message if isinstance(message, bytes) else message.encode("latin-1", "replace")
        super().__init__(self.message.decode("latin-1"))


SYNTAX = "ERR syntax error"
NOT_AN_INTEGER = "ERR value is not an integer or out of range"
NOT_A_FLOAT = "ERR value is not a valid float"
NOT_POSITIVE = "ERR value is out of range, must be positive"
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NO_SUCH_KEY = "ERR no such key"
OUT_OF_RANGE = "ERR index out of range"
SAME_OBJECT = "ERR source and destination objects are the same"
NO_AUTH = "NOAUTH Authentication required."
WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled."
OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'."
EXEC_ABORTED = "EXECABORT Transaction discarded because of previous errors."
BUSY_KEY = "BUSYKEY Target key name already exists."
DATABASE_OUT_OF_RANGE = "ERR DB index is out of range"
OVERFLOW = "ERR increment or decrement would overflow"
NOT_A_NUMBER_SUM = "ERR increment would produce NaN or Infinity"


def syntax_error() -> CommandError:
    """What an option that is unknown, doubled or in the wrong place gives."""
    return CommandError(SYNTAX)


def wrong_type() -> CommandError:
    """What a command of another type than the key's gives."""
    return CommandError(WRONG_TYPE)


def wrong_arity(name: str) -> CommandError:
    """`name` is the full one in small letters, that of a subcommand with its container: `config|get`."""
    return CommandError(f"ERR wrong number of arguments for '{name}' command")


def invalid_expire(name: str) -> CommandError:
    """What a time to live that is out of range gives; `name` in small letters."""
    return CommandError(f"ERR invalid expire time in '{name}' command")


def unknown_command(args: Sequence[bytes]) -> CommandError:
    """The command `args[0]` does not exist."""
    shown = b""
    for arg in args[1:]:
        if len(shown) >= _SHOWN:
            break
        shown += b"'" + arg[: _SHOWN - len(shown)] + b"' "
    name = args[0][:_SHOWN]
    return CommandError(b"ERR unknown command '" + name + b"', with args beginning with: " + shown)


def unknown_subcommand(container: str, subcommand: bytes) -> CommandError:
    """The command `container` (in any letters) has no such subcommand."""
    help_of = container.upper().encode("latin-1")
    return CommandError(b"ERR unknown subcommand '" + subcommand[:_SHOWN] + b"'. Try " + help_of + b" HELP.")


def subcommand_arguments(container: str, subcommand: bytes) -> CommandError:
    """The arguments of a subcommand are not what it takes, in the words of the commands that look themselves."""
    help_of = container.upper().encode("latin-1")
    return CommandError(
        b"ERR unknown subcommand or wrong number of arguments for '"
        + subcommand[:_SHOWN]
        + b"'. Try "
        + help_of
        + b" HELP."
    )
