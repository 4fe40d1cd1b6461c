"""Types of specs as Redis types: a command for each update and query, on instances that exchange their effects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mergelaw.commands import custom
from mergelaw.commands.custom import CannotServe, CustomType, custom_type
from mergelaw.commands.reply import OK, Failure, SetReply, Status
from mergelaw.commands.table import TABLE
from mergelaw.replica.codec import decode_effect, decode_value, encode_effect, encode_value
from mergelaw.replica.database import Database, default_engines
from mergelaw.semantics.library import resolved
from tests.reference.commands.harness import Instance, Server

NEWCOMER = Path(__file__).resolve().parents[2] / "spec" / "newcomer"

WRONG_TYPE = Failure(b"WRONGTYPE Operation against a key holding the wrong kind of value")

SHELF = """\
import DotSet from "kernel/dot_set.crdt"
import MaxReal from "kernel/max_real.crdt"

// Boxes on a shelf.
store Shelf {
  state { boxes: Map[Text, DotSet], weights: Map[Text, MaxReal] }

  rule all: "Everything stays."

  // Puts a box there, be it ever so heavy.
  update put(name: Text, weight: Real) at d requires 0 <= weight and not (name in names) =
    { boxes[name] = {d}, weights[name] = weight }
  update take(name: Text) = { forget boxes[name] }
  update delete(name: Text) = { forget boxes[name] }

  query names: Set[Text] = { k where boxes[k] != {} }
  query weight(name: Text): Real = weights[name]
  query holds(wanted: Set[Text]): Bool = wanted <= names
  query clear: Bool = names == {}
}
"""

SQUARE = """\
// The greatest square.
type Square {
  state { n: Nat }
  merge(a, b) = { n = max(a.n, b.n) }
  update raise(n: Nat) = { n = max(this.n, n) }
  update square = { n = n * n }
  query value: Nat = n
}
"""


def of_file(name: str) -> CustomType:
    return custom_type(*resolved(None, NEWCOMER / name), delete=True)


def of_text(text: str, folder: Path) -> CustomType:
    file = folder / "spec.crdt"
    file.write_text(text, encoding="utf-8")
    return custom_type(*resolved(None, file), delete=True)


class Shop(Instance):
    """An instance with custom types, and its client."""

    def __init__(self, replica: int, types: list[CustomType]) -> None:
        self.db = Database(replica, {**default_engines(), **{t.name: t.engine for t in types}})
        self.server = Server(self.db)
        self.client = self.connect()
        self.sent = 0

    def send(self, *others: Shop) -> None:
        """What it has made since the last time, over the wire."""
        for effect in self.server.published[self.sent :]:
            data = encode_effect(effect, self.db.engines)
            for other in others:
                other.db.receive(decode_effect(data, other.db.engines), other.now_ms)
        self.sent = len(self.server.published)


def sync(*shops: Shop) -> None:
    for shop in shops:
        shop.send(*(other for other in shops if other is not shop))


@pytest.fixture(scope="module")
def types() -> Iterator[list[CustomType]]:
    served = [of_file(name) for name in ("cart.crdt", "enable_wins_flag.crdt", "bounded_counter.crdt")]
    served += [custom_type(*resolved(name), delete=True) for name in ("GCounter", "ORSet")]
    custom.register(served)
    yield served
    custom.unregister(served)


@pytest.fixture
def here(types: list[CustomType]) -> Shop:
    return Shop(1, types)


@pytest.fixture
def there(types: list[CustomType]) -> Shop:
    return Shop(2, types)


def served(text: str, folder: Path) -> Iterator[Shop]:
    made = [of_text(text, folder)]
    custom.register(made)
    yield Shop(1, made)
    custom.unregister(made)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shop]:
    yield from served(SHELF, tmp_path)


@pytest.fixture
def square(tmp_path: Path) -> Iterator[Shop]:
    yield from served(SQUARE, tmp_path)


def said(reply: Any) -> str:
    """The text of an error reply."""
    assert isinstance(reply, Failure), reply
    return reply.text.decode("latin-1")


# One instance ---------------------------------------------------------------------------------------------------------


def test_each_update_and_query_is_a_command(here: Shop, types: list[CustomType]) -> None:
    for t in types:
        names = {*(u.name for u in t.definition.updates), *(q.name for q in t.definition.queries)}
        assert {n for n in TABLE if n.startswith(f"{t.prefix}.".encode())} == {
            f"{t.prefix}.{n.upper()}".encode() for n in names
        }


def test_a_cart_counts(here: Shop) -> None:
    assert here.run("CART.ADD k apples 3") == OK
    assert here.run("cart.add k apples 2") == OK
    assert here.run("CART.ADD k pears 1") == OK
    assert here.run("CART.REDUCE k apples 1") == OK
    assert here.run("CART.QUANTITY k apples") == 4
    assert here.run("CART.PRODUCTS k") == SetReply([b"apples", b"pears"])
    assert here.run("CART.REMOVE k apples") == OK
    assert here.run("CART.BALANCE k apples") == 0
    assert here.run("CART.EMPTY k") is False


def test_an_absent_key_answers_as_a_fresh_state(here: Shop) -> None:
    assert here.run("CART.QUANTITY k apples") == 0
    assert here.run("CART.PRODUCTS k") == SetReply([])
    assert here.run("CART.EMPTY k") is True
    assert here.server.statistics.keyspace_misses == 3
    assert here.run("EXISTS k") == 0


def test_texts_are_binary_safe(here: Shop) -> None:
    name = bytes(range(256))
    here.run(b"ORSET.ADD", b"k\x00\xff", name)
    assert here.run(b"ORSET.CONTAINS", b"k\x00\xff", name) is True
    assert here.run(b"ORSET.MEMBERS", b"k\x00\xff") == SetReply([name])


def test_replies_over_both_protocols(here: Shop) -> None:
    here.run("ORSET.ADD k a")
    here.run("ENABLEWINSFLAG.ENABLE f")
    assert here.wire("ORSET.MEMBERS k") == b"*1\r\n$1\r\na\r\n"
    assert here.wire("ORSET.MEMBERS k", protocol=3) == b"~1\r\n$1\r\na\r\n"
    assert here.wire("ENABLEWINSFLAG.ON f") == b":1\r\n"
    assert here.wire("ENABLEWINSFLAG.ON f", protocol=3) == b"#t\r\n"


def test_wrong_arguments_name_parameter_type_and_example(here: Shop) -> None:
    assert said(here.run("CART.ADD k apples many")) == "ERR CART.ADD: n is no Nat: `many`; for example 3"
    assert (
        said(here.run("CART.ADD k apples -3"))
        == "ERR CART.ADD: n is no Nat: `-3` (a Nat is not negative); for example 3"
    )
    assert said(here.run("BOUNDEDCOUNTER.RIGHTS k 0")).startswith(
        "ERR BOUNDEDCOUNTER.RIGHTS: holder is no Replica: `0`"
    )
    assert here.server.published == []


def test_an_error_quotes_no_more_than_one_can_read(shelf: Shop) -> None:
    text = said(shelf.run("SHELF.HOLDS", "k", b"{" + b"x" * 1_000_000 + b"}"))
    assert len(text) < 500
    assert text.startswith("ERR SHELF.HOLDS: wanted is no Set[Text]: `{xxx")
    assert text.endswith('; for example {"apples"}')
    assert shelf.run("SHELF.HOLDS", "k", '{"a"}') is False


@pytest.mark.parametrize("line", ["CART.ADD", "CART.ADD k", "CART.ADD k apples", "CART.ADD k apples 3 x"])
def test_wrong_arity(here: Shop, line: str) -> None:
    assert said(here.run(line)) == "ERR wrong number of arguments for 'cart.add' command"


def test_an_update_of_another_type_is_unknown(here: Shop) -> None:
    assert said(here.run("CART.INC k 1")).startswith("ERR unknown command 'CART.INC'")


def test_requires_is_told(here: Shop) -> None:
    assert said(here.run("CART.ADD k apples 0")) == "ERR CART.ADD refused: requires 0 < n"
    here.run("BOUNDEDCOUNTER.ADD b 5")
    assert here.run("BOUNDEDCOUNTER.TAKE b 5 1") == OK
    assert (
        said(here.run("BOUNDEDCOUNTER.TAKE b 1 1")) == "ERR BOUNDEDCOUNTER.TAKE refused: requires n <= left(r, giver)"
    )
    assert here.run("BOUNDEDCOUNTER.STOCK b") == 0
    assert here.run("EXISTS k") == 0


def test_keys_of_other_types(here: Shop) -> None:
    here.run("SET string x")
    here.run("CART.ADD cart apples 1")
    for line in ("CART.ADD string apples 1", "CART.QUANTITY string apples", "GCOUNTER.INC cart 1"):
        assert here.run(line) == WRONG_TYPE, line
    for line in ("GET cart", "INCR cart", "HSET cart f v", "SADD cart x", "SMEMBERS cart", "GCOUNTER.VALUE cart"):
        assert here.run(line) == WRONG_TYPE, line
    assert here.run("CART.QUANTITY cart apples") == 1
    assert here.run("GET string") == b"x"


def test_type_scan_and_kin_know_the_key(here: Shop) -> None:
    here.run("CART.ADD k apples 1")
    assert here.run("TYPE k") == Status(b"cart")
    assert here.run("EXISTS k") == 1
    assert here.run("DBSIZE") == 1
    assert here.run("SCAN 0 TYPE cart") == [b"0", [b"k"]]
    assert here.run("SCAN 0 TYPE set") == [b"0", []]
    assert here.run("TTL k") == -1
    assert here.run("MEMORY USAGE k") > 0
    assert here.run("CRDT.EXPLAIN k")[b"type"] == b"cart"


def test_set_overwrites_as_it_does_every_type(here: Shop) -> None:
    here.run("CART.ADD k apples 1")
    assert here.run("SET k x") == OK
    assert here.run("GET k") == b"x"
    here.run("DEL k")
    assert here.run("CART.QUANTITY k apples") == 0


def test_it_is_not_copied_and_does_not_expire(here: Shop) -> None:
    here.run("CART.ADD k apples 1")
    for line in ("COPY k other", "RENAME k other", "DUMP k", "EXPIRE k 100", "PERSIST k"):
        assert said(here.run(line)).startswith("ERR "), line
    assert here.run("CART.QUANTITY k apples") == 1
    assert here.run("EXISTS other") == 0


def test_transactions(here: Shop, there: Shop) -> None:
    here.run("MULTI")
    here.run("CART.ADD k apples 1")
    here.run("CART.ADD k apples 2")
    here.run("INCR n")
    here.run("CART.ADD k apples 0")
    replies = here.run("EXEC")
    assert replies[:3] == [OK, OK, 1]
    assert said(replies[3]) == "ERR CART.ADD refused: requires 0 < n"
    assert len(here.server.published) == 1
    sync(here, there)
    assert there.run("CART.QUANTITY k apples") == 3


def test_memory_is_short(here: Shop) -> None:
    here.run("CART.ADD k apples 1")
    here.server.full = True
    assert said(here.run("CART.ADD k apples 1")).startswith("OOM ")
    assert here.run("CART.REMOVE k apples") == OK
    assert here.run("CART.QUANTITY k apples") == 0


# DEL ------------------------------------------------------------------------------------------------------------------


def test_del_by_the_types_own_clear(here: Shop, types: list[CustomType]) -> None:
    assert types[0].deletes_by == "clear"
    here.run("CART.ADD k apples 1")
    assert here.run("DEL k") == 1
    assert here.run("EXISTS k") == 0
    assert here.run("DEL k") == 0


def test_del_leaves_what_it_has_not_seen(here: Shop, there: Shop) -> None:
    here.run("CART.ADD k apples 1")
    sync(here, there)
    there.run("CART.ADD k apples 2")
    assert here.run("DEL k") == 1
    sync(here, there)
    assert here.run("CART.QUANTITY k apples") == there.run("CART.QUANTITY k apples") == 2


def test_a_store_without_end_gets_one(here: Shop, there: Shop, types: list[CustomType]) -> None:
    flag = types[1]
    assert flag.deletes_by == "delete"
    assert {u.name for u in flag.definition.updates} == {"enable", "disable"}
    assert b"ENABLEWINSFLAG.DELETE" not in TABLE
    here.run("ENABLEWINSFLAG.ENABLE f")
    sync(here, there)
    assert there.run("DEL f") == 1
    assert there.db.size == 0
    there.run("DEL f")
    sync(here, there)
    assert here.run("EXISTS f") == 0
    assert here.run("ENABLEWINSFLAG.ON f") is False
    assert not here.db.keys
    here.run("ENABLEWINSFLAG.ENABLE f")
    sync(here, there)
    assert there.run("ENABLEWINSFLAG.ON f") is True


def test_a_plain_type_cannot_be_deleted(here: Shop) -> None:
    here.run("GCOUNTER.INC g 5")
    refusal = (
        "ERR a key of type gcounter cannot be deleted: its states only grow, and its spec has no update "
        "`delete` or `clear` without parameters"
    )
    assert said(here.run("DEL g")) == refusal
    assert said(here.run("SET g x")) == refusal
    assert here.run("GCOUNTER.VALUE g") == 5


def test_names_that_are_taken_leave_no_room_for_a_delete(shelf: Shop) -> None:
    shelf.run("SHELF.PUT k a 1.5")
    assert said(shelf.run("DEL k")).startswith("ERR ")
    assert shelf.run("SHELF.NAMES k") == SetReply([b"a"])
    assert shelf.run("SHELF.DELETE k a") == OK
    assert shelf.run("SHELF.CLEAR k") is True


# Two instances --------------------------------------------------------------------------------------------------------


def test_carts_add_up(here: Shop, there: Shop) -> None:
    here.run("CART.ADD k apples 3")
    there.run("CART.ADD k apples 4")
    there.run("CART.ADD k pears 1")
    here.run("CART.REMOVE k pears")
    sync(here, there)
    for shop in (here, there):
        assert shop.run("CART.QUANTITY k apples") == 7
        assert shop.run("CART.PRODUCTS k") == SetReply([b"apples", b"pears"])
    assert here.db.keys[b"k"].value == there.db.keys[b"k"].value


def test_enable_wins(here: Shop, there: Shop) -> None:
    here.run("ENABLEWINSFLAG.ENABLE f")
    sync(here, there)
    here.run("ENABLEWINSFLAG.ENABLE f")
    there.run("ENABLEWINSFLAG.DISABLE f")
    sync(here, there)
    assert here.run("ENABLEWINSFLAG.ON f") is there.run("ENABLEWINSFLAG.ON f") is True
    here.run("ENABLEWINSFLAG.DISABLE f")
    sync(here, there)
    assert here.run("ENABLEWINSFLAG.ON f") is there.run("ENABLEWINSFLAG.ON f") is False


def test_a_bounded_counter_never_falls_below_zero(here: Shop, there: Shop) -> None:
    here.run("BOUNDEDCOUNTER.ADD b 10")
    here.run("BOUNDEDCOUNTER.GIVE b 4 1 2")
    sync(here, there)
    assert here.run("BOUNDEDCOUNTER.RIGHTS b 1") == 6
    assert there.run("BOUNDEDCOUNTER.RIGHTS b 2") == 4
    assert here.run("BOUNDEDCOUNTER.TAKE b 6 1") == OK
    assert there.run("BOUNDEDCOUNTER.TAKE b 4 1") == OK
    assert said(here.run("BOUNDEDCOUNTER.TAKE b 1 1")).startswith("ERR BOUNDEDCOUNTER.TAKE refused")
    sync(here, there)
    assert here.run("BOUNDEDCOUNTER.STOCK b") == there.run("BOUNDEDCOUNTER.STOCK b") == 0


def test_a_grow_only_counter_counts_each_once(here: Shop, there: Shop) -> None:
    here.run("GCOUNTER.INC g 5")
    there.run("GCOUNTER.INC", "g", 10**30)
    effects = here.server.published[:]
    sync(here, there)
    for effect in effects:
        assert there.db.receive(effect, there.now_ms) == []
    total = b"%d" % (10**30 + 5)
    assert here.run("GCOUNTER.VALUE g") == there.run("GCOUNTER.VALUE g") == total


def test_add_wins_in_a_set(here: Shop, there: Shop) -> None:
    here.run("ORSET.ADD s a")
    sync(here, there)
    here.run("ORSET.ADD s a")
    there.run("ORSET.REMOVE s a")
    there.run("ORSET.ADD s b")
    sync(here, there)
    assert here.run("ORSET.MEMBERS s") == there.run("ORSET.MEMBERS s") == SetReply([b"a", b"b"])


def test_one_key_of_two_types(here: Shop, there: Shop) -> None:
    here.run("CART.ADD k apples 1")
    there.run("SET k x")
    sync(here, there)
    for shop in (here, there):
        assert shop.run("TYPE k") == Status(b"string")
        assert shop.run("CART.QUANTITY k apples") == WRONG_TYPE
    assert here.run("DEL k") == 1
    sync(here, there)
    for shop in (here, there):
        assert shop.run("EXISTS k") == 0
        assert shop.run("CART.QUANTITY k apples") == 0


def test_a_peer_without_the_type_refuses_its_effects(here: Shop) -> None:
    here.run("CART.ADD k apples 1")
    data = encode_effect(here.server.published[0], here.db.engines)
    with pytest.raises(ValueError, match="not served here"):
        decode_effect(data, default_engines())


def test_values_survive_the_disk(here: Shop, types: list[CustomType]) -> None:
    here.run("CART.ADD k apples 1")
    here.run("BOUNDEDCOUNTER.ADD b 7")
    for key in (b"k", b"b"):
        entry = here.db.keys[key]
        engine = here.db.engines[entry.store]
        assert decode_value(engine, encode_value(engine, entry.value)) == entry.value


# Signatures and conditions --------------------------------------------------------------------------------------------


def test_command_docs_tell_signature_doc_and_rules(shelf: Shop) -> None:
    docs = shelf.run("COMMAND DOCS SHELF.PUT SHELF.NAMES")
    assert docs[b"shelf.put"][b"summary"].decode() == (
        "SHELF.PUT key <name: Text> <weight: Real>. Puts a box there, be it ever so heavy. "
        "Requires 0 <= weight and not (name in names). Rule all: Everything stays."
    )
    assert docs[b"shelf.names"][b"summary"] == b"SHELF.NAMES key -> Set[Text]."
    assert docs[b"shelf.put"][b"group"] == b"module"


def test_command_info_and_getkeys(here: Shop) -> None:
    ((name, arity, flags, *keys), *_) = here.run("COMMAND INFO CART.ADD")
    assert (name, arity, keys[:3]) == (b"cart.add", 4, [1, 1, 1])
    assert Status(b"write") in flags.items and Status(b"denyoom") in flags.items
    ((_, arity, flags, *_), *_) = here.run("COMMAND INFO CART.EMPTY")
    assert (arity, Status(b"readonly") in flags.items) == (2, True)
    ((_, _, flags, *_), *_) = here.run("COMMAND INFO CART.REMOVE")
    assert Status(b"denyoom") not in flags.items
    assert here.run("COMMAND GETKEYS CART.ADD k a 3") == [b"k"]
    assert b"cart.add" in here.run("COMMAND LIST")


def test_reals_are_exact(shelf: Shop) -> None:
    assert said(shelf.run("SHELF.PUT k a -0.1")).startswith("ERR SHELF.PUT refused: requires 0 <= weight and")
    assert shelf.run("SHELF.PUT k a 0.1") == OK
    assert said(shelf.run("SHELF.PUT k a 0.1")).startswith("ERR SHELF.PUT refused")
    shelf.run("SHELF.PUT k b 1/3")
    assert [shelf.run(f"SHELF.WEIGHT k {name}") for name in "abc"] == [b"0.1", b"1/3", b"0"]


def test_a_number_that_cannot_be_sent_is_refused(square: Shop) -> None:
    square.run("SQUARE.RAISE", "k", "9" * 1000)
    replies = [square.run("SQUARE.SQUARE k") for _ in range(6)]
    assert replies[0] == OK
    assert said(replies[-1]) == "ERR SQUARE.SQUARE refused: a number would get too long"
    digits = square.run("SQUARE.VALUE k")
    assert digits.isdigit() and len(digits) > 4300
    for effect in square.server.published:
        encode_effect(effect, square.db.engines)


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Hash", "Key", "List"])
def test_a_name_that_redis_has_is_refused(name: str) -> None:
    with pytest.raises(CannotServe, match=f"{name.lower()}.*another name"):
        custom_type(*resolved(name), delete=True)


def test_a_type_is_registered_once(types: list[CustomType]) -> None:
    before = set(TABLE)
    with pytest.raises(CannotServe, match=r"Cart cannot be served: there is a command cart\.\w+ already"):
        custom.register([of_file("cart.crdt")])
    assert set(TABLE) == before


def test_a_spec_of_another_meaning_has_another_fingerprint(tmp_path: Path, types: list[CustomType]) -> None:
    text = (NEWCOMER / "cart.crdt").read_text()
    assert of_text("// A comment.\n" + text, tmp_path).fingerprint == types[0].fingerprint
    assert of_text(text.replace("some(-n)", "some(-n - n)"), tmp_path).fingerprint != types[0].fingerprint
