"""INFO: the sections, with Redis's field names, and a section of the active-active database's own, CRDT.

The documentation names the fields of CRDT and not how the lists (peers, backlogs, replicas) are written: here as Redis
writes its list of replicas, `name:field=value,...`.

Source: redis 7.0, `src/server.c` (`genRedisInfoString`); Redis docs, develop-for-aa.md, INFO.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mergelaw.commands.blocking import waiting
from mergelaw.commands.connection import REDIS_VERSION
from mergelaw.commands.reply import Reply, Verbatim
from mergelaw.commands.table import Call, command
from mergelaw.semantics.context import CausalContext

Facts = dict[str, str | int | float]

_TITLES = {"cpu": "CPU", "crdt": "CRDT"}


def _server(c: Call) -> Facts:
    now_us = c.server.now_us()
    return {"redis_version": REDIS_VERSION, "redis_mode": "standalone", "server_time_usec": now_us, "arch_bits": 64}


def _clients(c: Call) -> Facts:
    connected = sum(1 for _ in c.server.clients())
    return {"connected_clients": connected, "blocked_clients": waiting(c.db), "tracking_clients": 0}


def _memory(c: Call) -> Facts:
    used = c.server.memory_used()
    return {"used_memory": used, "used_memory_human": human(used)}


def _persistence(c: Call) -> Facts:
    return {"loading": 0, "async_loading": 0, "rdb_last_save_time": c.server.last_save_s()}


def _stats(c: Call) -> Facts:
    statistics = c.server.statistics
    return {
        "total_commands_processed": statistics.processed,
        "expired_keys": statistics.expired_keys,
        "evicted_keys": 0,
        "keyspace_hits": statistics.keyspace_hits,
        "keyspace_misses": statistics.keyspace_misses,
        "pubsub_channels": 0,
        "pubsub_patterns": 0,
        "total_error_replies": sum(statistics.errors.values()),
    }


def _replication(c: Call) -> Facts:
    # To clients an instance is a master: it takes writes. Its peers are in the section CRDT.
    return {"role": "master", "connected_slaves": 0, "master_repl_offset": own_clock(c)}


def _command_statistics(c: Call) -> Facts:
    shown: Facts = {}
    for name, counts in sorted(c.server.statistics.commands.items()):
        each = counts.usec / counts.calls if counts.calls else 0.0
        shown[f"cmdstat_{name}"] = (
            f"calls={counts.calls},usec={counts.usec},usec_per_call={each:.2f},"
            f"rejected_calls={counts.rejected},failed_calls={counts.failed}"
        )
    return shown


def _error_statistics(c: Call) -> Facts:
    return {f"errorstat_{code}": f"count={n}" for code, n in sorted(c.server.statistics.errors.items())}


def _latency_statistics(c: Call) -> Facts:
    shown: Facts = {}
    for name, counts in sorted(c.server.statistics.commands.items()):
        if counts.calls:
            quantiles = ((50, 0.5), (99, 0.99), (99.9, 0.999))
            said = ",".join(f"p{percent}={_quantile(counts.histogram, part):.3f}" for percent, part in quantiles)
            shown[f"latency_percentiles_usec_{name}"] = said
    return shown


def _quantile(histogram: dict[int, int], part: float) -> float:
    """The upper end of the bucket that holds this part of the calls."""
    wanted = part * sum(histogram.values())
    passed = 0
    for bucket, calls in sorted(histogram.items()):
        passed += calls
        if passed >= wanted:
            return float(2**bucket)
    return 0.0


def _cluster(c: Call) -> Facts:
    return {"cluster_enabled": 0}


def _keyspace(c: Call) -> Facts:
    held = c.server.info("keyspace")
    if not c.db.size:
        return {}
    # Of the keys and fields that are to be looked at; one whose time was taken away counts until then.
    expires = held.get("expires", len(c.db.schedule))
    return {"db0": f"keys={c.db.size},expires={expires},avg_ttl={held.get('avg_ttl', 0)}"}


def own_clock(c: Call) -> int:
    """The number of the latest dot that this instance has given."""
    return c.db.last


def vector(context: CausalContext) -> str:
    """A context as text: `1:1-17;2:1-5`."""
    return ";".join(f"{replica}:{first}-{last}" for replica, first, last in context.runs)


def _crdt(c: Call) -> Facts:
    """What the commands know of CRDT; the server adds the rest, or has it otherwise."""
    peers = c.server.peers()
    shown: Facts = {
        "crdt_config_version": 0,
        "crdt_slots": "0-16383",
        "crdt_replid": c.db.replica,
        "crdt_clock": own_clock(c),
        "crdt_ovc": vector(c.db.seen),
        "crdt_received": vector(c.db.received),
        "crdt_peers": len(peers),
    }
    for peer in peers:
        said = f"id={peer.id},host={peer.host},port={peer.port},state={peer.state},lag_ops={peer.lag_ops}"
        shown[f"crdt_peer{peer.id}"] = f"{said},lag_ms={peer.lag_ms}"
    for name in (
        "crdt_sync_full",
        "crdt_sync_partial_ok",
        "crdt_sync_partial-err",
        "crdt_merge_reqs",
        "crdt_effect_reqs",
        "crdt_ovc_filtered_effect_reqs",
        "crdt_gc_pending",
        "crdt_gc_attempted",
        "crdt_gc_collected",
        "crdt_gc_gvc_min",
        "crdt_stale_released_with_merge",
    ):
        shown[name] = 0
    known = c.server.info("crdt")
    for peer in peers:
        shown[f"crdt_replica_{peer.id}"] = (
            f"config_version={peer.config_version},shards=1,slots=16384,slot_coverage={int(peer.state == 'connected')},"
            f"max_ops_lag={peer.lag_ops},min_ops_lag={peer.lag_ops}"
        )
    return {**shown, **known}


_SECTIONS: dict[str, Callable[[Call], Facts]] = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "cpu": lambda c: {},
    "modules": lambda c: {},
    "commandstats": _command_statistics,
    "errorstats": _error_statistics,
    "latencystats": _latency_statistics,
    "cluster": _cluster,
    "keyspace": _keyspace,
    "crdt": _crdt,
}
_ON_DEMAND = ("commandstats", "latencystats")
"""Not among those shown by default."""
_ALREADY_MERGED = ("crdt", "keyspace")


def facts(c: Call, section: str) -> Facts:
    """The fields of a section, from the commands and from the instance; where both know one, the instance's counts."""
    found = _SECTIONS[section](c)
    return found if section in _ALREADY_MERGED else {**found, **c.server.info(section)}


def _wanted(words: Iterable[bytes]) -> list[str]:
    asked = [word.decode("latin-1").lower() for word in words]
    chosen: set[str] = set()
    for word in asked or ["default"]:
        match word:
            case "default":
                chosen.update(name for name in _SECTIONS if name not in _ON_DEMAND)
            case "all":
                chosen.update(name for name in _SECTIONS if name != "modules")
            case "everything":
                chosen.update(_SECTIONS)
            case _:
                chosen.add(word)
    return [name for name in _SECTIONS if name in chosen]


@command(
    b"INFO",
    arity=-1,
    flags="loading stale",
    group="server",
    summary="Get information and statistics about the server",
)
def info(c: Call) -> Reply:
    """The sections asked for; without any, all but the long statistics. A section that there is not shows nothing."""
    texts = []
    for section in _wanted(c.args[1:]):
        lines = [f"# {_TITLES.get(section, section.capitalize())}"]
        lines += [f"{name}:{value}" for name, value in facts(c, section).items()]
        texts.append("\r\n".join(lines) + "\r\n")
    return Verbatim("\r\n".join(texts).encode("latin-1", "replace"))


def human(count: int) -> str:
    """Bytes in the largest unit that fits, as Redis writes them: `1.13M`.

    Source: redis 7.0, `src/util.c`, `bytesToHuman`.
    """
    if count < 1024:
        return f"{count}B"
    for unit, size in (("K", 1024), ("M", 1024**2), ("G", 1024**3), ("T", 1024**4)):
        if count < size * 1024:
            return f"{count / size:.2f}{unit}"
    return f"{count / 1024**5:.2f}P"
