"""Parts of strings: APPEND, STRLEN, SETRANGE, GETRANGE, SUBSTR, LCS.

A write of a part is one of the whole value: of concurrent ones the latest wins, and nothing of the others is left. The
time to live stays.

Source: redis 7.0, `src/t_string.c`; Redis docs, Active-Active strings (redis_rules.md, 11).
"""

from __future__ import annotations

from mergelaw.commands.errors import CommandError, syntax_error, wrong_type
from mergelaw.commands.lcs import TooLong, common
from mergelaw.commands.parse import Arguments, integer, to_value
from mergelaw.commands.reply import Reply
from mergelaw.commands.strings import LONGEST, bytes_of
from mergelaw.commands.table import Call, command

_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
_COST = (
    "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned "
    "length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for "
    "small strings."
)


@command(
    b"APPEND",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    since="2.0.0",
    summary="Append a value to a key",
    complexity="O(N) where N is the length of the whole string.",
)
def append(c: Call) -> Reply:
    """The length of the whole."""
    key, added = c.args[1], c.args[2]
    old = bytes_of(c, key) or b""
    if len(old) + len(added) > LONGEST:
        raise CommandError(_TOO_LONG)
    c.tx.update(key, "set_keeping", to_value(old + added))
    return len(old) + len(added)


@command(
    b"STRLEN",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="string",
    since="2.2.0",
    summary="Get the length of the value stored in a key",
)
def strlen(c: Call) -> Reply:
    """Its bytes; 0 where there is none."""
    return len(bytes_of(c, c.args[1]) or b"")


@command(
    b"SETRANGE",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="string",
    since="2.2.0",
    summary="Overwrite part of a string at key starting at the specified offset",
    complexity="O(N) where N is the length of the whole string.",
)
def setrange(c: Call) -> Reply:
    """The length of the whole. What is missing before the offset is filled with zero bytes; an empty part writes
    nothing.
    """
    key, part = c.args[1], c.args[3]
    offset = integer(c.args[2])
    if offset < 0:
        raise CommandError("ERR offset is out of range")
    old = bytes_of(c, key) or b""
    if not part:
        return len(old)
    if offset + len(part) > LONGEST:
        raise CommandError(_TOO_LONG)
    new = old[:offset].ljust(offset, b"\0") + part + old[offset + len(part) :]
    c.tx.update(key, "set_keeping", to_value(new))
    return len(new)


def _part(c: Call) -> bytes:
    start, end = integer(c.args[2]), integer(c.args[3])
    whole = bytes_of(c, c.args[1]) or b""
    if start < 0 and end < 0 and start > end:
        return b""
    length = len(whole)
    start = max(0, start + length) if start < 0 else start
    end = max(0, end + length) if end < 0 else end
    return whole[start : end + 1]


@command(
    b"GETRANGE",
    arity=4,
    flags="readonly",
    keys=(1, 1, 1),
    group="string",
    since="2.4.0",
    summary="Get a substring of the string stored at a key",
    complexity=_COST,
)
def getrange(c: Call) -> Reply:
    """The part from start to end, both included; negative ones count from the end."""
    return _part(c)


@command(
    b"SUBSTR",
    arity=4,
    flags="readonly",
    keys=(1, 1, 1),
    group="string",
    summary="Get a substring of the string stored at a key",
    complexity=_COST,
)
def substr(c: Call) -> Reply:
    """As GETRANGE."""
    return _part(c)


@command(
    b"LCS",
    arity=-3,
    flags="readonly",
    keys=(1, 2, 1),
    group="string",
    since="7.0.0",
    summary="Find longest common substring",
    complexity="O(N*M) where N and M are the lengths of s1 and s2, respectively",
)
def lcs(c: Call) -> Reply:
    """The longest common subsequence; with LEN its length; with IDX where it stands in both, from the end on.

    Raises: CommandError, also for strings so long that other clients would have to wait; see `lcs.py`.
    """
    length = indices = with_length = False
    shortest = 0
    try:
        left, right = (bytes_of(c, key) or b"" for key in c.args[1:3])
    except CommandError as error:
        if error.message != wrong_type().message:
            raise
        raise CommandError("ERR The specified keys must contain string values") from None
    options = Arguments(c.args, 3)
    while options:
        match options.keyword():
            case b"IDX":
                indices = True
            case b"LEN":
                length = True
            case b"WITHMATCHLEN":
                with_length = True
            case b"MINMATCHLEN" if options:
                shortest = max(0, options.integer())
            case _:
                raise syntax_error()
    if length and indices:
        raise CommandError("ERR If you want both the length and indexes, please just use IDX.")
    try:
        found = common(left, right)
    except TooLong:
        raise CommandError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len") from None
    if length:
        return found.length
    if not indices:
        return found.text(left)
    matches: list[Reply] = []
    for start, other, run in found.runs:
        if run >= shortest:
            match_: list[Reply] = [[start, start + run - 1], [other, other + run - 1]]
            matches.append([*match_, run] if with_length else match_)
    return {b"matches": matches, b"len": found.length}
