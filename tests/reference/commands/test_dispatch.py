from __future__ import annotations

from typing import Any

import pytest

from mergelaw.commands import dispatch
from mergelaw.commands.reply import NIL_ARRAY, NO_REPLY, OK, QUEUED, Failure, Status
from mergelaw.commands.table import TABLE, Call, command
from tests.reference.commands.harness import Instance, Mesh


def test_a_command_is_one_effect(instance: Instance) -> None:
    instance.run("MSET a 1 b 2 c 3")
    (effect,) = instance.server.published
    assert sorted(part.key for part in effect.parts) == [b"a", b"b", b"c"]


def test_a_read_has_no_effect(instance: Instance) -> None:
    instance.run("GET a")
    instance.run("DEL a")
    instance.run("PERSIST a")
    assert instance.server.published == []


def test_a_block_is_one_effect_that_peers_apply_at_once() -> None:
    mesh = Mesh(2)
    for line in ("MULTI", "SET a 1", "INCR a", "SADD s x", "SREM s x", "SADD s y", "EXEC"):
        reply = mesh[1].run(line)
    assert reply == [OK, 2, 1, 1, 1]
    assert len(mesh[1].server.published) == 1
    mesh.sync()
    assert mesh[2].run("GET a") == b"2"
    assert mesh[2].run("SMEMBERS s").items == [b"y"]


def test_a_failing_command_in_a_block_leaves_the_others(instance: Instance) -> None:
    for line in ("MULTI", "SET a x", "INCR a", "SET b 1", "EXEC"):
        reply = instance.run(line)
    assert reply[0] == OK
    assert isinstance(reply[1], Failure)
    assert instance.run("GET b") == b"1"
    assert len(instance.server.published) == 1


def test_the_block_of_one_client_is_not_that_of_another(instance: Instance) -> None:
    other = instance.connect()
    instance.run("MULTI")
    assert instance.run("SET a 1") == QUEUED
    assert instance.run("GET a", client=other) is None
    instance.run("EXEC")
    assert instance.run("GET a", client=other) == b"1"


def test_exec_does_nothing_after_a_watched_key_has_changed(instance: Instance) -> None:
    other = instance.connect()
    instance.run("WATCH a b")
    instance.run("SET b 5", client=other)
    instance.run("MULTI")
    instance.run("SET a 1")
    assert instance.run("EXEC") == NIL_ARRAY
    assert instance.run("GET a") is None


def test_a_peers_effect_changes_a_watched_key() -> None:
    mesh = Mesh(2)
    mesh[1].run("WATCH a")
    mesh[2].run("SET a 1")
    mesh.sync()
    mesh[1].run("MULTI")
    mesh[1].run("PING")
    assert mesh[1].run("EXEC") == NIL_ARRAY


def test_a_watched_key_that_expires_has_changed(instance: Instance) -> None:
    instance.run("SET a 1 PX 100")
    instance.run("WATCH a")
    instance.now_ms += 100
    instance.run("MULTI")
    assert instance.run("EXEC") == NIL_ARRAY


def test_deleting_a_key_that_had_expired_when_it_was_watched_is_no_change(instance: Instance) -> None:
    instance.run("SET a 1 PX 100")
    instance.now_ms += 100
    instance.run("WATCH a")
    instance.tick()
    assert instance.db.entry(b"a") is None
    instance.run("MULTI")
    assert instance.run("EXEC") == []


def test_unwatch_and_exec_forget_what_was_watched(instance: Instance) -> None:
    instance.run("WATCH a")
    instance.run("UNWATCH")
    instance.run("SET a 1")
    instance.run("MULTI")
    assert instance.run("EXEC") == []
    assert instance.client.watched == {}


def test_without_authentication_only_a_few_commands_run(instance: Instance) -> None:
    instance.server.password = b"secret"
    client = instance.connect()

    def run(line: str) -> Any:
        return instance.run(line, client=client)

    assert run("GET a") == Failure(b"NOAUTH Authentication required.")
    assert run("PING") == Failure(b"NOAUTH Authentication required.")
    assert run("FOO").text.startswith(b"ERR unknown command")
    assert run("HELLO 3").text.startswith(b"NOAUTH HELLO must be called")
    assert run("AUTH wrong").text.startswith(b"WRONGPASS")
    assert run("AUTH other secret").text.startswith(b"WRONGPASS")
    assert run("HELLO 3 AUTH default wrong").text.startswith(b"WRONGPASS")
    assert run("AUTH secret") == OK
    assert run("PING") == Status(b"PONG")
    assert run("RESET") == Status(b"RESET")
    assert run("PING") == Failure(b"NOAUTH Authentication required.")
    assert run("HELLO 3 AUTH default secret SETNAME bob")[b"proto"] == 3
    assert run("CLIENT GETNAME") == b"bob"
    assert run("QUIT") == OK
    assert client.closing


def test_when_memory_is_full_writes_are_refused_and_deletes_are_not(instance: Instance) -> None:
    instance.run("SET a 1")
    instance.server.full = True
    oom = b"OOM command not allowed when used memory > 'maxmemory'."
    assert instance.run("SET b 1") == Failure(oom)
    assert instance.run("GET a") == b"1"
    assert instance.run("DEL a") == 1
    instance.run("MULTI")
    assert instance.run("SET b 1") == Failure(oom)
    assert instance.run("EXEC") == Failure(b"EXECABORT Transaction discarded because of previous errors.")


def test_a_block_queued_before_memory_was_full_is_refused(instance: Instance) -> None:
    instance.run("MULTI")
    instance.run("SET b 1")
    instance.server.full = True
    reply = instance.run("EXEC")
    assert reply.text.startswith(b"EXECABORT Transaction discarded because of: OOM")
    assert instance.client.queue is None
    instance.run("MULTI")
    instance.run("GET b")
    assert instance.run("EXEC") == [None]


def test_an_instance_that_is_being_added_answers_reads_and_refuses_writes(instance: Instance) -> None:
    instance.server.refusal = b"LOADING the instance is joining"
    assert instance.run("SET a 1") == Failure(b"LOADING the instance is joining")
    assert instance.run("GET a") is None
    instance.run("MULTI")
    assert instance.run("SET a 1") == Failure(b"LOADING the instance is joining")
    assert instance.run("EXEC").text.startswith(b"EXECABORT")


def test_client_reply_silences_commands(instance: Instance) -> None:
    assert instance.run("CLIENT REPLY OFF") is NO_REPLY
    assert instance.run("SET a 1") is NO_REPLY
    assert instance.run("FOO") is NO_REPLY
    assert instance.run("CLIENT REPLY SKIP") is NO_REPLY
    assert instance.run("GET a") is NO_REPLY
    assert instance.run("CLIENT REPLY ON") == OK
    assert instance.run("GET a") == b"1"
    assert instance.run("CLIENT REPLY SKIP") is NO_REPLY
    assert instance.run("GET a") is NO_REPLY
    assert instance.run("GET a") == b"1"


def test_a_block_is_silenced_as_a_whole(instance: Instance) -> None:
    instance.run("MULTI")
    instance.run("CLIENT REPLY SKIP")
    assert instance.run("EXEC") is NO_REPLY


def test_slow_commands_are_kept(instance: Instance) -> None:
    clock = iter(range(0, 10**9, 20_000))
    instance.server.timer = lambda: next(clock) / 1e6
    instance.run("CLIENT SETNAME bob")
    instance.run("SET", "a", "x" * 300)
    instance.server.slowlog.slower_than_us = -1
    (entry, named) = instance.run("SLOWLOG GET")
    assert entry[1:] == [
        instance.now_ms // 1000,
        20_000,
        [b"SET", b"a", b"x" * 128 + b"... (172 more bytes)"],
        b"127.0.0.1:50000",
        b"bob",
    ]
    assert entry[0] == named[0] + 1
    assert instance.run("SLOWLOG LEN") == 2
    instance.run("SLOWLOG RESET")
    assert instance.run("SLOWLOG GET -1") == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AUTH secret", b"AUTH (redacted)"),
        ("AUTH user secret", b"AUTH (redacted) (redacted)"),
        ("HELLO 3 AUTH user secret SETNAME me", b"HELLO 3 AUTH (redacted) (redacted) SETNAME me"),
        ("HELLO 3 AUTH", b"HELLO 3 AUTH"),
        ("CONFIG SET timeout 1 requirepass secret", b"CONFIG SET timeout 1 requirepass (redacted)"),
    ],
)
def test_the_slow_log_keeps_no_secrets(instance: Instance, line: str, shown: bytes) -> None:
    instance.server.slowlog.slower_than_us = 0
    instance.run(line)
    assert b" ".join(instance.run("SLOWLOG GET 1")[0][3]) == shown


def test_a_silenced_command_still_waits(instance: Instance) -> None:
    instance.run("CLIENT REPLY OFF")
    assert instance.run("DEBUG SLEEP 2") is NO_REPLY
    assert instance.server.slept == [2.0]


def test_the_slow_log_is_bounded(instance: Instance) -> None:
    instance.server.slowlog.slower_than_us = 0
    instance.server.slowlog.longest = 3
    for n in range(10):
        instance.run("ECHO", n)
    assert [entry[3][1] for entry in instance.run("SLOWLOG GET 10")] == [b"9", b"8", b"7"]
    instance.run("MSET", *[str(n) for n in range(100)])
    assert instance.run("SLOWLOG GET 1")[0][3][31] == b"... (70 more arguments)"


def test_commands_and_errors_are_counted(instance: Instance) -> None:
    instance.run("GET a")
    instance.run("SET a 1")
    instance.run("GET a")
    instance.run("GET")
    instance.run("INCR a b")
    instance.run("SADD a x")
    counts = instance.server.statistics.commands
    assert (counts["get"].calls, counts["get"].rejected) == (2, 1)
    assert counts["sadd"].failed == 1
    assert instance.server.statistics.errors == {"ERR": 2, "WRONGTYPE": 1}
    assert (instance.server.statistics.keyspace_hits, instance.server.statistics.keyspace_misses) == (1, 1)
    text = instance.run("INFO ALL").text.decode()
    assert "cmdstat_get:calls=2," in text
    assert "errorstat_WRONGTYPE:count=1" in text
    instance.run("CONFIG RESETSTAT")
    assert set(counts) == {"config|resetstat"}


def test_what_a_command_has_changed_is_published_though_it_breaks(instance: Instance) -> None:
    @command(b"TEST.BREAK", arity=2, flags="write", keys=(1, 1, 1), group="test", summary="Breaks half way.")
    def broken(c: Call) -> None:
        c.tx.update(c.args[1], "add", "x")
        raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            instance.run("TEST.BREAK a")
    finally:
        del TABLE[b"TEST.BREAK"]
    assert len(instance.server.published) == 1
    assert instance.run("SADD a y") == 1
    assert len(instance.server.published) == 2


def test_an_update_that_the_spec_refuses_is_an_error(instance: Instance) -> None:
    @command(b"TEST.ADD", arity=2, flags="write", keys=(1, 1, 1), group="test", summary="Adds blindly.")
    def add(c: Call) -> None:
        c.tx.update(c.args[1], "add", "x")

    try:
        instance.run("SET a 1")
        assert instance.run("TEST.ADD a").text.startswith(b"ERR add is refused")
    finally:
        del TABLE[b"TEST.ADD"]


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="there is a command get already"):
        command(b"GET", arity=2, group="string", summary="again")(lambda c: None)


def test_the_dispatcher_looks_up_in_any_letters() -> None:
    assert dispatch.look_up([b"gEt", b"a"]) is TABLE[b"GET"]
    assert dispatch.look_up([b"config", b"gET", b"a"]).name == "config|get"
