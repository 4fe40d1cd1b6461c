"""Transactions: updates that become one effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from mergelaw.replica.at_once import WRITES
from mergelaw.replica.model import KEY, Effect, Part
from mergelaw.semantics.compile.journal import Journal
from mergelaw.semantics.compiler import Local
from mergelaw.semantics.context import CausalContext, Dot, Run
from mergelaw.semantics.engine import Delta, Engine, Footprint, UpdateRefused, absorbed, owned
from mergelaw.semantics.values import Raw

if TYPE_CHECKING:
    from mergelaw.replica.database import Database, Entry

_TWO_OPEN = "two transactions of one database are open"

_DOTS_OF_ONE = 8
"""No update that is put off takes more."""

_ENDS = ("delete", "clear")
"""The updates that leave nothing, by the name that a custom type gives them; the first that it has is taken."""


class _Growing(CausalContext):
    """A context to which dots are added without copying it."""

    __slots__ = ("_dots",)

    def __init__(self, context: CausalContext) -> None:
        self._dots = set(context)
        self._hash = None

    def take(self, context: CausalContext) -> None:
        self._dots.update(context)

    @property
    def runs(self) -> tuple[Run, ...]:  # type: ignore[override]
        return CausalContext(self._dots).runs

    def __contains__(self, dot: object) -> bool:
        return dot in self._dots

    def __iter__(self) -> Iterator[Dot]:
        return iter(sorted(self._dots))

    def __len__(self) -> int:
        return len(self._dots)

    def __bool__(self) -> bool:
        return bool(self._dots)


class _Sum:
    """The deltas of one key and store, joined: a journal of what was run at once, beside deltas.

    Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 4.2, delta-groups.
    """

    __slots__ = (
        "_context",
        "_footprint",
        "_value",
        "amount",
        "engine",
        "entry",
        "forgotten",
        "journal",
        "key",
        "last",
        "late",
        "store",
        "total",
    )

    def __init__(self, key: bytes, store: str, engine: Engine) -> None:
        self.key = key
        self.store = store
        self.engine = engine
        self.journal: Journal = {}
        self.forgotten: list[Dot] = []
        """Of the updates in the journal."""
        self.last: tuple[str, tuple[Raw, ...]] | None = None
        """The last update, and its arguments, where the key has just `entry`; see `Transaction.remember`."""
        self.entry: Entry | None = None
        self.late = False
        """Whether it is still to be run."""
        self.amount = 0
        """Of the increases that are to be run."""
        self.total = 0
        """Where they lead."""
        self._value: Raw | None = None
        self._context: _Growing | None = None
        self._footprint: Footprint = None

    def add(self, delta: Delta) -> None:
        """One more delta."""
        self.fold()
        self._join(delta)

    def _join(self, delta: Delta) -> None:
        if self._context is None:
            self._value, self._footprint = delta.value, owned(delta.footprint)
            self._context = _Growing(delta.context)
        else:
            self._value = self.engine.apply(self._value, self._context, delta)
            self._context.take(delta.context)
            self._footprint = absorbed(self._footprint, delta.footprint)

    def fold(self) -> None:
        """The journal becomes a delta: what follows is not to be put together with it."""
        if self.journal:
            value, footprint = self.engine.delta(self.journal)  # type: ignore[attr-defined]
            context = CausalContext([*self.forgotten, *self.engine.dots(value)])
            self._join(Delta(value, context, footprint, ()))
            self.journal, self.forgotten = {}, []

    def part(self, own: Run, runs: list[Run]) -> Part:
        """What it did to the key; the context goes to `runs`, but for what is in the run `own`."""
        if self._context is None:
            value, footprint = self.engine.delta(self.journal)  # type: ignore[attr-defined]
            origin, first, _ = own
            runs += [(r, n, n) for r, n in self.forgotten if r != origin or n < first]
        else:
            self.fold()
            runs += self._context.runs
            value, footprint = self._value, self._footprint
        return Part(self.key, self.store, value, footprint)


class Transaction:
    """Updates that become one effect. Each changes the database at once; peers get all of them together.

    A refused update changes nothing; those before it stay. Between its first update and `commit` no other transaction
    of the database may update.
    """

    __slots__ = ("_db", "_first", "_last", "_late", "_sums", "now_ms")

    def __init__(self, db: Database, now_ms: int) -> None:
        """Use `Database.begin`."""
        self._db = db
        self.now_ms = now_ms
        """The wall clock, by which writes are stamped and expired keys are known."""
        self._first = 0
        self._last = 0
        self._sums: dict[bytes | tuple[bytes, str], _Sum] = {}
        """By key, where the store is that of the Redis types."""
        self._late: list[_Sum] = []
        """Those that have, or had, an update that is to be run."""

    @property
    def db(self) -> Database:
        """What it updates."""
        return self._db

    def entry(self, key: bytes) -> Entry | None:
        """What `key` holds, with what is hidden or expired."""
        return self._db.entry(key)

    def visible(self, key: bytes) -> Entry | None:
        """What readers see at `key`."""
        return self._db.visible(key, self.now_ms)

    def update(self, key: bytes, update: str, *args: Raw, store: str = KEY) -> None:
        """Run an update of the spec on `key` and make its delta a part of the effect.

        A key whose time has come, or a field that `args` begin with, is deleted first, whoever owns the expiry; other
        custom stores at the key are emptied, or stay hidden where their type does not allow it.
        Raises: UpdateRefused, if its `requires` does not hold; KeyError, if there is no such store or update;
        DotsUsedUp; RuntimeError, if another transaction is open.
        """
        db = self._db
        if db.lags or db.deferring is not None:
            db.entry(key)
        entry = db.keys.get(key)
        if entry is not None and (
            entry.deadline is not None
            or entry.others is not None
            or entry.store != store
            or (db.schedule.hashes and key in db.schedule.hashes)
        ):
            self._prepare(key, entry, update, args, store)
            entry = db.keys.get(key)
        local = db.locals.get(update) if store == KEY else None
        if local is None:
            local = db.local(store, update)
        if local is None or not self._run_local(key, entry, store, local, args):
            self._run(key, update, args, store)

    # -- writes that stand in for others -----------------------------------------------------------

    def remember(self, key: bytes, update: str, args: tuple[Raw, ...], total: int = 0) -> None:
        """`update` was just run on `key`: what follows may replace it, or add to it; see `replaced` and `increased`.

        `total` is what an `increase` has led to.
        """
        db = self._db
        known, entry = self._sums.get(key), db.keys.get(key)
        if known is None or entry is None or entry.deadline is not None or key in db.schedule.hashes:
            return
        known.last, known.entry, known.total = (update, args), entry, total

    def replaced(self, key: bytes, update: str, args: tuple[Raw, ...]) -> bool:
        """Whether an update takes the place of the one before it on `key`, which nobody has seen; it is run later.

        It is, if that is the last thing that has happened to the key, in this transaction, and was the same update, of
        the same field where it is one of a hash. So the later write has replaced the earlier one, whatever they say.
        """
        known = self._sums.get(key)
        if known is None or known.last is None or known.entry is not self._db.keys.get(key):
            return False
        last, before = known.last
        if last != update or len(args) == 2 and args[0] != before[0]:
            return False
        self._put_off(known)
        known.last = update, args
        return True

    def repeats(self, key: bytes, update: str, args: tuple[Raw, ...]) -> bool:
        """Whether an update that only adds is the last thing that has happened to `key`, in this transaction.

        Run again it would put another fresh dot in place of one that nobody has seen.
        """
        known = self._sums.get(key)
        return known is not None and known.last == (update, args) and known.entry is self._db.keys.get(key)

    def increased(self, key: bytes, amount: int, low: int, high: int) -> int | None:
        """The new total, where an increase is added to the one before it on `key`; both are run as one, later.

        None: something else has happened to the key since, or the total is not within low..high.
        """
        known = self._sums.get(key)
        if known is None or known.entry is not self._db.keys.get(key) or known.last is None:
            return None
        total = known.total + amount
        if known.last[0] != "increase" or not low <= total <= high:
            return None
        self._put_off(known)
        known.total = total
        known.amount += amount
        return total

    def _put_off(self, known: _Sum) -> None:
        if not known.late:
            db = self._db
            needed = db.last + _DOTS_OF_ONE * (len(self._late) + 1)
            if needed > db.reserved:
                # Now, while the client can be told that it cannot be.
                db.reserve(needed)
            known.late = True
            self._late.append(known)
            db.deferring = self

    def settle(self, key: bytes) -> None:
        """Run what was put off at `key`: somebody asks for it."""
        known = self._sums.get(key)
        if known is not None and known.late:
            self._catch_up(known)

    def _catch_up(self, known: _Sum) -> None:
        known.late = False
        assert known.last is not None
        update, args = known.last
        if update == "increase":
            args = known.amount, self._accumulator(known.key, None, False)
            known.amount = 0
        self.update(known.key, update, *args)
        known.entry = self._db.keys.get(known.key)

    def _settle_all(self) -> None:
        if self._late:
            for known in self._late:
                if known.late:
                    self._catch_up(known)
            self._late.clear()
        self._db.deferring = None

    def delete(self, key: bytes) -> bool:
        """DEL: take away all that `key` holds, of every store. False, with nothing done, if readers see nothing there.

        Raises: UpdateRefused, if a custom type has no update `delete` or `clear` without parameters.
        """
        db = self._db
        if db.visible(key, self.now_ms) is None:
            return False
        entry = db.entry(key)
        assert entry is not None
        # A custom type may refuse; then nothing is done.
        for store in sorted(entry.components(), key=lambda s: s == KEY):
            self._end(key, store)
        return True

    def upkeep(self, key: bytes, update: str, *args: Raw) -> None:
        """Run an update of `Key` that no reader notices, as it is: nothing that has expired is deleted.

        Raises: UpdateRefused; KeyError; DotsUsedUp; RuntimeError.
        """
        self._db.entry(key)
        self._run(key, update, args, KEY)

    def reap(self, key: bytes) -> bool:
        """Delete `key`, or fields of it, if their time has come and this instance is to do it; whether it did."""
        db = self._db
        entry = db.entry(key)
        value = None if entry is None else entry.component(KEY)
        if value is None:
            return False
        layout = db.layout
        siblings = layout.siblings(value)
        deadline = layout.deadline(siblings)
        if deadline is not None and deadline <= self.now_ms:
            if not db.owns(siblings):
                return False
            self._delete(key)
            return True
        reaped = False
        if entry is not None and entry.store == KEY and entry.content == "hash" and key in db.schedule.hashes:
            for name, field in layout.fields(value).items():
                siblings = layout.field_siblings(field)
                deadline = layout.deadline(siblings)
                if deadline is not None and deadline <= self.now_ms and db.owns(siblings):
                    self._run(key, "hash_remove", (name,), KEY)
                    reaped = True
        return reaped

    def accumulator(self, key: bytes, inside: str | None = None, *, scores: bool = False) -> tuple[Dot] | None:
        """The argument `onto` of an increase: an accumulator of the counter that this process run has opened, if any.

        `inside` names a field of the hash at `key`, or with `scores` a member of the sorted set.
        """
        self._db.entry(key)
        return self._accumulator(key, inside, scores)

    def _accumulator(self, key: bytes, inside: str | None, scores: bool) -> tuple[Dot] | None:
        db = self._db
        entry = db.keys.get(key)
        value = None if entry is None else entry.component(KEY)
        if value is None:
            return None
        layout = db.layout
        if inside is None:
            parts = layout.parts(value)
        elif scores:
            member = layout.members(value).get(inside)
            parts = {} if member is None else layout.member_parts(member)
        else:
            field = layout.fields(value).get(inside)
            parts = {} if field is None else layout.field_parts(field)
        for dot in parts:
            if dot[0] == db.replica and dot[1] >= db.run_first:
                return (dot,)
        return None

    @property
    def updated(self) -> bool:
        """Whether there is something to commit."""
        return self._first > 0

    @property
    def keys(self) -> Iterable[bytes]:
        """The keys that it has updated; maybe some of them twice."""
        return [known.key for known in self._sums.values()]

    def commit(self) -> Effect | None:
        """End the transaction; what it did, for the peers and the log. None if it did nothing."""
        if not self._first:
            return None
        db = self._db
        self._settle_all()
        origin, first, last = own = db.replica, self._first, self._last
        runs = [own]
        parts = tuple([s.part(own, runs) for s in self._sums.values()])
        context = CausalContext.from_runs(runs)
        effect = Effect(origin, first, last, context, parts, db.received if db.causal else None, self.now_ms)
        db.received = db.received.with_run(origin, first, last)
        self._first = 0
        self._sums = {}
        db.open = None
        return effect

    def fold(self) -> None:
        """Another instance's effect is about to be applied: updates before and after it are joined as deltas."""
        self._settle_all()
        for known in self._sums.values():
            known.fold()

    # -- one update --------------------------------------------------------------------------------

    def _run(self, key: bytes, update: str, args: tuple[Raw, ...], store: str) -> None:
        db = self._db
        engine = db.engines[store]
        old = db.keys.get(key)
        this = None if old is None else old.component(store)
        if this is None:
            this = db.zero(store)
        origin = db.replica
        first = db.last + 1
        taken = engine.dots_taken(update)
        last = db.last + taken
        if last > db.reserved:
            db.reserve(last)
        if self._first and self._last != db.last:
            raise RuntimeError(_TWO_OPEN)
        dots = ((origin, first),) if taken == 1 else tuple([(origin, n) for n in range(first, last + 1)])
        seen = db.seen
        delta = engine.update(update, this, seen, args, origin, dots, self.now_ms)
        value = engine.apply(this, seen, delta)
        self._last = last
        db.take(first, last)
        if value is not this:
            db.put(key, old, store, value, delta.footprint)
            entry = db.keys.get(key)
            if entry is not None:
                entry.used_ms = self.now_ms
        if not self._first:
            self._first = first
            db.open = self
        name = key if store == KEY else (key, store)
        known = self._sums.get(name)
        if known is None:
            known = self._sums[name] = _Sum(key, store, engine)
        known.add(delta)

    def _run_local(self, key: bytes, old: Entry | None, store: str, local: Local, args: tuple[Raw, ...]) -> bool:
        """Run an update at once, without a delta of its own; False if that cannot be, and nothing has happened."""
        db = self._db
        if old is None:
            this = db.zero(store)
        elif old.store == store and old.others is None:
            this = old.value
        else:
            return False
        last = db.last
        if self._first and self._last != last:
            raise RuntimeError(_TWO_OPEN)
        first = last + 1
        last += local.taken
        if last > db.reserved:
            db.reserve(last)
        name = key if store == KEY else (key, store)
        known = self._sums.get(name)
        if known is None:
            known = _Sum(key, store, db.engines[store])
        stays = local.update in WRITES and store == KEY
        log: list[Raw] | None = None if stays and db.on_touched is None else []
        now_ms = self.now_ms
        value = local.run(this, db.replica, first, now_ms, known.journal, known.forgotten, log, *args)
        if value is None:
            return False
        if not self._first:
            self._first = first
            db.open = self
        self._sums[name] = known
        self._last = db.last = last
        if not db.taken:
            db.taken = first
        if stays:
            db.put_local(key, old, store, value, now_ms)
            if log is not None and db.on_touched is not None:
                db.on_touched(key, known.engine.touched(dict.fromkeys(log)))  # type: ignore[attr-defined]
        elif value is not this:
            footprint = known.engine.touched(dict.fromkeys(log or ()))  # type: ignore[attr-defined]
            db.put(key, old, store, value, footprint)
            entry = db.keys.get(key)
            if entry is not None:
                entry.used_ms = now_ms
        return True

    def _prepare(self, key: bytes, entry: Entry, update: str, args: tuple[Raw, ...], store: str) -> None:
        """Deletes what has expired, and the stores of other names."""
        db = self._db
        others = [other for other in entry.components() if other != store and db.content_of(entry, other) != "none"]
        if others:
            # Refused before anything is done, not after.
            engine, this = db.engines[store], entry.component(store)
            this = db.zero(store) if this is None else this
            dots = tuple([(db.replica, db.last + 1 + i) for i in range(engine.dots_taken(update))])
            engine.update(update, this, db.seen, args, db.replica, dots, self.now_ms)
        for other in others:
            # What is hidden and cannot be ended stays hidden.
            with suppress(UpdateRefused) if other != entry.store else nullcontext():
                self._end(key, other)
        if store != KEY or update == "delete":
            return
        now = entry if entry.others is None and entry.store == store else db.keys.get(key)
        if now is None:
            return
        if now.deadline is not None and now.deadline <= self.now_ms or db.expired(key, now, self.now_ms):
            self._delete(key)
        elif update.startswith("hash_") and args and update != "hash_remove":
            field = db.layout.fields(now.value).get(args[0])
            deadline = None if field is None else db.layout.deadline(db.layout.field_siblings(field))
            if deadline is not None and deadline <= self.now_ms:
                self._run(key, "hash_remove", (args[0],), KEY)

    def _delete(self, key: bytes) -> None:
        """Takes away what `key` holds of the Redis types."""
        entry = self._db.keys.get(key)
        local = None if entry is None or entry.store != KEY else self._db.local_delete(entry.content)
        if local is None or not self._run_local(key, entry, KEY, local, ()):
            self._run(key, "delete", (), KEY)

    def _end(self, key: bytes, store: str) -> None:
        """Takes away what `key` holds in one store."""
        if store == KEY:
            self._delete(key)
            return
        engine = self._db.engines[store]
        definition = engine.program.types[engine.type.name]
        for name in _ENDS:
            for update in definition.updates:
                if update.name == name and not update.params:
                    self._run(key, name, (), store)
                    return
        raise UpdateRefused(f"delete of {store}", definition.span)
