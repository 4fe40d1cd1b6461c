"""SORT and SORT_RO.

Source: redis 7.0, `src/sort.c`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key

from mergelaw.commands.copying import Copy, place
from mergelaw.commands.errors import CommandError, syntax_error, wrong_type
from mergelaw.commands.parse import Arguments, from_text, from_value, to_double, to_text
from mergelaw.commands.reply import Reply
from mergelaw.commands.state import ask, ask_part, visible_store
from mergelaw.commands.table import Call, command
from mergelaw.commands.zset_state import Scores

_NOT_SCORES = "ERR One or more scores can't be converted into double"
_COMPLEXITY = (
    "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned "
    "elements. When the elements are not sorted, complexity is O(N)."
)


@dataclass(slots=True)
class _Options:
    descending: bool = False
    alphabetic: bool = False
    offset: int = 0
    count: int = -1
    by: bytes | None = None
    gets: list[bytes] = field(default_factory=list)
    store: bytes | None = None


def _parse(args: list[bytes], read_only: bool) -> _Options:
    found = _Options()
    options = Arguments(args, 2)
    while options:
        match options.keyword():
            case b"ASC":
                found.descending = False
            case b"DESC":
                found.descending = True
            case b"ALPHA":
                found.alphabetic = True
            case b"LIMIT" if len(options) >= 2:
                found.offset = options.integer()
                found.count = options.integer()
            case b"STORE" if options and not read_only:
                found.store = options.next()
            case b"BY" if options:
                found.by = options.next()
            case b"GET" if options:
                found.gets.append(options.next())
            case _:
                raise syntax_error()
    return found


def _sort(c: Call, read_only: bool) -> Reply:
    options = _parse(c.args, read_only)
    items, ordered = _elements(c, c.args[1])
    sorting = options.by is None or b"*" in options.by
    by = options.by if sorting else None
    alphabetic = options.alphabetic
    if not sorting and not ordered and options.store is not None:
        # What is stored must be the same wherever the command runs.
        sorting, alphabetic, by = True, True, None
    if sorting:
        items = _in_order(c, items, by, alphabetic, options.descending)
    elif ordered == "scores" and options.descending:
        items.reverse()
    items = _window(items, options.offset, options.count)
    shown: list[bytes | None] = []
    for item in items:
        if options.gets:
            shown.extend(_looked_up(c, pattern, item) for pattern in options.gets)
        else:
            shown.append(item)
    if options.store is None:
        return shown
    stored = [b"" if item is None else item for item in shown]
    if stored:
        place(c.tx, options.store, Copy("list", [to_text(item) for item in stored], None))
    else:
        c.tx.delete(options.store)
    return len(stored)


def _elements(c: Call, key: bytes) -> tuple[list[bytes], str]:
    """What `key` holds, and the store whose order it is in; empty for a set. Raises: CommandError (WRONGTYPE)."""
    entry = c.visible(key)
    if entry is None:
        return [], "list"
    store = visible_store(c.db, entry)
    match store:
        case "members":
            # In a fixed order, where Redis has that of its hash table.
            return [from_text(m) for m in sorted(ask_part(c.db, entry, store, "members"))], ""
        case "list":
            return [from_text(v[0]) for v in ask_part(c.db, entry, store, "values") if v is not None], store
        case "scores":
            return [from_text(member) for _, member in Scores(c.db, key, entry).order()], store
        case _:
            raise wrong_type()


def _in_order(c: Call, items: list[bytes], by: bytes | None, alphabetic: bool, descending: bool) -> list[bytes]:
    """`items` by weight, equal ones by their bytes. Raises: CommandError, if a weight is no number."""
    weighed = [(_weight(c, item, by, alphabetic), item) for item in items]
    weighed.sort(key=cmp_to_key(_compare), reverse=descending)
    return [item for _, item in weighed]


def _weight(c: Call, item: bytes, by: bytes | None, alphabetic: bool) -> float | bytes | None:
    """None: no weight, which comes before all texts."""
    said = item if by is None else _looked_up(c, by, item)
    if alphabetic:
        return said
    if said is None:
        return 0.0
    # As strtod reads: up to a zero byte, white space before it is passed over, and nothing at all is 0.
    text = said.partition(b"\0")[0]
    number = to_double(text.lstrip(b" \t\n\v\f\r")) if text else 0.0
    if number is None:
        raise CommandError(_NOT_SCORES)
    return number


def _compare(left: tuple[float | bytes | None, bytes], right: tuple[float | bytes | None, bytes]) -> int:
    (a, x), (b, y) = left, right
    if a is None or b is None:
        if a is not b:
            return -1 if a is None else 1
    elif a != b:
        return -1 if a < b else 1  # type: ignore[operator]
    return (x > y) - (x < y)


def _looked_up(c: Call, pattern: bytes, item: bytes) -> bytes | None:
    """What the key holds that `pattern` names with `item` for its first star; of `key->field` that field of a hash."""
    if pattern == b"#":
        return item
    before, star, after = pattern.partition(b"*")
    if not star:
        return None
    name, arrow, wanted = after.partition(b"->")
    if not wanted:
        name, arrow = after, b""
    entry = c.db.visible(before + item + name, c.now_ms)
    if entry is None:
        return None
    store = visible_store(c.db, entry)
    if not arrow:
        return from_value(ask(c.db, entry, "get")[0]) if store == "string" else None
    if store != "hash" or not c.db.field_visible(entry, to_text(wanted), c.now_ms):
        return None
    return from_value(ask_part(c.db, entry, store, "get", to_text(wanted))[0])


def _window(items: list[bytes], offset: int, count: int) -> list[bytes]:
    start = max(0, offset)
    return items[start:] if count < 0 else items[start : start + count]


def _keys(args: Sequence[bytes]) -> list[int]:
    """The key, and the last of those after STORE."""
    found = [1]
    at = 2
    stored: int | None = None
    skipped = {b"LIMIT": 2, b"GET": 1, b"BY": 1}
    while at < len(args):
        word = args[at].upper()
        if word in skipped:
            at += skipped[word]
        elif word == b"STORE" and at + 1 < len(args):
            stored = at + 1
            at += 1
        at += 1
    return found if stored is None else [*found, stored]


@command(
    b"SORT",
    arity=-2,
    flags="write denyoom",
    keys=(1, 1, 1),
    finder=_keys,
    group="generic",
    summary="Sort the elements in a list, set or sorted set",
    complexity=_COMPLEXITY,
)
def sort(c: Call) -> Reply:
    """The elements in order, or what GET names; how many, where STORE keeps them as a list."""
    return _sort(c, read_only=False)


@command(
    b"SORT_RO",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    finder=lambda args: [1],
    group="generic",
    since="7.0.0",
    summary="Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
    complexity=_COMPLEXITY,
)
def sort_read_only(c: Call) -> Reply:
    """As SORT, without STORE."""
    return _sort(c, read_only=True)
