"""Tables of time steps, as the Redis documentation has them, run on instances that exchange effects by hand.

    | t1 | INCRBY k 7   |              |
    | t2 |              | INCRBY k 3   |
    | t3 | GET k => 7   | GET k => 3   |
    | t4 | sync         | sync         |
    | t5 | GET k => 10  | GET k => 10  |

One column an instance. `=>` gives the expected reply: nil, a list of words in any order, or `(error) ...`. Commands of
one cell are separated by `;`. `sync` lets the instances of that row have all that they have sent each other; `expire`
is what the server does by itself when times have come; `wait 5000` lets so many ms pass, `clock -5000` sets the wall
clock. Each row comes 1 ms after the one before.
"""

from __future__ import annotations

from typing import Any

from mergelaw.commands.reply import Failure, SetReply, Status
from tests.reference.commands.harness import Instance, Mesh


def play(table: str) -> Mesh:
    """Runs the table, and then checks that all instances converge. Raises: AssertionError."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.strip().splitlines()]
    mesh = Mesh(len(rows[0]) - 1)
    for name, *cells in rows:
        assert len(cells) == len(mesh.instances), (name, cells)
        mesh.wait(1)
        synced = [n for n, cell in enumerate(cells, 1) if cell == "sync"]
        for source in synced:
            for target in synced:
                if source != target:
                    mesh.deliver(source, target)
        for instance, cell in zip(mesh.instances, cells, strict=True):
            for step in filter(None, (part.strip() for part in cell.split(";"))):
                _do(instance, step, name)
    converge(mesh)
    return mesh


def _do(instance: Instance, step: str, row: str) -> None:
    command, arrow, expected = (part.strip() for part in step.partition("=>"))
    match command.split():
        case ["sync"]:
            return
        case ["expire"]:
            instance.tick()
            return
        case ["wait" | "clock", ms]:
            instance.now_ms += int(ms)
            return
    found = shown(instance.run(command))
    wanted = " ".join(sorted(expected.split())) if command.split()[0] in _UNORDERED else expected
    if arrow:
        assert found == wanted, f"{row}, instance {instance.db.replica}: {command} => {found}, expected {wanted}"
    else:
        assert not found.startswith("(error)"), f"{row}, instance {instance.db.replica}: {command} => {found}"


_UNORDERED = {"SMEMBERS", "HGETALL", "HKEYS", "HVALS"}


def shown(reply: Any) -> str:
    """A reply as tables write it, lists sorted."""
    match reply:
        case None:
            return "nil"
        case bytes() | Status():
            return (reply if isinstance(reply, bytes) else reply.text).decode("latin-1")
        case Failure(text):
            return "(error) " + text.decode("latin-1")
        case SetReply(items):
            return shown(items)
        case dict():
            return shown([item for pair in reply.items() for item in pair])
        case list():
            return " ".join(sorted(shown(item) for item in reply))
        case _:
            return str(reply)


def converge(mesh: Mesh) -> None:
    """All effects to all; then every key has the same value everywhere. Raises: AssertionError."""
    mesh.sync()
    first, *others = (instance.db for instance in mesh.instances)
    for other in others:
        assert other.received == first.received
        assert other.seen == first.seen
        assert set(other.keys) == set(first.keys)
        for key, entry in first.keys.items():
            assert other.keys[key].value == entry.value, key
