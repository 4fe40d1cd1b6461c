"""Replies and error texts of a single instance, byte for byte those of redis-server 7.0."""

from __future__ import annotations

import random

import pytest

from tests.reference.commands.harness import Instance, RealRedis, items_of

SESSIONS = {
    "ping": r"""
        PING | PING hi | PING a b | ECHO | ECHO x | ECHO x y | ping | pInG x
    """,
    "select": r"""
        SELECT 0 | SELECT 1 | SELECT abc | SELECT 99999999999 | SELECT -1 | SELECT | SELECT ''
    """,
    "unknown": r"""
        FOO | FOO a b | FOO '' x
        'a\nb' c
    """,
    "unknown subcommands": r"""
        CONFIG | CONFIG FOO | CLIENT | CLIENT FOO x | client foo | OBJECT | OBJECT FOO k | COMMAND FOO | MEMORY
        MEMORY FOO | SLOWLOG | SLOWLOG FOO | LATENCY FOO | ACL FOO | DEBUG | ACL
    """,
    "arity": r"""
        DEL | EXISTS | TYPE | TYPE a b | RENAME a | RENAMENX a b c | COPY a | RANDOMKEY x | KEYS | KEYS a b
        SCAN | TOUCH | UNLINK | SORT | SORT_RO | DUMP | DUMP a b | RESTORE a 0 | PERSIST | EXPIRE a | PEXPIRE a
        TTL | TTL a b | PTTL | EXPIRETIME | OBJECT IDLETIME | OBJECT HELP x | CONFIG GET | CONFIG SET a
        CONFIG SET a b c | CONFIG RESETSTAT x | CLIENT ID x | CLIENT SETNAME | CLIENT SETNAME a b | MULTI x
        EXEC x | DISCARD x | WATCH | UNWATCH x | DBSIZE x | TIME x | SLOWLOG GET 1 2 | SLOWLOG LEN x
        MEMORY USAGE | ROLE x | WAIT 1 | LASTSAVE x | ACL WHOAMI x | COMMAND COUNT x | COMMAND GETKEYS | AUTH
        RESET x | MOVE a | SAVE x | CLIENT REPLY | CLIENT LIST x
    """,
    "deleting": r"""
        DEL a | SET a 1 | DEL a a | MSET a 1 b 2 c 3 | DEL a b x | UNLINK c x | EXISTS a b c | MSET a 1 b 2
        EXISTS a a b x | TOUCH a a x b | SADD s x | SREM s x | EXISTS s | HSET h f v | DEL h
    """,
    "type": r"""
        TYPE a | SET a 1 | TYPE a | SADD s x | TYPE s | HSET h f v | TYPE h | INCR c | TYPE c
    """,
    "renaming": r"""
        RENAME x y | RENAME x x | RENAMENX x y | SET a 1 | RENAME a b | GET a | GET b | SET c 3 | RENAMENX b c
        GET b | RENAMENX b d | GET d | RENAME d d | RENAMENX d d | EXPIRE d 100 | RENAME d e | TTL e | SET f 1
        RENAME f e | TTL e | SADD s x | RENAME s e | TYPE e | SMEMBERS e | GET e | HSET h f 1 | RENAME h e
        HGETALL e | HINCRBY e f 4 | INCR n | INCR n | RENAME n e | INCR e
    """,
    "copying": r"""
        COPY a b | SET a 1 | COPY a a | COPY a b | GET b | COPY a b | SET a 2 | COPY a b REPLACE | GET b
        COPY a b DB | COPY a b DB x | COPY a b DB 5 | COPY a b FOO | COPY a c DB 0 | GET c | EXPIRE a 100
        COPY a d | TTL d | SADD s x | COPY s d replace | SMEMBERS d | TTL d | HSET h f 1 | COPY h g
        HINCRBY g f 1 | HGET h f | COPY nokey nokey | COPY nokey a | EXISTS a
    """,
    "moving": r"""
        MOVE a 0 | MOVE a 1 | MOVE a x | SET a 1 | MOVE a 0 | MOVE a 7
    """,
    "expiring": r"""
        EXPIRE a 10 | SET a 1 | EXPIRE a 10 | TTL a | PERSIST a | PERSIST a | TTL a | TTL x | PTTL x
        EXPIRE a 100 NX | EXPIRE a 200 NX | TTL a | EXPIRE a 200 XX | TTL a | EXPIRE a 100 GT | TTL a
        EXPIRE a 300 GT | TTL a | EXPIRE a 400 LT | TTL a | EXPIRE a 100 LT | TTL a | PERSIST a | EXPIRE a 100 GT
        TTL a | EXPIRE a 100 XX | TTL a | EXPIRE a 100 LT | TTL a | EXPIRE a 200 XX GT | EXPIRE a 90 XX LT
        TTL a | EXPIRE a 10 NX XX | EXPIRE a 10 GT LT | EXPIRE a 10 NX GT | EXPIRE a 10 FOO | EXPIRE a 10 nx nx
        EXPIRE a abc | EXPIRE a 1.5 | EXPIRE a 10 FOO NX | EXPIRE nokey abc | EXPIRE a ''
        EXPIRE a 9223372036854775807 | EXPIRE a -9223372036854775808 | EXPIRE a 9223372036854775808
        PEXPIRE a 9223372036854775807 | EXPIRE a 9223372036854775 | EXPIREAT a 9223372036854776 | EXPIRE x 10
        EXPIREAT a 4102444800 | EXPIRETIME a | PEXPIRETIME a | PEXPIREAT a 4102444800999 | PEXPIRETIME a
        EXPIRETIME a | EXPIRETIME x | PEXPIRETIME x | PERSIST a | EXPIRETIME a | PEXPIRETIME a | EXPIRE a -1
        EXISTS a | SET a 1 | EXPIREAT a 1 | EXISTS a | SET a 1 | PEXPIRE a 0 | EXISTS a | SET a 1
        PEXPIREAT a -5 | GET a | PERSIST x
    """,
    "expiry of other types": r"""
        SADD s x | EXPIRE s 100 | SADD s y | TTL s | SREM s x y | SADD s z | TTL s | HSET h f v | EXPIRE h 100
        HSET h g v | TTL h | DEL h | HSET h g v | TTL h | INCR c | EXPIRE c 100 | INCR c | TTL c | APPEND c x
        TTL c | SET c 1 | TTL c | SET c 1 EX 50 | SET c 2 KEEPTTL | TTL c
    """,
    "keys": r"""
        KEYS * | SET abc 1 | KEYS a* | KEYS b* | KEYS a?c | KEYS a[b-d]c | KEYS a[^b]c | KEYS [a | KEYS a\\bc
    """,
    "scan errors": r"""
        SCAN abc | SCAN 1.5 | SCAN 0 COUNT 0 | SCAN 0 COUNT -1 | SCAN 0 COUNT x | SCAN 0 MATCH | SCAN 0 FOO
        SCAN 0 COUNT | SCAN 0 TYPE | SCAN '' | SCAN '0 ' | SCAN 99999999999999999999999 | SCAN 0
        SCAN 0 COUNT 5 MATCH | SET a 1 | SCAN 0 | SCAN 0 TYPE string | SCAN 0 TYPE hash | SCAN 0 MATCH b*
    """,
    "random key": r"""
        RANDOMKEY | SET a 1 | RANDOMKEY
    """,
    "object": r"""
        OBJECT IDLETIME x | OBJECT REFCOUNT x | OBJECT FREQ x | SET a b | OBJECT IDLETIME a | OBJECT FREQ a
        SADD s x | OBJECT REFCOUNT s
    """,
    "dump": r"""
        DUMP x | RESTORE a 0 foo | RESTORE a -1 foo | RESTORE a x foo | RESTORE a 0 foo BAR
        RESTORE a 0 foo IDLETIME -1 | RESTORE a 0 foo FREQ 256 | RESTORE a 0 foo FREQ x | SET a 1
        RESTORE a 0 foo | RESTORE a 0 foo REPLACE | RESTORE a 0 '' | GET a | RESTORE a 0 foo IDLETIME 1 FREQ 1
    """,
    "sorting": r"""
        SORT x | SADD s 3 1 2 10 | SORT s | SORT s DESC | SORT s ALPHA | SORT s ALPHA DESC | SORT s LIMIT 1 2
        SORT s LIMIT -1 2 | SORT s LIMIT 1 -1 | SORT s LIMIT 10 2 | SORT s LIMIT 0 0 | SORT s LIMIT a 1
        SORT s LIMIT 1 | SORT s FOO | SORT s BY | SORT s GET | SORT s STORE | SORT_RO s STORE d | SORT s ASC
        MSET w_1 30 w_2 20 w_3 10 | SORT s BY w_* | SORT s BY w_* DESC | SORT s BY w_* GET w_* GET #
        SORT s GET # | SORT s GET nokey | SORT s GET nokey_* | HSET h1 f 9 g a | HSET h2 f 8 g b | HSET h3 f 7
        SORT s BY h*->f | SORT s BY h*->f GET h*->g | SORT s BY h*-> | SORT s GET h*->nofield | SORT s GET h*
        SADD t a b c | SORT t | SORT t ALPHA | SORT t BY nosort LIMIT 0 0 | SET str 1 | SORT str | SORT str ALPHA
        SORT s STORE d | SORT d | TYPE d | SORT s LIMIT 10 5 STORE d | EXISTS d | SORT x STORE d
        SORT s BY w_* ALPHA | SORT t STORE d | SORT t BY nosort STORE d | SORT d ALPHA
        SORT t BY nosort ALPHA STORE d | SORT t GET # GET # ALPHA | MSET k_a 1x k_b 2 k_c '' | SORT t BY k_*
        SORT t BY k_* ALPHA | SET k_a ' 7' | SORT t BY k_* | SET k_a inf | SORT t BY k_* DESC | SET k_a nan
        SORT t BY k_* | SADD n -1 0 1.5 1e2 -inf 0x10 | SORT n | SORT s limit 0 1 desc get w_* STORE r | SORT r
        EXPIRE s 100 | SORT s STORE s | TTL s
    """,
    "transactions": r"""
        EXEC | DISCARD | MULTI | MULTI | SET a 1 | INCR a | EXEC | MULTI | WATCH a | EXEC | UNWATCH | MULTI | FOO
        SET a 2 | EXEC | GET a | MULTI | SET a | EXEC | MULTI | SET a 3 | DISCARD | GET a | MULTI | INCR s x
        EXEC | MULTI | SET a x | INCR a | GET a | EXEC | WATCH a | SET a 1 | MULTI | GET a | EXEC | WATCH a
        UNWATCH | SET a 2 | MULTI | GET a | EXEC | MULTI | EXEC | MULTI | PING | DISCARD | WATCH nokey
        DEL nokey | MULTI | EXEC | WATCH a | MULTI | SET a 5 | EXEC | MULTI | UNWATCH | EXEC | MULTI | SAVE
        EXEC | MULTI | SELECT 5 | ECHO x | EXEC | MULTI | CLIENT FOO | EXEC | MULTI | RESET | EXEC
    """,
    "client": r"""
        CLIENT GETNAME | CLIENT SETNAME bob | CLIENT GETNAME | CLIENT SETNAME 'a b' | CLIENT SETNAME ''
        CLIENT GETNAME | CLIENT KILL 1.2.3.4:5 | CLIENT KILL ID 0 | CLIENT KILL ID x | CLIENT KILL ID 99999
        CLIENT KILL TYPE foo | CLIENT KILL USER foo | CLIENT KILL SKIPME maybe | CLIENT KILL ID 1 FOO
        CLIENT KILL A B | CLIENT LIST TYPE foo | CLIENT LIST ID x | CLIENT LIST ID 99999
        CLIENT LIST TYPE pubsub | CLIENT LIST FOO | CLIENT LIST ID | CLIENT REPLY FOO | CLIENT REPLY ON
        CLIENT NO-EVICT ON | CLIENT NO-EVICT off | CLIENT NO-EVICT x | CLIENT PAUSE x | CLIENT PAUSE -1
        CLIENT PAUSE 0 FOO | CLIENT PAUSE 0 ALL x | CLIENT UNPAUSE | CLIENT UNBLOCK 99999 | CLIENT UNBLOCK x
        CLIENT UNBLOCK 1 FOO | CLIENT UNBLOCK 99999 ERROR | CLIENT TRACKINGINFO | CLIENT GETREDIR
        CLIENT TRACKING OFF | CLIENT TRACKING FOO | CLIENT CACHING YES
    """,
    "hello": r"""
        HELLO 5 | HELLO x | HELLO 2 FOO | HELLO 2 AUTH a | HELLO 2 SETNAME | HELLO 2 SETNAME 'a b'
        HELLO 2 AUTH foo bar | HELLO 2 AUTH default | RESET | HELLO 1
    """,
    "auth": r"""
        AUTH x | AUTH default x | AUTH foo x | AUTH a b c | ACL WHOAMI | ACL USERS | ACL LIST | ACL CAT foo
    """,
    "server": r"""
        DBSIZE | MSET a 1 b 2 | DBSIZE | FLUSHALL FOO | FLUSHALL SYNC ASYNC | FLUSHDB ASYNC | DBSIZE | SET a 1
        FLUSHALL | GET a | CONFIG GET maxmemory | CONFIG GET nosuchthing | CONFIG SET nosuchthing 1
        CONFIG SET maxmemory 0 maxmemory 0 | CONFIG REWRITE | CONFIG RESETSTAT | SLOWLOG GET -2 | SLOWLOG GET x
        SLOWLOG RESET | SLOWLOG LEN | SLOWLOG GET | SLOWLOG GET -1 | MEMORY USAGE x | MEMORY USAGE a SAMPLES
        MEMORY USAGE a SAMPLES x | MEMORY USAGE a SAMPLES -1 | MEMORY USAGE a FOO 1 | WAIT 0 10 | WAIT x 10
        LATENCY GRAPH foo | ACL DRYRUN foo get a | ACL DRYRUN default foo | ACL DRYRUN default get | MODULE LIST
        MODULE | WAIT 0 x | WAIT 0 -1 | LATENCY LATEST | LATENCY HISTORY foo | LATENCY RESET | SHUTDOWN FOO
        SHUTDOWN ABORT | SHUTDOWN SAVE NOSAVE | BGSAVE FOO | DEBUG FOO | DEBUG SLEEP 0 | ACL GENPASS x
        ACL GENPASS 0
    """,
    "cluster": r"""
        CLUSTER INFO | READONLY | READWRITE | ASKING
    """,
    "help": r"""
        CONFIG HELP | SLOWLOG HELP | MEMORY HELP | COMMAND HELP
    """,
    "keys of commands": r"""
        COMMAND GETKEYS GET a | COMMAND GETKEYS MSET a 1 b 2 | COMMAND GETKEYS PING x | COMMAND GETKEYS FOO a
        COMMAND GETKEYS GET a b | COMMAND GETKEYS SORT a STORE b
        COMMAND GETKEYS SORT a BY x GET y LIMIT 0 1 STORE d | COMMAND GETKEYS OBJECT IDLETIME k
        COMMAND GETKEYS COPY a b | COMMAND GETKEYS DEL a b c | COMMAND GETKEYS SORT_RO a | COMMAND INFO nosuch
        COMMAND DOCS nosuch | COMMAND LIST FOO | COMMAND LIST FILTERBY FOO x | COMMAND LIST FILTERBY MODULE x
        COMMAND LIST FILTERBY PATTERN nosuch* | COMMAND LIST FILTERBY PATTERN EXPIRE
    """,
    "wrong type": r"""
        SADD s x | GET s | INCR s | HGET s f | SET a 1 | SADD a x | HSET a f v | SMEMBERS a | APPEND s x
    """,
}
"""Commands in turn, by `|` or a new line between them; `\\n` stands for a line break."""


def commands_of(session: str) -> list[str]:
    found = [part.strip() for line in session.splitlines() for part in line.split(" | ")]
    return [command.replace("\\n", "\n") for command in found if command]


@pytest.mark.parametrize("name", SESSIONS)
def test_the_session_reads_as_in_redis(name: str, instance: Instance, real_redis: RealRedis) -> None:
    for command in commands_of(SESSIONS[name]):
        assert (command, instance.wire(command)) == (command, real_redis.wire(command))


@pytest.mark.parametrize(
    "args", [["foo", "a" * 200, "b"], ["FOO", *["x" * 50] * 5], ["x" * 300], ["CONFIG", "y" * 300]]
)
def test_long_names_and_arguments_are_quoted_in_part(
    args: list[str], instance: Instance, real_redis: RealRedis
) -> None:
    assert instance.wire(*args) == real_redis.wire(*args)


KEYS = ("a", "b", "c")
COMMANDS = """
    SET k v|SET k 5|DEL k|DEL k k|UNLINK k k|EXISTS k k|TYPE k|RENAME k k|RENAMENX k k|COPY k k|COPY k k REPLACE
    TOUCH k k|PERSIST k|EXPIREAT k 4102444800|EXPIREAT k 4102444801 o|PEXPIREAT k 4102444800500 o
    PEXPIREAT k 4102444801500 o|EXPIRETIME k|PEXPIRETIME k|EXPIREAT k 5|SADD k 1 2|SADD k 3
    SREM k 1 2 3|SCARD k|HSET k f 1|HSET k g 2|HDEL k f g
    HINCRBY k f 2|INCR k|APPEND k x|GET k|HGET k f|SORT k|SORT k DESC|SORT k BY nosort STORE k|SORT k STORE k|DBSIZE
    SISMEMBER k 2|SMOVE k k 2|SET k 7 KEEPTTL|SET k 1 NX GET|GETDEL k|GETEX k PERSIST|MULTI|EXEC|DISCARD|WATCH k|UNWATCH
    SETRANGE k 2 x|STRLEN k|HLEN k|HEXISTS k g|INCRBYFLOAT k 0.5
    SET k abc EXAT 4102444900|INCRBYFLOAT k 1e2|HSETNX k f 3|FLUSHALL|RANDOMKEY x
"""


@pytest.mark.parametrize("seed", range(12))
def test_a_random_session_reads_as_in_redis(seed: int, instance: Instance, real_redis: RealRedis) -> None:
    choose = random.Random(seed)
    templates = [part.strip() for line in COMMANDS.splitlines() for part in line.split("|") if part.strip()]
    real_redis.wire("RESET")
    # Deadlines lie far away from the time of both.
    for step in range(400):
        words = choose.choice(templates).split()
        command = [
            choose.choice(KEYS) if word == "k" else choose.choice(("NX", "XX", "GT", "LT")) if word == "o" else word
            for word in words
        ]
        ours, theirs = instance.wire(*command), real_redis.wire(*command)
        assert (step, command, ours) == (step, command, theirs)
    real_redis.wire("RESET")


def test_keys_finds_what_redis_finds(instance: Instance, real_redis: RealRedis) -> None:
    names = ["a", "ab", "abc", "a*c", "a?c", "[a]", "a]c", "a-c", "a^c", "", "hello", "hallo", "hxllo", "a\\c", "\n"]
    for name in names:
        instance.run("SET", name, "1")
        real_redis.wire("SET", name, "1")
    patterns = r"* ? a* *c *b* a?c a\*c a\?c h[ae]llo h[^e]llo h[a-b]llo h[b-a]llo [[]a] a[]]c a[\]]c [a [ a[ a\ \ **"
    patterns += r" *?* a**c [] [^] [^]llo h[^]llo h[a-]llo h[-a]llo a[--9]c *[a- a[^-]c ?*? h*l*o \a* [\a] *a*b*c*"
    for pattern in ["", *patterns.split(" ")]:
        ours, theirs = instance.wire("KEYS", pattern), real_redis.wire("KEYS", pattern)
        assert (pattern, items_of(ours)) == (pattern, items_of(theirs))


def test_resp3_replies_are_those_of_redis(instance: Instance, real_redis: RealRedis) -> None:
    real_redis.wire("HELLO 3")
    try:
        for command in ["HSET h f v", "HGETALL h", "SADD s x", "SMEMBERS s", "GET nokey", "CONFIG GET maxmemory"]:
            assert (command, instance.wire(*command.split(), protocol=3)) == (command, real_redis.wire(command))
    finally:
        real_redis.wire("RESET")
