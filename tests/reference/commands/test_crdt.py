from __future__ import annotations

import pytest

from mergelaw.commands.reply import OK
from mergelaw.commands.table import Peer
from tests.reference.commands.harness import Instance, Mesh


def test_explain_tells_who_won_by_which_rule_and_what_lost() -> None:
    mesh = Mesh(2)
    mesh[1].run("SET k old")
    mesh.sync()
    mesh[1].run("SET k one")
    mesh[2].now_ms += 5
    mesh[2].run("SET k two")
    mesh.sync()
    for told in mesh.everywhere("CRDT.EXPLAIN k"):
        string = told[b"string"]
        assert string[b"value"] == string[b"won"] == b"two"
        assert string[b"lost"] == [b"one"]
        assert string[b"won_by"][b"rule"] == b"Scalar.last_write_wins"
        assert b"latest wins" in string[b"won_by"][b"says"]
        assert [(w[b"instance"], w[b"time"], w[b"shown"]) for w in string[b"writes"]] == [
            # One more than the write that it has replaced, though no time has passed.
            (1, mesh[1].now_ms + 1, False),
            (2, mesh[2].now_ms, True),
        ]
    mesh[1].run("SET k three")
    assert mesh[1].run("CRDT.EXPLAIN k")[b"string"][b"conflict"] is False


def test_explain_tells_what_each_instance_has_counted() -> None:
    mesh = Mesh(2)
    mesh[1].run("SET k 10")
    mesh[1].run("INCRBY k 5")
    mesh.sync()
    mesh[1].run("SET k 20")
    mesh[2].run("DECRBY k 3")
    mesh.sync()
    (told, _) = mesh.everywhere("CRDT.EXPLAIN k")
    parts = {part[b"instance"]: part for part in told[b"string"][b"counted"]}
    assert (parts[1][b"added"], parts[1][b"cancelled_added"], parts[1][b"net"]) == (b"5", b"5", b"0")
    assert (parts[2][b"subtracted"], parts[2][b"net"]) == (b"3", b"-3")
    assert told[b"string"][b"value"] == b"17"


def test_explain_tells_that_a_text_hides_an_increment() -> None:
    mesh = Mesh(2)
    mesh[1].run("SET k abc")
    mesh[2].run("INCR k")
    mesh.sync()
    told = mesh[1].run("CRDT.EXPLAIN k")
    assert told[b"string"][b"not_counted_by"][b"rule"] == b"Scalar.text_shows_alone"
    assert told[b"string"][b"conflict"] is True


def test_explain_tells_hidden_types() -> None:
    mesh = Mesh(2)
    mesh[1].run("SADD k x")
    mesh[2].run("HSET k f v")
    mesh.sync()
    told = mesh[1].run("CRDT.EXPLAIN k")
    assert (told[b"type"], told[b"hidden"]) == (b"hash", [b"set"])
    assert told[b"hidden_by"][b"rule"] == b"Key.type_conflict"
    assert told[b"hash"][b"f"][b"value"] == b"v"
    assert told[b"members"][b"x"][b"adds"]


def test_explain_tells_deadlines_and_their_owner() -> None:
    mesh = Mesh(2)
    mesh[1].run("SET k v")
    mesh.sync()
    mesh[1].run("PEXPIRE k 1000")
    mesh[2].run("PEXPIRE k 2000")
    mesh.sync()
    expiry = mesh[1].run("CRDT.EXPLAIN k")[b"expiry"]
    assert expiry[b"owner"] == 2
    assert expiry[b"won_by"][b"rule"] == b"Expiry.longest_wins"
    assert expiry[b"lost"] == [mesh[1].now_ms + 1000]
    assert expiry[b"expired"] is False
    mesh.wait(2000)
    told = mesh[1].run("CRDT.EXPLAIN k")
    assert (told[b"visible"], told[b"expiry"][b"expired"]) == (False, True)


def test_explain_tells_that_no_deadline_is_the_longest() -> None:
    mesh = Mesh(2)
    mesh[1].run("SET k v EX 5")
    mesh.sync()
    mesh[1].run("PERSIST k")
    mesh[2].run("EXPIRE k 100")
    mesh.sync()
    expiry = mesh[2].run("CRDT.EXPLAIN k")[b"expiry"]
    assert expiry[b"won_by"][b"rule"] == b"Expiry.persist_is_longest"
    assert expiry[b"owner"] == 1


def test_explain_tells_of_one_field_or_of_those_in_conflict_first() -> None:
    mesh = Mesh(2)
    mesh[1].run("HSET", "h", *[part for n in range(150) for part in (f"f{n:03}", n)])
    mesh.sync()
    mesh[1].run("HSET h f140 one")
    mesh[2].run("HSET h f140 two")
    mesh.sync()
    told = mesh[1].run("CRDT.EXPLAIN h")[b"hash"]
    assert len(told) == 100
    assert next(iter(told)) == b"f140"
    assert told[b"f140"][b"conflict"] is True
    assert list(mesh[1].run("CRDT.EXPLAIN h f007")[b"hash"]) == [b"f007"]
    assert mesh[1].run("CRDT.EXPLAIN h nofield")[b"hash"] == {}


def test_explain_tells_concurrent_adds() -> None:
    mesh = Mesh(2)
    mesh[1].run("SADD s x")
    mesh[2].run("SADD s x")
    mesh.sync()
    told = mesh[1].run("CRDT.EXPLAIN s x")[b"members"][b"x"]
    assert len(told[b"adds"]) == 2
    assert told[b"rule"][b"rule"] == b"ORSet.add_wins"


def test_explain_tells_of_every_type() -> None:
    instance = Instance()
    tx = instance.db.begin(instance.now_ms)
    tx.update(b"list", "push_right", "a")
    tx.update(b"json", "json_set", (0,))
    tx.update(b"stream", "append", ())
    tx.commit()
    for key in ("list", "json", "stream"):
        told = instance.run("CRDT.EXPLAIN", key)
        (rules,) = [value[b"rules"] for value in told.values() if isinstance(value, dict) and b"rules" in value]
        assert all(rule[b"says"] for rule in rules)


def test_explain_of_nothing_is_null(instance: Instance) -> None:
    assert instance.run("CRDT.EXPLAIN k") is None
    assert instance.run("CRDT.EXPLAIN k a b").text == b"ERR wrong number of arguments for 'crdt.explain' command"


def test_encoding_names_the_spec(instance: Instance) -> None:
    instance.run("SET a 1")
    instance.run("SADD s x")
    instance.run("HSET h f v")
    assert instance.run("CRDT.DEBUG ENCODING a") == b"Scalar"
    assert instance.run("CRDT.DEBUG ENCODING s") == b"ORSet[Text]"
    assert instance.run("CRDT.DEBUG ENCODING h") == b"Hash"
    assert instance.run("CRDT.DEBUG ENCODING x").text == b"ERR no such key"
    assert b"CRDT.DEBUG ENCODING" in instance.run("OBJECT ENCODING a").text


def test_sync_is_paused_resumed_and_waited_for(instance: Instance) -> None:
    assert instance.run("CRDT.SYNC PAUSE") == OK
    assert instance.server.syncs == ["pause"]
    assert instance.run("CRDT.SYNC RESUME") == OK
    assert instance.server.syncs == ["pause", "resume"]
    assert instance.run("CRDT.SYNC WAIT 100") == 1
    instance.server.synced = False
    assert instance.run("CRDT.SYNC WAIT 100") == 0
    assert instance.run("CRDT.SYNC WAIT x").text == b"ERR timeout is not an integer or out of range"
    assert instance.run("CRDT.SYNC FOO").text == b"ERR unknown subcommand 'FOO'. Try CRDT.SYNC HELP."
    instance.server.synced = True
    instance.run("MULTI")
    instance.run("CRDT.SYNC WAIT 100")
    assert instance.run("EXEC") == [0]


def test_peers_are_listed_added_and_removed(instance: Instance) -> None:
    assert instance.run("CRDT.PEERS") == []
    assert instance.run("CRDT.PEERS ADD 2 127.0.0.1:7102") == OK
    assert instance.run("CRDT.PEERS ADD 3 [::1]:7103") == OK
    assert instance.server.members == [Peer(2, "127.0.0.1", 7102, "connecting"), Peer(3, "::1", 7103, "connecting")]
    (two, _) = instance.run("CRDT.PEERS")
    assert (two[b"id"], two[b"address"], two[b"state"]) == (2, b"127.0.0.1:7102", b"connecting")
    assert instance.run("CRDT.PEERS REMOVE 2") == OK
    assert [peer.id for peer in instance.server.members] == [3]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("CRDT.PEERS FOO", "ERR syntax error"),
        ("CRDT.PEERS ADD 2", "ERR wrong number of arguments for 'crdt.peers' command"),
        ("CRDT.PEERS ADD 0 h:1", "ERR a peer's id is a number of 1..4095"),
        ("CRDT.PEERS ADD 4096 h:1", "ERR a peer's id is a number of 1..4095"),
        ("CRDT.PEERS ADD 2 h", "ERR a peer's address is host:port"),
        ("CRDT.PEERS ADD 2 :1", "ERR a peer's address is host:port"),
        ("CRDT.PEERS ADD 2 h:x", "ERR a peer's port is a number of 1..65535"),
        ("CRDT.PEERS ADD 2 h:70000", "ERR a peer's port is a number of 1..65535"),
        ("CRDT.PEERS REMOVE 9", "ERR there is no peer 9"),
    ],
)
def test_wrong_peers_are_refused(instance: Instance, line: str, error: str) -> None:
    assert instance.run(line).text.decode() == error


def test_info_has_the_documented_fields() -> None:
    mesh = Mesh(2)
    mesh[1].server.members = [Peer(2, "127.0.0.1", 7102, "connected", lag_ops=3, lag_ms=17, config_version=4)]
    mesh[1].run("SADD s a")
    mesh[2].run("SADD s b")
    mesh.sync()
    lines = mesh[1].run("INFO crdt").text.decode().split("\r\n")
    assert lines[0] == "# CRDT"
    fields = dict(line.split(":", 1) for line in lines[1:] if line)
    documented = (
        "config_version slots replid clock ovc sync_full sync_partial_ok sync_partial-err merge_reqs effect_reqs"
    )
    documented += " ovc_filtered_effect_reqs gc_pending gc_attempted gc_collected gc_gvc_min stale_released_with_merge"
    assert {f"crdt_{name}" for name in documented.split()} <= set(fields)
    assert fields["crdt_clock"] == str(mesh[1].db.last)
    assert fields["crdt_ovc"] == f"1:1-{mesh[1].db.last};2:1-{mesh[2].db.last}"
    assert fields["crdt_peer2"].startswith("id=2,host=127.0.0.1,port=7102,state=connected,lag_ops=3,lag_ms=17")
    assert fields["crdt_replica_2"] == (
        "config_version=4,shards=1,slots=16384,slot_coverage=1,max_ops_lag=3,min_ops_lag=3"
    )
