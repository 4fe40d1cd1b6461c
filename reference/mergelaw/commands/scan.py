"""SCAN, and the options that HSCAN, SSCAN and ZSCAN share with it.

Source: redis 7.0, `src/db.c` (`scanGenericCommand`); how cursors work: `index.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.glob import matcher
from mergelaw.commands.index import BEGINNING
from mergelaw.commands.parse import Arguments
from mergelaw.commands.reply import Reply
from mergelaw.commands.table import Call, command

_CURSOR = re.compile(rb"(?:[+-]?[0-9]+)?")
_SLICE = 1000
"""So many keys of a full sync are merged in a call."""
_MOST = 100_000
"""So many keys a call visits at most, whatever COUNT says: other clients wait meanwhile."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """MATCH, COUNT, and what else the command allows."""

    matches: Callable[[bytes], bool]
    count: int
    type: bytes | None
    no_values: bool


def parse_cursor(data: bytes) -> int:
    """Raises: CommandError. As C reads an unsigned number: a sign is allowed, and nothing at all is 0."""
    if _CURSOR.fullmatch(data) is None or len(data) > 25 or abs(int(data or b"0")) >= 2**64:
        raise CommandError("ERR invalid cursor")
    return int(data or b"0") % 2**64


def parse_options(args: list[bytes], at: int, *, types: bool = False, no_values: bool = False) -> ScanOptions:
    """The options from position `at` on; `types` allows TYPE, `no_values` NOVALUES. Raises: CommandError."""
    pattern, count, kind, bare = b"*", 10, None, False
    options = Arguments(args, at)
    while options:
        match options.keyword():
            case b"MATCH" if options:
                pattern = options.next()
            case b"COUNT" if options:
                count = options.integer()
                if count < 1:
                    raise syntax_error()
            case b"TYPE" if types and options:
                kind = options.next().lower()
            case b"NOVALUES" if no_values:
                bare = True
            case _:
                raise syntax_error()
    return ScanOptions(matcher(pattern), min(count, _MOST), kind, bare)


@command(
    b"SCAN",
    arity=-2,
    flags="readonly",
    group="generic",
    since="2.8.0",
    summary="Incrementally iterate the keys space",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
    "return back to 0. N is the number of elements inside the collection.",
)
def scan(c: Call) -> Reply:
    """The next cursor (0: done) and some keys: each key that is there all the time comes once at least."""
    cursor = parse_cursor(c.args[1])
    options = parse_options(c.args, 2, types=True)
    if cursor % BEGINNING == 0 and c.db.settle(_SLICE):
        # A full sync is being merged: its keys can be read, but are not all in the index yet. The scan begins after it.
        return [b"%d" % BEGINNING, []]
    following, found = c.server.index.scan(cursor, options.count)
    shown: list[bytes] = []
    for key in found:
        if not options.matches(key):
            continue
        entry = c.db.visible(key, c.now_ms)
        if entry is None:
            continue
        if options.type is not None and c.db.content(entry).lower().encode("latin-1") != options.type:
            continue
        shown.append(key)
    return [b"%d" % following, shown]
