"""What lists come to when instances write at the same time.

Source: Redis docs, Active-Active lists; redis_rules.md, 27-30; list.crdt, key.crdt.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.commands.harness import Instance, Mesh
from tests.reference.commands.tables import converge, play


def texts(mesh: Mesh, key: str = "k") -> str:
    """The list that all instances show, once everything has come everywhere. Raises: AssertionError, if they differ."""
    converge(mesh)
    first, *others = mesh.everywhere("LRANGE", key, 0, -1)
    assert all(other == first for other in others)
    return b" ".join(first).decode()


# Tables of the documentation ------------------------------------------------------------------------------------------

ROLES = list(permutations((1, 2, 3), 2))
"""Which of three instances has the part of the first, and of the second."""


def three(roles: tuple[int, int], script: str) -> Mesh:
    """Plays lines `A: command => reply`; A and B are `roles`, `sync` brings everything everywhere. Replies are lists of
    words in their order.
    """
    mesh = Mesh(3)
    for line in filter(None, (part.strip() for part in script.splitlines())):
        mesh.wait(1)
        if line == "sync":
            mesh.sync()
            continue
        who, _, said = line.partition(": ")
        command, arrow, expected = (part.strip() for part in said.partition("=>"))
        for number in roles if who == "AB" else (roles["AB".index(who)],):
            reply = mesh[number].run(command)
            found = reply if isinstance(reply, list) else [reply]
            if arrow:
                assert [b"%d" % r if isinstance(r, int) else r for r in found] == expected.encode().split(), line
    return mesh


@pytest.mark.parametrize("roles", ROLES)
def test_a_push_that_has_seen_another_comes_before_it(roles: tuple[int, int]) -> None:
    mesh = three(
        roles,
        """
        A: LPUSH k hello => 1
        sync
        B: LPUSH k world => 2
        sync
        AB: LRANGE k 0 -1 => world hello
        """,
    )
    assert texts(mesh) == "world hello"


@pytest.mark.parametrize("roles", ROLES)
def test_concurrent_inserts_at_one_place(roles: tuple[int, int]) -> None:
    """Either may come first, as long as it does everywhere. Here the one whose instance has made the neighbour does."""
    mesh = three(
        roles,
        """
        A: LPUSH k x => 1
        sync
        A: LINSERT k AFTER x y1 => 2
        B: LINSERT k AFTER x y2 => 2
        A: LRANGE k 0 -1 => x y1
        B: LRANGE k 0 -1 => x y2
        sync
        """,
    )
    assert texts(mesh) == "x y1 y2"


@pytest.mark.parametrize("roles", ROLES)
def test_a_delete_takes_what_it_has_seen(roles: tuple[int, int]) -> None:
    mesh = three(
        roles,
        """
        A: LPUSH k x => 1
        sync
        AB: LRANGE k 0 -1 => x
        A: LPUSH k y => 2
        B: DEL k => 1
        sync
        AB: LRANGE k 0 -1 => y
        """,
    )
    assert texts(mesh) == "y"


@pytest.mark.parametrize("roles", ROLES)
def test_pops_one_after_the_other_and_at_the_same_time(roles: tuple[int, int]) -> None:
    mesh = three(
        roles,
        """
        A: LPUSH k x y z => 3
        sync
        B: RPOP k => x
        sync
        A: RPOP k => y
        sync
        AB: RPOP k => z
        sync
        AB: EXISTS k => 0
        """,
    )
    assert all(not instance.db.keys for instance in mesh.instances)


# Rules ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["LPUSH", "RPUSH"])
def test_pushes_of_two_instances_do_not_interleave(word: str) -> None:
    mesh = Mesh(3)
    for n in range(3):
        for number in (1, 2, 3):
            mesh[number].run(word, "k", f"{number}{n}", f"{number}{n}'")
    found = texts(mesh).split()
    assert [text[0] for text in found] == [n for n in "123" for _ in range(6)]
    for name in "123":
        own = [text for text in found if text[0] == name]
        pushed = [f"{name}{n}{tick}" for n in range(3) for tick in ("", "'")]
        assert own == (pushed if word == "RPUSH" else pushed[::-1])


def test_runs_inserted_before_one_element_do_not_interleave() -> None:
    mesh = Mesh(2)
    mesh[1].run("RPUSH k a z")
    mesh.sync()
    for n in range(4):
        mesh[1].run("LINSERT", "k", "BEFORE", "z", f"1{n}")
        mesh[2].run("LINSERT", "k", "BEFORE", "z", f"2{n}")
    assert texts(mesh) in (
        "a 10 11 12 13 20 21 22 23 z",
        "a 20 21 22 23 10 11 12 13 z",
    )


def test_of_concurrent_sets_of_an_element_the_later_wins() -> None:
    mesh = Mesh(2)
    mesh[1].run("RPUSH k a b c")
    mesh.sync()
    mesh.wait(1)
    mesh[1].run("LSET k 1 mine")
    mesh.wait(1)
    mesh[2].run("LSET k -2 yours")
    assert texts(mesh) == "a yours c"
    mesh[1].run("LSET k 1 again")
    assert texts(mesh) == "a again c"


def test_of_sets_at_one_time_the_smaller_instance_wins() -> None:
    mesh = Mesh(2)
    mesh[1].run("RPUSH k a")
    mesh.sync()
    mesh[2].run("LSET k 0 yours")
    mesh[1].run("LSET k 0 mine")
    assert texts(mesh) == "mine"


@pytest.mark.parametrize("removal", ["LPOP k", "LREM k 0 a", "LTRIM k 1 -1", "DEL k", "LMPOP 1 k LEFT", "RENAME k l"])
def test_a_set_keeps_the_element_beside_a_removal(removal: str) -> None:
    mesh = Mesh(2)
    mesh[1].run("RPUSH k a b")
    mesh.sync()
    mesh[1].run("LSET k 0 new")
    mesh[2].run(removal)
    mesh.sync()
    assert mesh.everywhere("LPOS k new") == [0, 0]
    assert mesh.everywhere("LPOS k a") == [None, None]
    converge(mesh)


def test_a_trim_spares_what_it_has_not_seen() -> None:
    mesh = Mesh(2)
    mesh[1].run("RPUSH k 0 1 2 3 4")
    mesh.sync()
    mesh[1].run("LTRIM k 1 2")
    mesh[2].run("RPUSH k 5")
    assert texts(mesh) == "1 2 5"


def test_an_insert_beside_a_removed_element_keeps_its_place() -> None:
    mesh = Mesh(2)
    mesh[1].run("RPUSH k a b c")
    mesh.sync()
    mesh[1].run("LREM k 0 b")
    mesh[2].run("LINSERT k BEFORE b x")
    mesh[2].run("LINSERT k AFTER b y")
    assert texts(mesh) == "a x y c"


def test_a_move_is_one_effect() -> None:
    one, two = Instance(1), Instance(2)
    one.run("RPUSH k a b")
    for line in ("LMOVE k l LEFT RIGHT", "RPOPLPUSH k l", "LMOVE l l LEFT RIGHT"):
        one.run(line)
    assert [sorted(part.key for part in effect.parts) for effect in one.server.published] == [
        [b"k"],
        [b"k", b"l"],
        [b"k", b"l"],
        [b"l"],
    ]
    for effect in one.server.published:
        two.db.receive(effect, two.now_ms)
        assert two.run("LLEN k") + two.run("LLEN l") == 2
    assert two.run("LRANGE l 0 -1") == one.run("LRANGE l 0 -1") == [b"a", b"b"]


def test_a_move_that_changes_nothing_says_nothing() -> None:
    one = Instance()
    one.run("RPUSH k a b")
    one.run("RPUSH l a")
    assert one.run("LMOVE k k LEFT LEFT") == b"a"
    assert one.run("RPOPLPUSH l l") == b"a"
    assert len(one.server.published) == 2


def test_two_moves_of_one_element_leave_it_in_both_targets() -> None:
    play("""
        | t1 | RPUSH k a               |                           |
        | t2 | sync                    | sync                      |
        | t3 | LMOVE k l LEFT LEFT => a | LMOVE k m LEFT LEFT => a |
        | t4 | sync                    | sync                      |
        | t5 | EXISTS k => 0           | LLEN l => 1               |
        | t6 | LPOS m a => 0           | LPOS l a => 0             |
    """)


def test_the_last_pop_is_a_delete() -> None:
    play("""
        | t1 | RPUSH k a; EXPIRE k 100 |                   |
        | t2 | sync                    | sync              |
        | t3 | LPOP k => a             | RPUSH k b         |
        | t4 | sync                    | sync              |
        | t5 | LPOP k => b             | LLEN k => 1       |
        | t6 | sync                    | sync              |
        | t7 | RPUSH k c; TTL k => -1  | EXISTS k => 0     |
    """)


def test_a_write_to_an_expired_list_begins_anew() -> None:
    play("""
        | t1 | RPUSH k a; EXPIRE k 1   |                   |
        | t2 | sync                    | sync              |
        | t3 |                         | wait 5000         |
        | t4 |                         | LPUSH k b => 1    |
        | t5 | sync                    | sync              |
        | t6 | LINDEX k 0 => b         | LLEN k => 1       |
        | t7 | TTL k => -1             | TTL k => -1       |
    """)


def test_different_types_created_at_the_same_time() -> None:
    """The set is visible; the next write to it ends the contest, and the list does not come back."""
    play("""
        | t1 | RPUSH k a         | SADD k b          |
        | t2 | sync              | sync              |
        | t3 | LPUSH k c => (error) WRONGTYPE Operation against a key holding the wrong kind of value | TYPE k => set |
        | t4 | SREM k b => 1     |                   |
        | t5 | sync              | sync              |
        | t6 | EXISTS k => 0     | LPUSH k d => 1    |
    """)


def test_a_renamed_list_is_a_copy_and_a_concurrent_push_stays() -> None:
    play("""
        | t1 | RPUSH k a b       |                   |
        | t2 | sync              | sync              |
        | t3 | RENAME k l        | RPUSH k c         |
        | t4 | sync              | sync              |
        | t5 | LINDEX k 0 => c   | LINDEX l 1 => b   |
        | t6 | LLEN k => 1       | LLEN l => 2       |
    """)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["LPUSH", "RPUSH", "LPOP", "RPOP", "sync"])), max_size=40
    )
)
def test_every_element_is_popped_at_least_once(steps: list[tuple[int, str]]) -> None:
    mesh = Mesh(3)
    pushed: set[bytes] = set()
    popped: list[bytes | None] = []
    for n, (who, word) in enumerate(steps):
        if word == "sync":
            mesh.sync()
        elif word.endswith("PUSH"):
            mesh[who].run(word, "k", n)
            pushed.add(b"%d" % n)
        else:
            popped.append(mesh[who].run(word, "k"))
    left = texts(mesh).encode().split()
    assert set(popped) - {None} | set(left) == pushed
    assert not set(popped) & set(left)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(2, 3), st.sampled_from(["LPUSH", "RPUSH", "pop", "sync"])), max_size=40),
)
def test_where_one_instance_pops_no_element_comes_twice(steps: list[tuple[int, str]]) -> None:
    mesh = Mesh(3)
    pushed: list[bytes] = []
    popped: list[bytes] = []
    for n, (who, word) in enumerate(steps):
        if word == "sync":
            mesh.sync()
        elif word == "pop":
            popped += mesh[1].run("LPOP k 1") if mesh[1].run("EXISTS k") else []
        else:
            mesh[who].run(word, "k", n)
            pushed.append(b"%d" % n)
    assert sorted([*popped, *texts(mesh).encode().split()]) == sorted(pushed)
