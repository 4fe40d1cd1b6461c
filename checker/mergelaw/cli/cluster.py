"""`mergelaw cluster`: a whole active-active database on this machine, to try.

Each instance is a process of its own, `mergelaw serve`; all end together.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import typer

FAILED = 1
WRONG_INPUT = 2
_START_S = 60.0
_END_S = 15.0
_LOOK_S = 0.05
_PEER_PORTS_AFTER = 10000


@dataclass(slots=True)
class Member:
    """One instance."""

    id: int
    port: int
    peer_port: int
    process: subprocess.Popen[bytes]
    told: bool = False
    """That it has ended was told."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("cluster")(cluster_command)


def cluster_command(
    instances: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="How many instances.")] = 3,
    base_port: Annotated[
        int, typer.Option(min=1, max=55535, metavar="PORT", help="Client port of the first; the others follow.")
    ] = 7101,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="FOLDER", help="Keeps the data; else it is temporary.")
    ] = None,
    spec: Annotated[
        list[str] | None, typer.Option("--type", metavar="FILE|TYPE", help="Types that are served, too.")
    ] = None,
    unproved: Annotated[bool, typer.Option("--unproved", help="Serve types that are not proved, too.")] = False,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of `mergelaw serve`, for all instances."),
    ] = None,
) -> None:
    """Start a local active-active database, say how to connect, and end it all on Ctrl-C or SIGTERM."""
    extra: list[str] = []
    for word in spec or ():
        extra += ["--type", word]
    if unproved:
        extra.append("--unproved")
    for word in option or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            print(f"mergelaw cluster: --set {word}: give NAME=VALUE, such as appendfsync=always", file=sys.stderr)
            raise typer.Exit(WRONG_INPUT)
        extra += [f"--{name}", value]
    raise typer.Exit(cluster(instances, base_port, folder, extra))


class _Stop:
    """Whether a signal has asked us to stop.

    No `threading.Event`: a handler that runs while the main thread holds the event's lock would wait for it for ever.
    """

    def __init__(self) -> None:
        self._asked = False

    def set(self, *_: object) -> None:
        """The signal handler."""
        self._asked = True

    def is_set(self) -> bool:
        """Whether there was a signal."""
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Sleeps; whether there was a signal by then."""
        if not self._asked:
            time.sleep(seconds)
        return self._asked


def cluster(instances: int, base_port: int, folder: Path | None, extra: Sequence[str] = ()) -> int:
    """Runs the instances until a signal, or until all have ended; the exit status."""
    taken = [p for n in range(instances) for p in (base_port + n, base_port + n + _PEER_PORTS_AFTER) if not _free(p)]
    if taken:
        ports = ", ".join(map(str, taken))
        print(f"mergelaw cluster: in use: port {ports}. Name others: --base-port", file=sys.stderr)
        return WRONG_INPUT
    stop = _Stop()
    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = signal.signal(number, stop.set)
            stack.callback(signal.signal, number, before)
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mergelaw-cluster-")))
        members: list[Member] = []
        # Entered last, so it is done first: the folder goes when all processes have.
        stack.callback(_end, members)
        secret = secrets.token_hex(16)
        for n in range(1, instances + 1):
            members.append(_start(n, instances, base_port, where, secret, extra))
        return _run(members, stop, where if folder is not None else None)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _start(n: int, instances: int, base_port: int, folder: Path, secret: str, extra: Sequence[str]) -> Member:
    port = base_port + n - 1
    command = [sys.executable, "-m", "mergelaw.cli.main", "serve", "--id", str(n), "--port", str(port)]
    command += ["--peer-port", str(port + _PEER_PORTS_AFTER), "--dir", str((folder / f"instance-{n}").resolve())]
    for other in range(1, instances + 1):
        if other != n:
            command += ["--peer", f"{other}=127.0.0.1:{base_port + other - 1 + _PEER_PORTS_AFTER}"]
    # The secret is no argument: those are seen by all users of the machine.
    environment = {
        **os.environ,
        "MERGELAW_PEER_SECRET": secret,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    process = subprocess.Popen(
        [*command, *extra],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        # Ctrl-C is for us; the instances then hear it from us, once.
        start_new_session=True,
    )
    member = Member(n, port, port + _PEER_PORTS_AFTER, process)
    assert process.stderr is not None
    threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True).start()
    return member


def _pass_on(source: IO[bytes]) -> None:
    """What an instance logs goes on to our standard error."""
    for line in source:
        sys.stderr.write(line.decode("utf-8", "replace"))
        sys.stderr.flush()


def _run(members: list[Member], stop: _Stop, folder: Path | None) -> int:
    deadline = time.monotonic() + _START_S
    waiting = {member.id: member for member in members}
    while waiting and not stop.is_set():
        for member in list(waiting.values()):
            if member.process.poll() is not None:
                print(f"mergelaw cluster: instance {member.id} did not start; see above", file=sys.stderr)
                return FAILED
            if _takes_writes(member.port):
                del waiting[member.id]
        if time.monotonic() > deadline:
            print(f"mergelaw cluster: not in sync after {_START_S:.0f} s: {sorted(waiting)}", file=sys.stderr)
            return FAILED
        stop.wait(_LOOK_S)
    if not stop.is_set():
        _tell(members, folder)
    died = False
    while not stop.wait(_LOOK_S):
        for member in members:
            status = member.process.poll()
            if status is not None and not member.told:
                member.told = died = True
                how = f"by signal {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
                print(f"mergelaw cluster: instance {member.id} (port {member.port}) has ended {how}", file=sys.stderr)
        if all(member.told for member in members):
            print("mergelaw cluster: no instance is left", file=sys.stderr)
            return FAILED
    return FAILED if died else 0


def _takes_writes(port: int) -> bool:
    """Whether an instance serves clients and is in sync."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"INFO crdt\r\n")
            connection.settimeout(1)
            data = b""
            while b"crdt_writable:" not in data.rpartition(b"\r\n")[0]:
                more = connection.recv(65536)
                if not more or len(data) > 1 << 20:
                    return False
                data += more
            return b"crdt_writable:1" in data
    except OSError:
        return False


def _tell(members: list[Member], folder: Path | None) -> None:
    print(f"An active-active database of {len(members)} instances runs here:")
    for member in members:
        print(f"  instance {member.id}: redis-cli -p {member.port}")
    print("Write at one, read at another; CRDT.SYNC PAUSE and RESUME at one part it from the others and back.")
    print(
        "The data is kept in " + str(folder) + "." if folder is not None else "The data is temporary (--dir keeps it)."
    )
    print("Ctrl-C ends it.", flush=True)


def _end(members: list[Member]) -> None:
    """Ends all instances in order; who does not, is killed."""
    for member in members:
        if member.process.poll() is None:
            with suppress(ProcessLookupError):
                member.process.terminate()
    deadline = time.monotonic() + _END_S
    for member in members:
        try:
            member.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"mergelaw cluster: instance {member.id} does not end; it is killed", file=sys.stderr)
            member.process.kill()
            member.process.wait()
