"""Worker processes: results come back, and no task can hang, crash or break the run."""

from __future__ import annotations

import os
import signal
import time

import pytest

from mergelaw.laws.workers import Broken, Done, Event, Lost, Pool, Send, Sent


def handler(task: str, send: Send) -> None:
    send(f"began {task}")
    match task:
        case "hang":
            # As a solver may, it ignores polite requests.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(1)
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            os._exit(3)
        case "raise":
            raise ValueError("of no value")
        case "unsendable":
            send(lambda: None)
        case "slow":
            for i in range(4):
                time.sleep(0.3)
                send(i)


def run(*tasks: str, jobs: int = 2, limit_s: float = 1.0) -> dict[str, list[Event[str]]]:
    events: dict[str, list[Event[str]]] = {t: [] for t in tasks}
    with Pool(handler, jobs=jobs, limit_s=limit_s) as pool:
        for task in tasks:
            pool.submit(task)
        deadline = time.monotonic() + 20
        while pool.busy and time.monotonic() < deadline:
            for event in pool.events(0.1):
                events[event.task].append(event)
        assert not pool.busy
    return events


def test_workers_send_and_finish() -> None:
    tasks = [f"task {i}" for i in range(20)]
    for task, events in run(*tasks).items():
        assert events == [Sent(task, f"began {task}"), Done(task)]


@pytest.mark.parametrize(
    ("task", "reason"),
    [("hang", "no answer within 1 s"), ("crash", "ended by SIGKILL"), ("leave", "ended with status 3")],
)
def test_workers_that_hang_or_die_cost_only_their_task(task: str, reason: str) -> None:
    events = run("a", task, "b", "c", jobs=1)
    *_, last = events[task]
    assert isinstance(last, Lost)
    assert reason in last.reason
    assert all(events[other][-1] == Done(other) for other in "abc")


@pytest.mark.parametrize(("task", "error"), [("raise", "ValueError: of no value"), ("unsendable", "lambda")])
def test_workers_hand_on_tracebacks_and_go_on(task: str, error: str) -> None:
    events = run(task, "a", jobs=1)
    last = events[task][-1]
    assert isinstance(last, Broken)
    assert error in last.trace
    assert events["a"][-1] == Done("a")


def test_workers_that_keep_talking_are_not_stopped() -> None:
    assert run("slow")["slow"][-1] == Done("slow")


def test_workers_are_gone_after_the_pool() -> None:
    with Pool(handler, jobs=1, limit_s=60) as pool:
        pool.submit("hang")
        assert list(pool.events(5.0)) == [Sent("hang", "began hang")]
        (worker,) = pool._workers
    assert worker.process.exitcode == -signal.SIGKILL
