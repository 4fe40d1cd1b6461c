"""proofs/: what is written, when it is stale, and that nothing churns; and how results are kept between runs."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from mergelaw.language.span import Span
from mergelaw.laws import cache, ledger
from mergelaw.laws.ledger import LedgerError, TypeRecord
from mergelaw.laws.model import Counterexample, Kind, Obligation, Result, Shown, TimelineStep, Verdict
from mergelaw.laws.records import result_from_json, result_to_json
from mergelaw.laws.sources import Source

SPAN = Span("or_set.crdt", 5, 3, 5, 20)
LAW = Obligation("ORSet", Kind.COMMUTATIVE, None, None, SPAN)
STEP = Obligation("ORSet", Kind.INVARIANT, "dots_seen", "by delta of add", SPAN)
CLAIM = Obligation("ORSet", Kind.THEOREM, "add_wins", None, SPAN, bound=3)
COUNTEREXAMPLE = Counterexample(
    states=(Shown("s", '{ adds = {"x": {1.1}} }'),),
    results=(Shown("left", "true"), Shown("right", "false")),
    differs=('adds["x"]',),
    timeline=(TimelineStep(1, 'add("x") at 1.1', 'adds = {"x": {1.1}}'), TimelineStep(2, "merge from instance 1", "")),
    replicas=2,
    updates=1,
    because="an add was lost",
    span=SPAN,
    rule="add_wins: An add wins.",
)


def proved(o: Obligation, smt2: str | None = "(check-sat)\n", seconds: float = 0.001) -> Result:
    return Result(o, Verdict.PROVED, seconds, "z3 5.4.1", uses=("dots_seen",), smt2=smt2)


def record(*results: Result, name: str = "ORSet", texts: str = "t") -> TypeRecord:
    return TypeRecord(name, "or_set.crdt", texts, results)


def content(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "result",
    [
        proved(LAW, smt2=None),
        Result(CLAIM, Verdict.REFUTED, 0.5, "finder", counterexample=COUNTEREXAMPLE),
        Result(STEP, Verdict.UNKNOWN, 10.0, "z3 5.4.1", "no counterexample with up to 3 updates"),
    ],
)
def test_records_read_back_what_was_written(result: Result) -> None:
    text = json.dumps(result_to_json(result))
    assert repr(result_from_json(json.loads(text))) == repr(result)


def test_ledger_holds_a_file_for_each_proof_and_its_hash(tmp_path: Path) -> None:
    bounded = Result(CLAIM, Verdict.BOUNDED, 0.1, "finder", "3 updates")
    ledger.write(tmp_path, [record(proved(LAW, "(check-sat) ; law\n"), proved(STEP), bounded)], whole=True)
    assert set(content(tmp_path)) == {
        "ledger.json",
        "ORSet/commutative.smt2",
        "ORSet/invariant-dots_seen-by-delta-of-add.smt2",
    }
    entries = ledger.read(tmp_path)["ORSet"]["obligations"]
    assert list(entries) == [LAW.name, STEP.name, CLAIM.name]
    assert entries[LAW.name] == {
        "kind": "commutative",
        "verdict": "proved",
        "hash": sha256(b"(check-sat) ; law\n").hexdigest(),
        "solver": "z3 5.4.1",
        "seconds": 0.001,
        "uses": ["dots_seen"],
        "smt2": "commutative.smt2",
    }
    assert entries[CLAIM.name]["verdict"] == "bounded"
    assert "smt2" not in entries[CLAIM.name]


def test_ledger_does_not_churn(tmp_path: Path) -> None:
    ledger.write(tmp_path, [record(proved(LAW))], whole=True)
    before = content(tmp_path)
    again = replace(proved(LAW, seconds=7.0), engine="z3 9.9.9")
    assert ledger.write(tmp_path, [record(again)], whole=True) == []
    assert content(tmp_path) == before
    assert ledger.write(tmp_path, [record(replace(again, smt2="(check-sat) ; another\n"))], whole=True)
    entry = ledger.read(tmp_path)["ORSet"]["obligations"][LAW.name]
    assert (entry["seconds"], entry["solver"]) == (7.0, "z3 9.9.9")


@pytest.mark.parametrize(
    ("now", "complaint"),
    [
        (record(proved(LAW, "(check-sat) ; another\n")), "ORSet: commutative: another hash"),
        (record(proved(LAW), proved(STEP)), f"ORSet: {STEP.name}: not in ledger.json"),
        (record(), "ORSet: commutative: in ledger.json, but no longer an obligation"),
        (record(replace(proved(LAW), verdict=Verdict.UNKNOWN)), "ORSet: commutative: another verdict and hash"),
        (record(proved(LAW), name="GSet"), "GSet: not in ledger.json"),
        (record(proved(LAW), name="GSet"), "ORSet: no longer a type of the library"),
    ],
)
def test_ledger_is_stale_when_a_verdict_or_text_changed(tmp_path: Path, now: TypeRecord, complaint: str) -> None:
    ledger.write(tmp_path, [record(proved(LAW))], whole=True)
    assert ledger.stale(tmp_path, [record(proved(LAW))], whole=True) == []
    assert complaint in ledger.stale(tmp_path, [now], whole=True)


def test_ledger_is_stale_when_a_text_changed_and_no_file_shows_it(tmp_path: Path) -> None:
    bounded = Result(CLAIM, Verdict.BOUNDED, 0.1, "finder")
    ledger.write(tmp_path, [record(bounded, texts="old")], whole=True)
    assert ledger.stale(tmp_path, [record(bounded, texts="new")], whole=True) == [
        "ORSet: theorem add_wins: another hash"
    ]


def test_ledger_is_stale_when_its_files_are_not_what_was_proved(tmp_path: Path) -> None:
    ledger.write(tmp_path, [record(proved(LAW))], whole=True)
    file = tmp_path / "ORSet" / "commutative.smt2"
    file.write_text("(assert false)\n")
    (tmp_path / "ORSet" / "more.smt2").write_text("(assert false)\n")
    assert ledger.stale(tmp_path, [record(proved(LAW))], whole=True) == [
        "ORSet/more.smt2: proves nothing any more",
        "ORSet/commutative.smt2: another text",
    ]
    file.unlink()
    assert "ORSet/commutative.smt2: missing" in ledger.stale(tmp_path, [record(proved(LAW))], whole=True)
    ledger.write(tmp_path, [record(proved(LAW))], whole=True)
    assert ledger.stale(tmp_path, [record(proved(LAW))], whole=True) == []


def test_ledger_of_one_type_leaves_the_others(tmp_path: Path) -> None:
    ledger.write(tmp_path, [record(proved(LAW)), record(proved(LAW), name="GSet")], whole=True)
    ledger.write(tmp_path, [record(proved(LAW, "(check-sat) ; new\n"))], whole=False)
    assert set(ledger.read(tmp_path)) == {"ORSet", "GSet"}
    assert ledger.stale(tmp_path, [record(proved(LAW), name="GSet")], whole=False) == []
    ledger.write(tmp_path, [record(proved(LAW))], whole=True)
    assert set(content(tmp_path)) == {"ledger.json", "ORSet/commutative.smt2"}


def test_ledger_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text('{"types": 3}')
    with pytest.raises(LedgerError, match="--write-proofs"):
        ledger.read(tmp_path)


def test_cache_gives_back_what_is_settled() -> None:
    law, unknown = proved(LAW, smt2=None), Result(STEP, Verdict.UNKNOWN, 1.0, "z3")
    entry = cache.key("or_set.crdt", [source("or_set.crdt", "text of a test")])
    assert cache.load(entry) is None
    cache.store(entry, {"ORSet": [law], "Other": [law, unknown]})
    assert cache.load(entry) == {"ORSet": [law]}
    cache.store(entry, {"Other": [law]})
    assert set(cache.load(entry) or {}) == {"ORSet", "Other"}


def source(name: str, text: str) -> Source:
    return Source(name, Path(name), text)


def test_cache_key_depends_on_every_text_and_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = source("a.crdt", "one"), source("b.crdt", "two")
    keys = {
        cache.key("a.crdt", [one, two]),
        cache.key("a.crdt", [one, source("b.crdt", "three")]),
        cache.key("a.crdt", [one]),
        cache.key("a.crdt", [source("a.crdt", "oneb.crdt"), two]),
        cache.key("other.crdt", [one, two]),
    }
    assert len(keys) == 5
    assert cache.key("a.crdt", [two, one]) in keys
    monkeypatch.setattr(cache, "tool_digest", lambda: "another tool")
    assert cache.key("a.crdt", [one, two]) not in keys


def test_cache_that_is_damaged_counts_as_none() -> None:
    entry = cache.key("damaged.crdt", [])
    cache.store(entry, {"ORSet": [proved(LAW)]})
    path = cache.folder() / f"{entry}.json"
    path.write_text(path.read_text()[:-20])
    assert cache.load(entry) is None
    path.write_text('{"ORSet": [{"type": "ORSet"}]}')
    assert cache.load(entry) is None


def test_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MERGELAW_CACHE", str(tmp_path / "file" / "folder"))
    cache.store("entry", {"ORSet": [proved(LAW)]})
    assert cache.load("entry") is None


def test_ledger_names_files_so_that_every_system_takes_them() -> None:
    assert ledger.file_name("home parts[].value.own by merge") == "home-parts~~.value.own-by-merge.smt2"
