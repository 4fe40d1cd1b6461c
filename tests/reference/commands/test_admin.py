from __future__ import annotations

import pytest

from mergelaw.commands.information import human
from mergelaw.commands.reply import NO_REPLY, OK, Status
from tests.reference.commands.harness import Instance


def test_config_is_read_by_patterns_and_set_whole(instance: Instance) -> None:
    assert instance.run("CONFIG GET max* TIMEOUT") == {b"maxmemory": b"0", b"timeout": b"0"}
    assert instance.run("CONFIG SET MAXMEMORY 100 timeout 5") == OK
    assert instance.server.config["maxmemory"] == "100"
    reply = instance.run("CONFIG SET timeout 6 nosuch 1")
    assert reply.text == b"ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"
    assert instance.server.config["timeout"] == "5"


def test_shutdown_says_nothing_and_closes(instance: Instance) -> None:
    assert instance.run("SHUTDOWN NOSAVE NOW") is NO_REPLY
    assert instance.server.shutdowns == [(False, True, False)]
    assert instance.client.closing
    assert instance.run("SHUTDOWN") is NO_REPLY
    assert instance.server.shutdowns[1] == (None, False, False)


def test_saving(instance: Instance) -> None:
    assert instance.run("SAVE") == OK
    assert instance.run("BGSAVE") == Status(b"Background saving started")
    assert instance.run("BGSAVE SCHEDULE") == Status(b"Background saving started")
    assert instance.run("BGREWRITEAOF") == Status(b"Background append only file rewriting started")
    assert instance.server.saves == [False, True, True, True]
    assert instance.run("LASTSAVE") == instance.now_ms // 1000


def test_waiting_for_replicas_that_there_are_none_of(instance: Instance) -> None:
    assert instance.run("WAIT 2 1500") == 0
    assert instance.server.slept == [1.5]
    assert instance.run("WAITAOF 1 0 100") == [1, 0]
    assert instance.run("WAITAOF 0 0 100") == [0, 0]
    assert instance.run("WAITAOF 2 0 100").text == b"ERR value is out of range, must be between 0 and 1"
    instance.run("MULTI")
    instance.run("WAIT 2 0")
    assert instance.run("EXEC") == [0]


def test_debug_sleeps(instance: Instance) -> None:
    assert instance.run("DEBUG SLEEP 0.5") == OK
    assert instance.server.slept == [0.5]


def test_clients_are_listed_and_closed(instance: Instance) -> None:
    other = instance.connect()
    other.address = b"127.0.0.1:50001"
    instance.run("CLIENT SETNAME me")
    lines = instance.run("CLIENT LIST").text.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["id=1", "id=2"]
    assert " name=me " in lines[0] and " cmd=client|list " in lines[0]
    assert instance.run("CLIENT LIST ID 2 1 7").text.decode().startswith("id=2")
    assert instance.run("CLIENT KILL 127.0.0.1:50001") == OK
    assert instance.server.killed == [other]
    assert instance.run("CLIENT KILL ADDR 127.0.0.1:50001 ID 1") == 0
    assert instance.run("CLIENT KILL TYPE pubsub") == 0
    assert instance.run("CLIENT KILL USER default SKIPME no") == 2
    assert instance.client.closing


def test_client_libraries_may_introduce_themselves(instance: Instance) -> None:
    assert instance.run("CLIENT SETINFO LIB-NAME redis-py") == OK
    assert instance.run("CLIENT SETINFO lib-ver 8.1.0") == OK
    assert "lib-name=redis-py lib-ver=8.1.0" in instance.run("CLIENT INFO").text.decode()
    assert instance.run("CLIENT SETINFO FOO x").text == b"ERR Unrecognized option 'FOO'"
    error = b"ERR lib-name cannot contain spaces, newlines or special characters."
    assert instance.run("CLIENT", "SETINFO", "LIB-NAME", "a b").text == error


def test_clients_are_paused(instance: Instance) -> None:
    instance.run("CLIENT PAUSE 100 WRITE")
    instance.run("CLIENT PAUSE 50")
    instance.run("CLIENT UNPAUSE")
    assert instance.server.pauses == [(instance.now_ms + 100, True), (instance.now_ms + 50, False), (0, False)]


@pytest.mark.parametrize("line", ["SUBSCRIBE c", "PUBLISH c m", "PSUBSCRIBE x", "MONITOR", "REPLICAOF a 1", "EVAL x 0"])
def test_what_is_not_served_is_refused_with_a_reason(instance: Instance, line: str) -> None:
    reply = instance.run(line)
    assert reply.text.startswith(b"ERR " + line.split()[0].encode() + b" is not supported: ")


def test_tracking_is_refused_clearly(instance: Instance) -> None:
    assert b"not supported" in instance.run("CLIENT TRACKING ON").text


def test_hello_chooses_the_protocol(instance: Instance) -> None:
    told = instance.run("HELLO 3 SETNAME bob")
    assert (told[b"server"], told[b"proto"], told[b"role"]) == (b"redis", 3, b"master")
    assert instance.client.protocol == 3
    assert instance.run("HELLO")[b"proto"] == 3
    assert instance.run("CLIENT GETNAME") == b"bob"
    instance.run("RESET")
    assert (instance.client.protocol, instance.client.name) == (2, b"")


def test_info_shows_the_sections_asked_for(instance: Instance) -> None:
    instance.run("MSET a 1 b 2")
    instance.run("EXPIRE a 100")
    assert instance.run("INFO keyspace").text == b"# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=0\r\n"
    assert instance.run("INFO nosuch").text == b""
    titles = [line for line in instance.run("INFO").text.decode().split("\r\n") if line.startswith("#")]
    assert "# Server" in titles and "# CRDT" in titles and "# Commandstats" not in titles
    assert "# Commandstats" in instance.run("INFO everything").text.decode()
    several = instance.run("INFO server clients").text.decode()
    assert several.count("# ") == 2


def test_bytes_are_shown_as_people_read_them() -> None:
    assert [human(n) for n in (0, 1023, 1024, 1187968, 5 * 1024**3)] == ["0B", "1023B", "1.00K", "1.13M", "5.00G"]


def test_memory_is_estimated(instance: Instance) -> None:
    instance.run("SET", "small", "x")
    instance.run("SET", "large", "x" * 100_000)
    instance.run("SADD", "set", *range(1000))
    assert instance.run("MEMORY USAGE large") - instance.run("MEMORY USAGE small") == pytest.approx(99_999, abs=200)
    sampled, whole = instance.run("MEMORY USAGE set SAMPLES 10"), instance.run("MEMORY USAGE set SAMPLES 0")
    assert 50_000 < whole < 1_000_000
    assert sampled == pytest.approx(whole, rel=0.2)
    assert instance.run("MEMORY STATS")[b"keys.count"] == 3
    assert b"any memory issue" in instance.run("MEMORY DOCTOR").text
    instance.server.config["maxmemory"] = "1000001"
    assert b"over 90%" in instance.run("MEMORY DOCTOR").text


def test_dbsize_counts_keys_with_contents(instance: Instance) -> None:
    instance.run("INCR c")
    instance.run("SET a 1")
    instance.run("DEL c")
    assert instance.run("DBSIZE") == 1


def test_latency_histograms_add_up(instance: Instance) -> None:
    clock = iter([0, 3, 10, 13, 20, 120])
    instance.server.timer = lambda: next(clock, 0) / 1e6
    for _ in range(3):
        instance.run("PING")
    told = instance.run("LATENCY HISTOGRAM ping")
    assert told == {b"ping": {b"calls": 3, b"histogram_usec": {4: 2, 128: 3}}}


def test_acl_knows_one_user(instance: Instance) -> None:
    assert instance.run("ACL WHOAMI") == b"default"
    assert len(instance.run("ACL GENPASS")) == 64
    assert len(instance.run("ACL GENPASS 5")) == 2
    assert instance.run("ACL GETUSER default")[b"commands"] == b"+@all"
    assert b"get" in instance.run("ACL CAT read")
