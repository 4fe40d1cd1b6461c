"""Planted bugs: how well the explorer finds faults of the replica and of replication.

A planted bug is one change in the text of one module, made as that module is imported, in a process of its own:

    python -m mergelaw.explore.mutants NAME [--seconds 60]

explores as the bug's entry says, prints the trace that shows it, and exits 1; 0 if the bug was not found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any


class StaleBug(Exception):
    """The text that a bug changes is not there just once: the module was rewritten, and the bug needs a new place."""


@dataclass(frozen=True)
class Bug:
    """One planted bug."""

    module: str
    old: str
    """A piece of the module's text that occurs once."""
    new: str
    says: str
    spec: str = "ORSet"
    """The type that it is looked for with."""
    on: str = "replica"
    """`replica`: every interleaving of the replica core; `simulation`: random runs of all of replication."""
    replicas: int = 2
    updates: int = 3
    faults: tuple[str, ...] = ("reorder",)
    options: tuple[tuple[str, Any], ...] = field(default=())
    """More for `ReplicaSystem`."""
    seed: int = 1
    hours: float = 10.0
    """Of an episode of the simulation."""


_DATABASE = "mergelaw.replica.database"
_SYNC = "mergelaw.replication.sync"

BUGS: dict[str, Bug] = {
    "duplicates-by-context": Bug(
        _DATABASE,
        "        if self.received.meets(origin, first, last):\n",
        "        if self.seen.meets(origin, first, last):\n            return False\n"
        "        if self.received.meets(origin, first, last):\n",
        "duplicates are known by the context instead of by what was received: an add that was overtaken is ignored",
    ),
    "applied-twice": Bug(
        _DATABASE,
        "        if self.received.meets(origin, first, last):\n",
        "        if False:\n",
        "an effect that was received before is applied again",
        faults=("duplicate",),
    ),
    "dots-not-persisted": Bug(
        "mergelaw.replica.recovery",
        "        persist(mark)\n",
        "",
        "the high mark of reserved dots is not made durable",
        faults=("crash",),
        options=(("always", False),),
    ),
    "held-back-dropped": Bug(
        _DATABASE,
        "        self._waiting = {d: waiting for d, waiting in self._waiting.items() if d[0] != origin}\n",
        "        self._waiting = {}\n",
        "an instance that has restarted drops all effects that it holds back, not only those that are void",
        spec="GSet",
        faults=("crash", "reorder"),
        options=(("causal", True), ("always", False), ("most", 1)),
    ),
    "stable-too-early": Bug(
        "mergelaw.replication.stability",
        "while waiting and waiting[0].issued(peer) <= own.received:",
        "while waiting:",
        "a report counts for the stable cut before all is here that its sender had issued",
        on="simulation",
    ),
    "backlog-off-by-one": Bug(
        "mergelaw.replication.backlog",
        "            self.start += len(cut)\n",
        "            self.start += len(cut) - 1\n",
        "positions of the backlog are one off once it has been cut",
        on="simulation",
        seed=13,
        hours=3.0,
    ),
    "wrong-tie-break": Bug(
        _DATABASE,
        'key=lambda s: (self._content(s, held[s]) == "none", s != KEY, s)',
        'key=lambda s: self._content(s, held[s]) == "none"',
        "of two types at one key the one that came first is visible",
        on="simulation",
    ),
    "sync-overwrites": Bug(
        "mergelaw.replica.settling",
        "            store: engines[store].merge(\n"
        "                mine.get(store, zeros[store]), self._left_seen, "
        "theirs.get(store, zeros[store]), self._right_seen\n"
        "            )\n",
        "            store: theirs.get(store, zeros[store])\n",
        "a full sync overwrites instead of merging",
        faults=("sync",),
    ),
    "sync-without-context": Bug(
        _DATABASE,
        "        self.seen = self.seen | seen\n",
        "        self.seen = self.seen | received\n",
        "a full sync does not bring what was seen beyond what was received",
        replicas=3,
        updates=2,
        faults=("reorder", "sync"),
    ),
    "sync-keeps-absent-keys": Bug(
        _DATABASE,
        "            if theirs is None and (old is None or old.epoch >= lag.epoch):\n",
        "            if theirs is None:\n",
        "a key that a snapshot lacks stays as it is",
        faults=("reorder", "sync"),
    ),
    "sync-forgets-held-back": Bug(
        _DATABASE,
        "        for identities in blocked.values():\n            self._retry(identities, released)\n",
        "",
        "effects that wait for something in a snapshot wait for ever",
        faults=("reorder", "sync"),
        options=(("causal", True),),
    ),
    "void-what-is-held": Bug(
        "mergelaw.replica.recovery",
        "    return CausalContext.from_vector({origin: before}) - db.received\n",
        "    return CausalContext.from_vector({origin: before})\n",
        "after a crash all earlier dots are declared void, not only those that nobody holds",
        faults=("crash",),
    ),
    "high-mark-ignored": Bug(
        "mergelaw.replica.recovery",
        "    db.last = max(high, known)\n",
        "    db.last = known\n",
        "after a crash dots go on from the last one known, not from the high mark",
        faults=("crash",),
        options=(("always", False),),
    ),
    "restored-context": Bug(
        "mergelaw.replica.recovery",
        "    db.seen, db.received = seen, received\n",
        "    db.seen, db.received = received, received\n",
        "after a restart the dots are forgotten that were seen beyond what was received",
        updates=2,
        faults=("reorder", "crash"),
    ),
    "causal-not-waited-for": Bug(
        _DATABASE,
        "        if effect.after is not None and not effect.after <= self.received:\n"
        "            if effect.identity not in self._waiting:\n",
        "        if effect.after is not None and not effect.after.vector().keys() <= self.received.vector().keys():\n"
        "            if effect.identity not in self._waiting:\n",
        "an effect is held back only until something of each instance is here, not all that it comes after",
        faults=("reorder",),
        options=(("causal", True),),
    ),
    "one-of-the-held-back": Bug(
        _DATABASE,
        "                self._retry(self._blocked.pop(dot, ()), applied)\n",
        "                self._retry(tuple(self._blocked.pop(dot, ()))[:1], applied)\n",
        "of several effects that wait for the same one, only the first goes on",
        replicas=3,
        options=(("causal", True),),
    ),
    "forgets-nothing": Bug(
        _DATABASE,
        "        self.seen = seen | effect.context\n",
        "        self.seen = seen.with_run(effect.origin, effect.first, effect.last)\n",
        "what an effect forgets does not enter the context",
    ),
    "context-left-out": Bug(
        "mergelaw.replica.codec",
        "            None if runs == (own,) else context_plain(effect.context),\n",
        "            None if len(runs) == 1 else context_plain(effect.context),\n",
        "an effect is sent without its context where that is one run",
    ),
    "batch-skips-one": Bug(
        _SYNC,
        "                    return chosen, looked_at\n",
        "                    return chosen, min(looked_at + 1, len(items))\n",
        "an effect is skipped where a batch is full",
        on="simulation",
    ),
    "reports-not-durable": Bug(
        "mergelaw.replication.reports",
        "        return Reported(self._host.received, self._host.durable(), self._host.durable_cut())\n",
        "        return Reported(self._host.received, self._host.received, self._host.durable_cut())\n",
        "an instance reports as durable what a crash can take",
        on="simulation",
    ),
    "snapshot-moves": Bug(
        "mergelaw.replica.table",
        "                    view.kept.setdefault(key, old)\n",
        "                    view.kept[key] = old\n",
        "a key that changes twice while a snapshot is sent is sent as it was after the first change",
        on="simulation",
    ),
}


class _Loader(SourceFileLoader):
    """Loads a module with a changed text."""

    def __init__(self, name: str, path: str, bug: Bug) -> None:
        super().__init__(name, path)
        self._bug = bug

    def get_code(self, fullname: str) -> CodeType:
        """Compiled anew; nothing is cached. Raises: StaleBug."""
        path = self.get_filename(fullname)
        text = self.get_data(path).decode("utf-8")
        if text.count(self._bug.old) != 1:
            raise StaleBug(
                f"{fullname} has {text.count(self._bug.old)} times the text that is to be changed: {self._bug.old!r}"
            )
        code: CodeType = compile(text.replace(self._bug.old, self._bug.new), path, "exec")
        return code


class _Finder(MetaPathFinder):
    def __init__(self, bug: Bug) -> None:
        self._bug = bug

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of the module at fault only."""
        if fullname != self._bug.module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._bug)
        return spec


def plant(bug: Bug) -> None:
    """From now on the module is imported with the bug. Raises: RuntimeError, if it is imported already."""
    if bug.module in sys.modules:
        raise RuntimeError(f"{bug.module} is imported already: plant a bug in a fresh process")
    sys.meta_path.insert(0, _Finder(bug))


def find(bug: Bug, seconds: float) -> str | None:
    """The trace that shows the planted bug; None if it is not found in time."""
    # Only now: the module at fault must not be imported before the bug is planted.
    from mergelaw.explore.model import Limits, Story
    from mergelaw.explore.replica_menu import Served
    from mergelaw.explore.replica_run import explored
    from mergelaw.explore.replica_system import ReplicaSystem
    from mergelaw.explore.simulate import simulate, thinned
    from mergelaw.explore.story import told

    served = Served.named(bug.spec)
    if bug.on == "replica":
        system = ReplicaSystem(served, bug.replicas, bug.updates, bug.faults, **dict(bug.options))
        story = explored(system, Limits(seconds=seconds)).story
        return None if story is None else told(str(served.type), story)
    failure = simulate(served, bug.seed, seconds, hours=bug.hours).failure
    if failure is None:
        return None
    episode = thinned(served, failure, hours=bug.hours, seconds=seconds / 3)
    assert episode.violation is not None, "a failure does not come again"
    return f"seed {failure.seed}\n" + told(str(served.type), Story((), tuple(episode.rows), episode.violation))


def main(arguments: Sequence[str] | None = None) -> int:
    """Plants one bug and looks for it."""
    parser = argparse.ArgumentParser(prog="python -m mergelaw.explore.mutants", description="Looks for a planted bug.")
    parser.add_argument("name", choices=sorted(BUGS))
    parser.add_argument("--seconds", type=float, default=60.0)
    wanted = parser.parse_args(arguments)
    bug = BUGS[wanted.name]
    plant(bug)
    trace = find(bug, wanted.seconds)
    print(f"{wanted.name}: {bug.says}")
    print("not found" if trace is None else trace)
    return 0 if trace is None else 1


if __name__ == "__main__":
    sys.exit(main())
