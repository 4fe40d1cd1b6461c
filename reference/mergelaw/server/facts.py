"""What the instance knows for INFO, under Redis's names; and for its section CRDT."""

from __future__ import annotations

import os
import platform
import resource
import sys
from typing import TYPE_CHECKING

from mergelaw.commands.information import human, vector
from mergelaw.replica.collect import pending

if TYPE_CHECKING:
    from mergelaw.server.instance import Instance

Facts = dict[str, str | int | float]


def facts(instance: Instance, section: str) -> Facts:
    """The fields of a section (small letters), in order; {} for one of which only the commands know."""
    made = _SECTIONS.get(section)
    return made(instance) if made is not None else {}


def _server(i: Instance) -> Facts:
    uptime = (i.clock.now_us() - i.started_us) // 1_000_000
    return {
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "multiplexing_api": "uvloop",
        "process_id": os.getpid(),
        "run_id": i.run_id,
        "tcp_port": i.settings.port,
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86400,
        "hz": i.settings.hz,
        "configured_hz": i.settings.hz,
        "executable": sys.executable,
        "config_file": str(i.config_file or ""),
        "start_time_ms": i.started_us // 1000,
        "python_version": platform.python_version(),
    }


def _clients(i: Instance) -> Facts:
    return {
        "maxclients": i.settings.maxclients,
        "blocked_clients": sum(not c.idle for c in i.connected.connections.values()),
        "client_recent_max_input_buffer": max((c.query_bytes for c in i.connected.connections.values()), default=0),
    }


def _memory(i: Instance) -> Facts:
    used = i.memory.look()
    return {
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_rss": used,
        "used_memory_rss_human": human(used),
        "used_memory_peak": i.memory.peak,
        "used_memory_peak_human": human(i.memory.peak),
        "maxmemory": i.settings.maxmemory,
        "maxmemory_human": human(i.settings.maxmemory),
        "maxmemory_policy": i.settings.maxmemory_policy,
        "mem_allocator": "libc",
    }


def _persistence(i: Instance) -> Facts:
    store = i.store
    return {
        "rdb_changes_since_last_save": store.changes,
        "rdb_bgsave_in_progress": int(store.snapshot_under_way),
        "rdb_last_bgsave_status": "err" if store.snapshot_failure else "ok",
        "aof_enabled": 1,
        "aof_rewrite_in_progress": int(store.snapshot_under_way),
        "aof_last_write_status": "err" if store.failure else "ok",
        "aof_current_size": store.log_bytes,
        "aof_pending_effects": store.appended - i.durable,
        "appendfsync": i.settings.appendfsync,
    }


def _stats(i: Instance) -> Facts:
    return {
        "total_connections_received": i.connected.accepted,
        "instantaneous_ops_per_sec": i.operations_per_second,
        "total_net_input_bytes": i.bytes_in,
        "total_net_output_bytes": i.bytes_out,
        "rejected_connections": i.connected.rejected,
    }


def _replication(i: Instance) -> Facts:
    return {"master_replid": i.run_id}


def _cpu(i: Instance) -> Facts:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"used_cpu_sys": round(used.ru_stime, 6), "used_cpu_user": round(used.ru_utime, 6)}


def _crdt(i: Instance) -> Facts:
    mesh, stats = i.mesh, i.mesh.stats
    shown: Facts = {
        "crdt_config_version": mesh.configuration.version,
        "crdt_writable": int(i.writable),
        "crdt_sync": "paused" if mesh.paused else "enabled",
        "crdt_members": " ".join(map(str, sorted(mesh.configuration.members))),
        "crdt_removed": " ".join(map(str, sorted(mesh.configuration.removed))),
        "crdt_sync_full": stats.full_syncs_in,
        "crdt_sync_partial_ok": stats.partial_ok,
        "crdt_sync_partial-err": stats.partial_err,
        "crdt_merge_reqs": stats.chunks_in,
        "crdt_effect_reqs": stats.effects_in,
        "crdt_ovc_filtered_effect_reqs": stats.effects_filtered,
        "crdt_gc_pending": pending(i.db),
        "crdt_gc_attempted": i.collections_attempted,
        "crdt_gc_collected": i.collected,
        "crdt_gc_gvc_min": vector(mesh.cut),
        "crdt_waiting": i.db.waiting,
        "crdt_durable": vector(i.host.durable()),
    }
    for peer in mesh.peers():
        shown[f"crdt_backlog{peer.id}"] = (
            f"effects_in={peer.effects_in},effects_out={peer.effects_out},bytes_in={peer.bytes_in},"
            f"bytes_out={peer.bytes_out},lag_ops={peer.ops_lag},lag_ms={peer.lag_ms}"
        )
    return shown


_SECTIONS = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "cpu": _cpu,
    "crdt": _crdt,
}
