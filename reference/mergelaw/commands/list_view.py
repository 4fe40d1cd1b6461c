"""The elements of lists in order, and what writes to a list: a position for each element, between its neighbours.

The state of a list is a map from positions to registers, and says nothing of their order but by comparing positions.
So for each list that is asked for an `Order` is kept: its elements, first to last, which follow the changes by their
footprints. It holds nothing that the state does not say, and is made anew whenever in doubt. With it a push, a pop or
an index costs no more than logarithmic.

Source: spec/mergelaw/types/list.crdt; Redis docs, Active-Active lists.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from immutables import Map
from sortedcontainers import SortedList

from mergelaw.commands.parse import from_text
from mergelaw.commands.state import KEY, parts
from mergelaw.language.core import Base, MapT, Named, OptionType, Program, RecordT
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY

if TYPE_CHECKING:
    from mergelaw.commands.table import Call
    from mergelaw.replica.database import Database
    from mergelaw.replica.transaction import Transaction
    from mergelaw.semantics.engine import Footprint

Position = tuple[tuple[int, int, int, int, int], ...]
"""Raw `Position` of the spec; Python compares these as the spec does."""

Reader = Callable[[Any], str]
"""The text that a register of a list shows."""

_KEPT = 4096
"""So many orders are kept; the one used longest ago goes first. Each element costs some 80 bytes."""


class Order:
    """The elements of one list, first to last."""

    __slots__ = ("_read", "held", "pairs")

    def __init__(self, held: Mapping[Position, Any], read: Reader) -> None:
        """All of `held`."""
        self._read = read
        self.held = held
        """The map that it shows."""
        self.pairs = SortedList((position, read(register)) for position, register in held.items())
        """Position and text of each element; no two have one position, so the texts are never compared."""

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Position, str]:
        found: tuple[Position, str] = self.pairs[index]
        return found

    def within(self, start: int, stop: int) -> Iterator[tuple[Position, str]]:
        """The elements from the index `start` to before `stop`; both are within 0..length."""
        found: Iterator[tuple[Position, str]] = self.pairs.islice(start, stop)
        return found

    def backwards(self, count: int) -> Iterator[tuple[Position, str]]:
        """The last `count` elements, the last first."""
        length = len(self.pairs)
        found: Iterator[tuple[Position, str]] = self.pairs.islice(length - count, length, reverse=True)
        return found

    def texts(self, start: int, stop: int) -> list[bytes]:
        """As `within`, only what the elements are."""
        return [from_text(text) for _, text in self.pairs.islice(start, stop)]

    def follow(self, held: Mapping[Position, Any], touched: Collection[Position]) -> None:
        """The map is now `held`, which may differ from the last one at the positions `touched` only."""
        self.held = held
        pairs = self.pairs
        if len(touched) > 64 + len(held) // 8:
            self.pairs = SortedList((position, self._read(register)) for position, register in held.items())
            return
        for position in touched:
            self._drop(position)
            register = held.get(position)
            if register is not None:
                pairs.add((position, self._read(register)))

    def _drop(self, position: Position) -> None:
        pairs = self.pairs
        if not pairs:
            return
        first, last = pairs[0][0], pairs[-1][0]
        if position == first:
            del pairs[0]
        elif position == last:
            del pairs[-1]
        elif first < position < last:
            at = pairs.bisect_left((position,))
            if pairs[at][0] == position:
                del pairs[at]


class Orders:
    """The orders of one database."""

    def __init__(self, db: Database) -> None:
        """Follows the changes of `db` by `db.on_touched`, which it wraps."""
        self._db = ref(db)
        program = db.engines[KEY].program
        self._list = parts(db.engines[KEY])["list"].at
        (self._elements,) = _steps(program, "elements")
        self._read = _reader(program)
        self._orders: OrderedDict[bytes, Order] = OrderedDict()
        self._next = db.on_touched
        db.on_touched = self._touched

    def of(self, key: bytes, value: Any) -> Order:
        """That of the list in `value`, the raw `Key` at `key`."""
        held = self.held(value)
        orders = self._orders
        known = orders.get(key)
        if known is None or known.held is not held:
            known = orders[key] = Order(held, self._read)
            if len(orders) > _KEPT:
                orders.popitem(last=False)
        orders.move_to_end(key)
        return known

    def held(self, value: Any) -> Mapping[Position, Any]:
        """The elements in a raw `Key`, by position."""
        found: Mapping[Position, Any] = value[self._list][self._elements]
        return found

    def _touched(self, key: bytes, footprint: Footprint) -> None:
        order = self._orders.get(key)
        if order is not None:
            self._follow(order, key, _at(_at(footprint, "list"), "elements"))
        if self._next is not None:
            self._next(key, footprint)

    def _follow(self, order: Order, key: bytes, touched: Footprint) -> None:
        db = self._db()
        entry = None if db is None else db.keys.get(key)
        if touched is None or entry is None or entry.store != KEY:
            del self._orders[key]
        elif touched:
            order.follow(self.held(entry.value), touched)


def _at(footprint: Footprint, step: str) -> Footprint:
    return None if footprint is None else footprint.get(step, Map())


def _steps(program: Program, name: str) -> tuple[int, ...]:
    record = program.unfold(Named("List", (_TEXT,)))
    assert isinstance(record, RecordT), record
    return (record.position(name),)


_TEXT = Base("Text")


def _reader(program: Program) -> Reader:
    """What reads a register: a single write at once, of concurrent ones that which the spec shows."""
    declared = Named("Register", (_TEXT,))
    register = Compiled(program, declared)
    siblings = program.unfold(declared)
    assert isinstance(siblings, MapT) and isinstance(siblings.value, OptionType), siblings
    written = program.unfold(siblings.value.item)
    assert isinstance(written, RecordT), written
    at = written.position("value")

    def read(held: Any) -> str:
        if len(held) == 1:
            for (write,) in held.values():
                only: str = write[at]
                return only
        shown: str = register.query("value", held, EMPTY, ())[0]
        return shown

    return read


_orders: WeakKeyDictionary[Database, Orders] = WeakKeyDictionary()


def orders(db: Database) -> Orders:
    """The orders of `db`, made when they are first asked for."""
    known = _orders.get(db)
    if known is None:
        known = _orders[db] = Orders(db)
    return known


# Commands -------------------------------------------------------------------------------------------------------------


def list_of(c: Call, key: bytes) -> Order | None:
    """The list at `key`; None iff the key is absent. It follows the updates of `key`, as long as something is left.

    Raises: CommandError (WRONGTYPE).
    """
    entry = c.typed(key, "list")
    return None if entry is None else orders(c.db).of(key, entry.value)


def push(tx: Transaction, key: bytes, texts: Iterable[str], order: Order | None, left: bool = False) -> int:
    """Puts `texts` one after the other at an end of the list at `key`, which `order` is; how many there are then.

    Each goes beside the one before it, so they stay together whatever others push at the same time.
    """
    length = 0 if order is None else len(order)
    pushed = 0
    for text in texts:
        if pushed:
            entry = tx.entry(key)
            assert entry is not None
            order = orders(tx.db).of(key, entry.value)
        end = None if order is None else (order[0 if left else -1][0],)
        neighbours = (None, end) if left else (end, None)
        tx.update(key, "list_insert", *neighbours, text)
        pushed += 1
    return length + pushed


def remove(tx: Transaction, key: bytes, order: Order, positions: Collection[Position]) -> None:
    """Takes `positions`, all of which are in it, out of the list at `key`, which `order` is; the last take it away."""
    if len(positions) == len(order):
        tx.delete(key)
        return
    for position in positions:
        tx.update(key, "pull", position)
