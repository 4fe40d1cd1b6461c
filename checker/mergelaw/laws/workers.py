"""Worker processes with a hard limit on their silence.

A solver runs in C++ and may ignore its own time limit, eat all memory or crash. Tasks therefore run in processes
that can be killed; the process that starts them never imports a solver.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

_ORPHAN_CHECK_S = 2.0


@dataclass(frozen=True)
class Sent(Generic[T]):
    """The task's handler sent `payload`."""

    task: T
    payload: object


@dataclass(frozen=True)
class Done(Generic[T]):
    """The task's handler returned."""

    task: T


@dataclass(frozen=True)
class Broken(Generic[T]):
    """The task's handler raised; `trace` is the traceback as text."""

    task: T
    trace: str


@dataclass(frozen=True)
class Lost(Generic[T]):
    """The task's process said nothing for too long and was killed, or died by itself; `reason` tells which."""

    task: T
    reason: str


Event = Sent[T] | Done[T] | Broken[T] | Lost[T]
Send = Callable[[object], None]


@dataclass
class _Worker(Generic[T]):
    process: BaseProcess
    connection: Connection
    task: T | None = None
    deadline: float = 0.0


class Pool(Generic[T]):
    """Runs `handler(task, send)` in up to `jobs` processes, first come, first served.

    A process that neither sends nor returns for `limit_s` seconds is killed. `handler` must be a function of a module,
    tasks and what it sends must pickle. Use as a context manager: leaving it kills what still runs.
    """

    def __init__(self, handler: Callable[[T, Send], None], *, jobs: int, limit_s: float) -> None:
        assert jobs >= 1, f"jobs is {jobs}"
        self._handler = handler
        self._jobs = jobs
        self.limit_s = limit_s
        self._waiting: deque[T] = deque()
        self._workers: list[_Worker[T]] = []

    def __enter__(self) -> Pool[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        self._workers.clear()
        self._waiting.clear()

    @property
    def busy(self) -> bool:
        """Whether a task is running or waiting."""
        return bool(self._waiting) or any(w.task is not None for w in self._workers)

    def submit(self, task: T, *, first: bool = False) -> None:
        """Queues a task, before all others iff `first`."""
        if first:
            self._waiting.appendleft(task)
        else:
            self._waiting.append(task)
        self._assign()

    def events(self, timeout_s: float) -> Iterator[Event[T]]:
        """What happened since the last call; waits up to `timeout_s` for something to happen."""
        self._assign()
        running = {w.connection: w for w in self._workers if w.task is not None}
        if not running:
            return
        patience = max(0.0, min([timeout_s, *(w.deadline - time.monotonic() for w in running.values())]))
        for ready in wait(list(running), patience):
            assert isinstance(ready, Connection)
            yield from self._receive(running[ready])
        now = time.monotonic()
        for worker in running.values():
            if worker.task is not None and worker.deadline <= now and not worker.connection.poll():
                yield self._bury(worker, f"no answer within {self.limit_s:g} s, so the process was stopped")
        self._assign()

    def _receive(self, worker: _Worker[T]) -> Iterator[Event[T]]:
        task = worker.task
        assert task is not None
        try:
            while worker.connection.poll():
                kind, payload = worker.connection.recv()
                worker.deadline = time.monotonic() + self.limit_s
                if kind == "sent":
                    yield Sent(task, payload)
                    continue
                worker.task = None
                yield Broken(task, str(payload)) if kind == "broken" else Done(task)
                return
        except (EOFError, ConnectionError):
            worker.process.join(1.0)
            yield self._bury(worker, _cause_of_death(worker.process.exitcode))

    def _bury(self, worker: _Worker[T], reason: str) -> Lost[T]:
        task = worker.task
        assert task is not None
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        worker.task = None
        return Lost(task, reason)

    def _assign(self) -> None:
        for worker in [w for w in self._workers if w.task is None]:
            if self._waiting:
                self._give(worker)
        while self._waiting and len(self._workers) < self._jobs:
            self._workers.append(self._start())
            self._give(self._workers[-1])

    def _give(self, worker: _Worker[T]) -> None:
        worker.task = self._waiting.popleft()
        worker.deadline = time.monotonic() + self.limit_s
        # A worker that has just died is noticed when its end of the pipe is read.
        with contextlib.suppress(BrokenPipeError):
            worker.connection.send(worker.task)

    def _start(self) -> _Worker[T]:
        # A forked child inherits what is still in the buffers and would print it a second time.
        sys.stdout.flush()
        sys.stderr.flush()
        # Forking takes a millisecond; elsewhere than on Linux it is not safe with the system's libraries.
        if sys.platform == "linux":
            context = multiprocessing.get_context("fork")
        else:
            context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._handler), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _cause_of_death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"the process was ended by {signal.Signals(-exitcode).name}"
    return f"the process ended with status {exitcode}"


def _work(connection: Connection, handler: Callable[[T, Send], None]) -> None:
    # Ctrl-C goes to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def send(payload: object) -> None:
        connection.send(("sent", payload))

    while True:
        # Siblings hold copies of the pipe's other end, so the parent's death does not close it.
        while not connection.poll(_ORPHAN_CHECK_S):
            if os.getppid() != parent:
                return
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            handler(task, send)
        except Exception:
            connection.send(("broken", traceback.format_exc()))
        else:
            connection.send(("done", None))
