"""The pure core of an instance: keys, what was seen and received, and how effects change them.

Nothing here knows the time, a socket or a disk: the same object runs under the server and under a simulated network.

`seen` and `received` differ. A remove that overtakes its add brings the add's dot into `seen`, yet the add has still to
be merged; so duplicates are known by `received`. The same `received` means the same state.

Source: `stores.md`, rules 1-5, 7, 8, 15-17, 28.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache

from mergelaw.language.core import BOOL
from mergelaw.replica.at_once import EMPTIED, REMOVALS, WRITES
from mergelaw.replica.expiry import Item, Schedule
from mergelaw.replica.layout import Layout
from mergelaw.replica.model import KEY, MAX_DOT, MAX_REPLICA, BadEffect, Effect
from mergelaw.replica.settling import Lag
from mergelaw.replica.table import Components, Table, View
from mergelaw.replica.table import Entry as Entry
from mergelaw.replica.transaction import Transaction
from mergelaw.semantics.compiler import Compiled, Local
from mergelaw.semantics.context import EMPTY, CausalContext, Dot
from mergelaw.semantics.engine import Delta, Engine, Footprint
from mergelaw.semantics.library import resolved
from mergelaw.semantics.values import Raw

_REMEMBERED = 100_000
"""So many removed keys keep a version of their own."""


_HIDDEN_MS = 60_000
"""An expired field of a hash that another type hides is looked at again after this time."""


class DotsUsedUp(RuntimeError):
    """No dots are reserved that a write could take; see `recovery`."""


@lru_cache(maxsize=1)
def default_engines() -> Mapping[str, Engine]:
    """The engine of the Redis types, from the library."""
    return {KEY: Compiled(*resolved(KEY))}


class Database:
    """The state of one instance. Everything happens in calls; nothing waits."""

    def __init__(self, replica: int, engines: Mapping[str, Engine], *, causal: bool = False) -> None:
        """Empty. `engines` holds "Key" and one engine for each custom type, by its name.

        With `causal`, effects made here name what they have to come after.
        Raises: ValueError, if `replica` is not in 1..4095; KeyError, if "Key" is missing.
        """
        if not 1 <= replica <= MAX_REPLICA:
            raise ValueError(f"an instance id is in 1..{MAX_REPLICA}, not {replica}")
        self.replica = replica
        self.engines = dict(engines)
        self.causal = causal
        self._seen: CausalContext = EMPTY
        self.taken = 0
        """The first of own dots that were taken and are not yet in `_seen`; 0: there are none."""
        self.received: CausalContext = EMPTY
        """The dots of the effects that were applied here."""
        self.table = Table()
        self.keys: dict[bytes, Entry] = self.table.entries
        """Keys with something to remember, visible or not. To read one, ask `visible` or `entry`: a snapshot that was
        taken over is merged into each key when it is asked for. Nobody else writes to it.
        """
        self.size = 0
        """How many keys have contents; an expired one counts until it is deleted."""
        self.last = 0
        """The greatest own dot number taken."""
        self.run_first = 1
        """The first own dot of this process run: accumulators under smaller ones are not extended."""
        self.reserved = MAX_DOT
        """Own dots up to this number may be taken."""
        self.on_reserve: Callable[[int], int] | None = None
        """Asked for dots up to a number where they are used up; answers the new `reserved`, once that is durable."""
        self.deferring: Transaction | None = None
        """The transaction that has put updates off; who asks for a key has them run. Set by transactions."""
        self.open: Transaction | None = None
        """The transaction that has updated and is not committed; set by transactions."""
        self.on_presence: Callable[[bytes], None] | None = None
        """Told of every key that gets an entry or loses it, right after."""
        self.on_change: Callable[[bytes], None] | None = None
        """Told of every key that a transaction or an effect changes, right after; it must not write."""
        self.on_touched: Callable[[bytes, Footprint], None] | None = None
        """Told the same after `on_change`, and what was touched at most; None: everything."""
        self.recovered = True
        """Whether nobody can hold newer totals of accumulators of earlier runs than we do; see `recovery`."""
        self.schedule = Schedule()
        self.residue: dict[bytes, None] = {}
        """Keys that may hold own accumulators all of which is cancelled, for `collect`."""
        self.layout = Layout(self.engines[KEY].program)
        self._zeros = {name: engine.zero() for name, engine in self.engines.items()}
        self.locals: dict[str, Local | None] = {}
        """What runs updates of the Redis types at once, as far as it has been asked for; see `local`."""
        self._deletes: dict[str, Local | None] = {}
        self._custom_locals: dict[tuple[str, str], Local | None] = {}
        self._expiry = self.layout.expiry
        self._changes = 0
        self._removed: dict[bytes, int] = {}
        self._forgotten = 0
        self._members: frozenset[int] | None = None
        self._overdue: dict[Item, None] = {}
        self._left_to_others: dict[Item, None] = {}
        self._waiting: dict[Dot, tuple[Effect, int]] = {}
        self._blocked: dict[Dot, list[Dot]] = {}
        self.epoch = 0
        """How many snapshots were taken over."""
        self.lags: list[Lag] = []
        """Those of them that are not yet merged into every key."""

    # -- contexts ----------------------------------------------------------------------------------

    @property
    def seen(self) -> CausalContext:
        """All dots that were merged or forgotten here."""
        if self.taken:
            self._seen = self._seen.with_run(self.replica, self.taken, self.last)
            self.taken = 0
        return self._seen

    @seen.setter
    def seen(self, seen: CausalContext) -> None:
        self._seen = seen
        self.taken = 0

    def take(self, first: int, last: int) -> None:
        """The own dots `first`, which follows `last` as it was, to `last` are taken; for transactions."""
        if not self.taken:
            self.taken = first
        self.last = last

    def local(self, store: str, update: str) -> Local | None:
        """What runs an update of the store of that name at once, if there is such; for transactions."""
        if store == KEY and update in self.locals:
            return self.locals[update]
        name = store, update
        if name in self._custom_locals:
            return self._custom_locals[name]
        engine = self.engines[store]
        known = None
        listed = store != KEY or update in WRITES or update in REMOVALS
        if listed and isinstance(engine, Compiled) and engine.has_update(update):
            known = engine.local(update)
        if store == KEY:
            self.locals[update] = known
        else:
            self._custom_locals[name] = known
        return known

    def local_delete(self, content: str) -> Local | None:
        """What deletes a key of the Redis type `content` at once, if there is such; for transactions."""
        if content not in self._deletes:
            engine, field = self.engines[KEY], EMPTIED.get(content)
            known = None
            if isinstance(engine, Compiled) and field is not None:
                known = engine.local("delete", (field, "expiry"))
            self._deletes[content] = known
        return self._deletes[content]

    # -- reading -----------------------------------------------------------------------------------

    def begin(self, now_ms: int) -> Transaction:
        """A transaction at the wall-clock time `now_ms`; commit it before the next one updates."""
        return Transaction(self, now_ms)

    def entry(self, key: bytes) -> Entry | None:
        """What `key` holds, with what is hidden or expired; None: nothing to remember."""
        if self.lags:
            self._settle(key)
        if self.deferring is not None:
            self.deferring.settle(key)
        return self.keys.get(key)

    def visible(self, key: bytes, now_ms: int) -> Entry | None:
        """What readers see at `key`: None if it is absent or its time has come, whoever is to delete it."""
        if self.lags:
            self._settle(key)
        if self.deferring is not None:
            self.deferring.settle(key)
        entry = self.keys.get(key)
        if entry is None or entry.content == "none":
            return None
        if (entry.deadline is not None or self.schedule.hashes) and self.expired(key, entry, now_ms):
            return None
        return entry

    def expired(self, key: bytes, entry: Entry, now_ms: int) -> bool:
        """Whether the time of the key has come, or that of each field of a hash."""
        if entry.deadline is not None and entry.deadline <= now_ms:
            return True
        if key in self.schedule.hashes and entry.content == "hash" and entry.store == KEY:
            return not any(True for _ in self.visible_fields(entry, now_ms))
        return False

    def visible_fields(self, entry: Entry, now_ms: int) -> Iterator[str]:
        """The names of the fields of a hash that readers see at `now_ms`."""
        visible = self.layout.field_visible
        for name, field in self.layout.fields(entry.value).items():
            if visible(field, now_ms):
                yield name

    def field_visible(self, entry: Entry, field: str, now_ms: int) -> bool:
        """Whether readers see `field` of a hash at `now_ms`."""
        held = self.layout.fields(entry.value).get(field)
        return held is not None and self.layout.field_visible(held, now_ms)

    def content(self, entry: Entry) -> str:
        """What TYPE tells: string (also of a HyperLogLog), hash, set, zset, list, stream, ReJSON-RL, none; of a custom
        type its name in small letters.
        """
        return entry.content

    def content_of(self, entry: Entry, store: str) -> str:
        """As `content`, of one of the stores that the entry holds, visible or not."""
        if store == entry.store:
            return entry.content
        value = entry.component(store)
        return "none" if value is None else self._content(store, value)

    def version(self, key: bytes) -> int:
        """A number that changes whenever `key` changes, by whomever."""
        if self.lags:
            self._settle(key)
        if self.deferring is not None:
            self.deferring.settle(key)
        entry = self.keys.get(key)
        return entry.version if entry is not None else self._removed.get(key, self._forgotten)

    # -- effects -----------------------------------------------------------------------------------

    def receive(self, effect: Effect, now_ms: int) -> list[Effect]:
        """Apply an effect that came at `now_ms`, and those that waited for it.

        Returns the effects applied now, in order: none for a duplicate, and none where `effect.after` has not arrived.
        Raises: BadEffect, with nothing changed.
        """
        if not self._is_new(effect):
            return []
        if effect.after is not None and not effect.after <= self.received:
            if effect.identity not in self._waiting:
                self._waiting[effect.identity] = effect, now_ms
                self._wait(effect.identity, effect.after)
            return []
        self._apply(effect)
        applied = [effect]
        if self._blocked:
            self._release(applied)
        return applied

    @property
    def waiting(self) -> int:
        """How many effects wait for others to come first."""
        return len(self._waiting)

    def waiting_since(self) -> int | None:
        """When the one that waits longest came; None if none waits."""
        return min((came for _, came in self._waiting.values()), default=None)

    def _is_new(self, effect: Effect) -> bool:
        origin, first, last = effect.origin, effect.first, effect.last
        if not (1 <= origin <= MAX_REPLICA and 1 <= first <= last < MAX_DOT):
            raise BadEffect(f"no instance makes dots {origin}.{first} to {origin}.{last}")
        if self.received.meets(origin, first, last):
            if (origin, first) in self.received and CausalContext.from_runs([(origin, first, last)]) <= self.received:
                return False
            raise BadEffect(f"dots {origin}.{first} to {origin}.{last} overlap those of another effect")
        for part in effect.parts:
            if part.store not in self.engines:
                raise BadEffect(f"no type {part.store!r} is served here")
        if origin == self.replica:
            self._acknowledge(last)
        return True

    def _acknowledge(self, number: int) -> None:
        """Somebody holds this own dot. One that was lost with the whole memory of it is skipped over, as all below it.

        Raises: BadEffect, if it is not of an earlier run.
        """
        if number >= self.run_first:
            if self.last >= self.run_first:
                raise BadEffect(f"dot {self.replica}.{number} is of this process, which made nothing of the kind")
            self.last = number
            self.run_first = number + 1
            self.reserved = max(self.reserved, number)
            self.recovered = False

    def drop_waiting(self, origin: int) -> None:
        """Forget the effects of an instance that wait here: it has restarted, and will void what nobody has applied."""
        for dots in self._blocked.values():
            dots[:] = [d for d in dots if d[0] != origin]
        self._waiting = {d: waiting for d, waiting in self._waiting.items() if d[0] != origin}

    def _apply(self, effect: Effect) -> None:
        if self.open is not None:
            self.open.fold()
        seen = self.seen
        for part in effect.parts:
            if self.lags:
                self._settle(part.key)
            old = self.keys.get(part.key)
            this = None if old is None else old.component(part.store)
            if this is None:
                this = self._zeros[part.store]
            delta = Delta(part.value, effect.context, part.footprint, ())
            value = self.engines[part.store].apply(this, seen, delta)
            if value is not this:
                self.put(part.key, old, part.store, value, part.footprint)
        self.seen = seen | effect.context
        self.received = self.received.with_run(effect.origin, effect.first, effect.last)

    def _wait(self, identity: Dot, after: CausalContext) -> None:
        """Look at a waiting effect again when the first of the dots arrives that it lacks."""
        replica, _, last = (after - self.received).runs[0]
        self._blocked.setdefault((replica, last), []).append(identity)

    def _release(self, applied: list[Effect]) -> None:
        """Apply, and append, those that waited for the effects in `applied`; it grows while we look."""
        for effect in applied:
            if not self._blocked:
                return
            run = range(effect.first, effect.last + 1)
            if len(run) <= len(self._blocked):
                arrived = [(effect.origin, n) for n in run]
            else:
                arrived = [d for d in self._blocked if d[0] == effect.origin and d[1] in run]
            for dot in arrived:
                self._retry(self._blocked.pop(dot, ()), applied)

    def _retry(self, identities: Iterable[Dot], applied: list[Effect]) -> None:
        for identity in identities:
            effect, _ = self._waiting[identity]
            if effect.after is not None and not effect.after <= self.received:
                self._wait(identity, effect.after)
                continue
            del self._waiting[identity]
            # While it waited, its dots may have been declared void.
            with suppress(BadEffect):
                if self._is_new(effect):
                    self._apply(effect)
                    applied.append(effect)

    # -- changing keys -----------------------------------------------------------------------------

    def put(
        self, key: bytes, old: Entry | None, store: str, value: Raw, footprint: Footprint, settling: int = 0
    ) -> None:
        """The store of that name at `key` now has `value`; `footprint` says at most where it changed.

        `settling`: by merging the snapshot of that number. For transactions and the modules of this package.
        """
        self._changes = version = self._changes + 1
        changed = store
        others: tuple[tuple[str, Raw], ...] | None = None
        deadline = self._follow(key, old, value, footprint) if store == KEY else None
        if old is not None and (old.others is not None or old.store != store):
            components = old.components()
            components[store] = value
            store, value, others = self._seen_first(components)
            if changed != KEY and store == KEY:
                deadline = self.layout.deadline(self.layout.siblings(value))
            elif store != KEY:
                deadline = None
        if value == self._zeros[store]:
            if old is not None:
                self.table.set(key, old, None, settling)
                self._forget(key, version)
                self.size -= old.content != "none"
        else:
            content = self._content(store, value)
            used = 0 if old is None else old.used_ms
            entry = Entry(store, value, content, deadline, others, version, settling or self.epoch, used)
            self.table.set(key, old, entry, settling)
            self.size += (content != "none") - (old is not None and old.content != "none")
        if self.on_presence is not None and (old is None) == (key in self.keys):
            self.on_presence(key)
        if self.on_change is not None:
            self.on_change(key)
        if self.on_touched is not None:
            self.on_touched(key, footprint)

    def put_local(self, key: bytes, old: Entry | None, store: str, value: Raw, now_ms: int) -> None:
        """As `put`, after one of `at_once.WRITES` or an update of a custom type; `on_touched` is for the caller."""
        if store != KEY:
            touched, self.on_touched = self.on_touched, None
            self.put(key, old, store, value, None)
            self.on_touched = touched
            return
        self._changes = version = self._changes + 1
        at = self._expiry
        if old is not None and value[at] is old.value[at]:
            deadline = old.deadline
        else:
            siblings = self.layout.siblings(value)
            deadline = self.layout.deadline(siblings) if siblings else None
            if deadline is not None:
                self.schedule.add(key, None, deadline)
        if old is None or old.content == "none":
            content = self._content(store, value)
            self.size += 1
        else:
            content = old.content
        entry = Entry(store, value, content, deadline, None, version, self.epoch, now_ms)
        if old is None or self.table.watched:
            self.table.set(key, old, entry)
        else:
            self.keys[key] = entry
        if old is None and self.on_presence is not None:
            self.on_presence(key)
        if self.on_change is not None:
            self.on_change(key)

    def _seen_first(self, components: Components) -> tuple[str, Raw, tuple[tuple[str, Raw], ...] | None]:
        """The store that readers see, its value, and the other stores that are not zero."""
        held = {s: v for s, v in components.items() if v != self._zeros[s]}
        order = sorted(held, key=lambda s: (self._content(s, held[s]) == "none", s != KEY, s))
        if not order:
            return KEY, self._zeros[KEY], None
        first, *rest = order
        return first, held[first], tuple((s, held[s]) for s in rest) or None

    def _content(self, store: str, value: Raw) -> str:
        if store == KEY:
            # It looks at no context.
            content: str = self.layout.contents[self.engines[KEY].query("content", value, EMPTY, ())[0]]
            return content
        engine = self.engines[store]
        for query in engine.program.types[engine.type.name].queries:
            if query.name == "present" and not query.params and query.result == BOOL:
                return store.lower() if engine.query("present", value, self.seen, ()) else "none"
        return store.lower()

    def _forget(self, key: bytes, version: int) -> None:
        self.schedule.hashes.discard(key)
        self._removed[key] = version
        if len(self._removed) > _REMEMBERED:
            self._removed.clear()
            self._forgotten = version

    def _follow(self, key: bytes, old: Entry | None, value: Raw, footprint: Footprint) -> int | None:
        """Schedules what is to expire, notes what may be collected, and returns the deadline of the key."""
        layout = self.layout
        before = None if old is None else old.component(KEY)
        siblings = layout.siblings(value)
        if before is not None and old is not None and old.store == KEY and siblings is layout.siblings(before):
            deadline = old.deadline
        else:
            deadline = layout.deadline(siblings) if siblings else None
            if deadline is not None:
                self.schedule.add(key, None, deadline)
        parts = layout.parts(value)
        if parts and any(True for _ in layout.cancelled(parts, self.replica)):
            self.residue[key] = None
        fields = layout.fields(value)
        if fields and (before is None or fields is not layout.fields(before)):
            for name in _named(footprint, "hash", "fields", fields):
                self._follow_field(key, name, fields[name])
        members = layout.members(value)
        if members and (before is None or members is not layout.members(before)):
            for name in _named(footprint, "scores", "scores", members):
                parts = layout.member_parts(members[name])
                if parts and any(True for _ in layout.cancelled(parts, self.replica)):
                    self.residue[key] = None
        return deadline

    def _follow_field(self, key: bytes, name: str, field: Raw) -> None:
        layout = self.layout
        deadline = layout.deadline(layout.field_siblings(field))
        if deadline is not None:
            self.schedule.add(key, name, deadline)
        parts = layout.field_parts(field)
        if parts and any(True for _ in layout.cancelled(parts, self.replica)):
            self.residue[key] = None

    # -- expiry ------------------------------------------------------------------------------------

    def due(self, now_ms: int, limit: int) -> list[bytes]:
        """Keys that have expired, or have fields that have, which this instance is to delete: `Transaction.reap` does.

        At most `limit`. A key is named again until it is reaped.
        """
        items = self._overdue
        found: dict[bytes, None] = {}
        for item in list(items):
            if len(found) >= limit:
                return list(found)
            del items[item]
            if self._is_due(item, now_ms):
                items[item] = None
                found[item[0]] = None
        while len(found) < limit and (popped := self.schedule.pop(now_ms)) is not None:
            if self._is_due(popped, now_ms):
                items[popped] = None
                found[popped[0]] = None
        return list(found)

    def _is_due(self, item: Item, now_ms: int) -> bool:
        """Whether we are to delete it now; if not, it is looked at again when it may be so."""
        key, field = item
        entry = self.entry(key)
        siblings = None if entry is None else self._siblings(entry, field)
        deadline = None if siblings is None else self.layout.deadline(siblings)
        if deadline is None:
            return False
        if deadline > now_ms:
            self.schedule.add(key, field, deadline)
            return False
        if field is not None and entry is not None and (entry.store != KEY or entry.content != "hash"):
            self.schedule.add(key, field, now_ms + _HIDDEN_MS)
            return False
        if self.owns(siblings):
            return True
        self._left_to_others[item] = None
        if len(self._left_to_others) > 2 * len(self.keys) + 1000:
            self._left_to_others = {i: None for i in self._left_to_others if i[0] in self.keys}
        return False

    def _siblings(self, entry: Entry, field: str | None) -> Raw | None:
        value = entry.component(KEY)
        if value is None:
            return None
        if field is None:
            return self.layout.siblings(value)
        held = self.layout.fields(value).get(field)
        return None if held is None else self.layout.field_siblings(held)

    def owns(self, siblings: Raw) -> bool:
        """Whether this instance is to delete what these expiry siblings end.

        The winner's owner is; where that is no member any more, the smallest member.
        """
        owner = self.layout.owner(siblings)
        if self._members is not None and owner not in self._members:
            owner = min(self._members, default=self.replica)
        return owner == self.replica

    def set_members(self, members: Iterable[int]) -> None:
        """The instances that take part, this one among them: they own what those expire that do no longer."""
        self._members = frozenset(members) | {self.replica}
        self._overdue.update(self._left_to_others)
        self._left_to_others.clear()

    # -- snapshots ---------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether every key holds what the snapshots say that were taken over."""
        return not self.lags

    def take_over(self, theirs: dict[bytes, Components], seen: CausalContext, received: CausalContext) -> list[Effect]:
        """From now on hold what a snapshot holds that has the keys `theirs`, under its contexts.

        Keys are merged as they are asked for, and by `settle`. Returns effects that waited for something in it.
        Raises: BadEffect, with nothing changed, if it claims dots that this process has not made.
        """
        if self.open is not None:
            self.open.fold()
        mine = seen.next_number(self.replica) - 1
        if mine > self.last:
            self._acknowledge(mine)
        self.epoch += 1
        if theirs or self.keys or self.lags:
            self.lags.append(Lag(self.epoch, theirs, self.table.places(), self.seen, seen))
            self.table.held += 1
        self.seen = self.seen | seen
        self.received = self.received | received
        released: list[Effect] = []
        blocked, self._blocked = self._blocked, {}
        for identities in blocked.values():
            self._retry(identities, released)
        self._release(released)
        return released

    def settle(self, keys: int) -> bool:
        """Merge up to `keys` more keys of the snapshots taken over; True if there may be more."""
        while self.lags and keys > 0:
            lag = self.lags[0]
            if lag.theirs:
                key, held = lag.theirs.popitem()
                lag.theirs[key] = held
            elif lag.place < lag.places:
                key = self.table.at(lag.place)
                lag.place += 1
            else:
                self.lags.pop(0)
                self.table.held -= 1
                continue
            self._settle(key)
            keys -= 1
        return bool(self.lags)

    def _settle(self, key: bytes, epoch: int | None = None) -> None:
        """Merge the snapshots into `key`, up to the one numbered `epoch`."""
        for lag in self.lags:
            if epoch is not None and lag.epoch > epoch:
                return
            old = self.keys.get(key)
            theirs = lag.theirs.pop(key, None)
            if theirs is None and (old is None or old.epoch >= lag.epoch):
                continue
            mine = {} if old is None else old.components()
            for store, value in lag.merged(mine, theirs or {}, self.engines, self._zeros).items():
                if self.open is not None:
                    self.open.fold()
                if value is not mine.get(store) and value != mine.get(store, self._zeros[store]):
                    self.put(key, self.keys.get(key), store, value, None, lag.epoch)
            if old is not None:
                old.epoch = max(old.epoch, lag.epoch)

    def view(self) -> Iterator[tuple[bytes, Entry]]:
        """All keys as they are now, whatever happens while they are gone through; a step costs a few keys."""
        if self.open is not None:
            self.open.fold()
        return self._viewed(self.table.view(self.epoch))

    def _viewed(self, view: View) -> Iterator[tuple[bytes, Entry]]:
        place, table = 0, self.table
        while True:
            if place < table.places():
                key = table.at(place)
                place += 1
                if key not in view.kept:
                    if self.lags:
                        self._settle(key, view.epoch)
                    entry = self.keys.get(key)
                else:
                    entry = view.kept[key]
                if entry is not None:
                    yield key, entry
            elif self.lags and self.lags[0].epoch <= view.epoch:
                # What it brings is appended to the order.
                self.settle(1)
            else:
                return

    def reserve(self, number: int) -> None:
        """Make sure that own dots up to `number` may be taken. Raises: DotsUsedUp."""
        if number > self.reserved and self.on_reserve is not None:
            self.reserved = self.on_reserve(number)
        if number > self.reserved:
            raise DotsUsedUp(f"dots are reserved up to {self.replica}.{self.reserved}, not up to {number}")

    # -- loading -----------------------------------------------------------------------------------

    def load(self, key: bytes, components: Components) -> None:
        """`key`, which is absent, holds this; for `recovery`."""
        for store, value in components.items():
            if value != self._zeros[store]:
                self.put(key, self.keys.get(key), store, value, None)

    def zero(self, store: str) -> Raw:
        """The value of an absent key in the store of that name. Raises: KeyError."""
        return self._zeros[store]


def _named(footprint: Footprint, part: str, table: str, held: Mapping[str, Raw]) -> Iterable[str]:
    """The keys of a table of `Key`, among those held, that a footprint names."""
    for step in (part, table):
        if footprint is None:
            return held
        footprint = footprint.get(step, {})
    return held if footprint is None else [name for name in footprint if name in held]
