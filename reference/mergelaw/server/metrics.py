"""Metrics for Prometheus, over HTTP on a port of their own.

Source: Prometheus docs, "Exposition formats".
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from mergelaw.replica.collect import pending
from mergelaw.server import log

if TYPE_CHECKING:
    from mergelaw.server.instance import Instance

_HEAD_MAX_BYTES = 16 * 1024
_TIMEOUT_S = 10.0


class InstanceCollector(Collector):
    """Reads an instance when Prometheus asks."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from self._clients()
        yield from self._commands()
        yield from self._replication()
        yield from self._peers()
        yield from self._storage()

    def _clients(self) -> Iterator[Metric]:
        i = self._instance
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield _gauge("connected_clients", "Connected clients.", len(i.connected.connections))
        yield _counter("connections", "Connections that clients have made.", i.connected.accepted)
        yield _counter("rejected_connections", "Connections that were refused.", i.connected.rejected)
        yield _counter("net_input_bytes", "Bytes from clients.", i.bytes_in)
        yield _counter("net_output_bytes", "Bytes to clients.", i.bytes_out)
        yield _gauge("memory_used_bytes", "Resident memory.", i.memory.look())
        yield _gauge("memory_max_bytes", "maxmemory; 0: no limit.", i.settings.maxmemory)
        yield _counter("cpu_seconds", "Processor time.", used.ru_utime + used.ru_stime)
        yield _gauge("start_time_seconds", "When the process has started.", i.started_us / 1e6)

    def _commands(self) -> Iterator[Metric]:
        i = self._instance
        calls = CounterMetricFamily("mergelaw_commands", "Commands run.", labels=["command"])
        seconds = CounterMetricFamily("mergelaw_command_seconds", "Time spent in them.", labels=["command"])
        failed = CounterMetricFamily("mergelaw_commands_failed", "Commands that gave an error.", labels=["command"])
        for name, counts in sorted(i.statistics.commands.items()):
            calls.add_metric([name], counts.calls)
            seconds.add_metric([name], counts.usec / 1e6)
            failed.add_metric([name], counts.failed + counts.rejected)
        errors = CounterMetricFamily("mergelaw_errors", "Error replies by their code.", labels=["code"])
        for code, count in sorted(i.statistics.errors.items()):
            errors.add_metric([code], count)
        yield from (calls, seconds, failed, errors)
        yield _gauge("keys", "Keys.", i.db.size)
        yield _counter(
            "expired_keys", "Keys that this instance deleted as their time had come.", i.statistics.expired_keys
        )
        yield _counter("keyspace_hits", "Reads that found their key.", i.statistics.keyspace_hits)
        yield _counter("keyspace_misses", "Reads that did not.", i.statistics.keyspace_misses)

    def _replication(self) -> Iterator[Metric]:
        i, stats = self._instance, self._instance.mesh.stats
        yield _gauge("writable", "Whether clients may write.", int(i.writable))
        yield _gauge("config_version", "Version of the members' configuration.", i.mesh.configuration.version)
        yield _counter("effects_published", "Effects of this instance's own writes.", i.effects_out)
        yield _counter("effects_received", "Effects that came from peers.", stats.effects_in)
        yield _counter("effects_applied", "Effects of other instances that were applied.", i.effects_in)
        yield _counter("effects_sent", "Effects sent, one for each peer.", stats.effects_out)
        yield _counter("effects_filtered", "Effects that came though they were here.", stats.effects_filtered)
        yield _gauge("effects_waiting", "Effects that wait for others to come first.", i.db.waiting)
        yield _counter("full_syncs_in", "Snapshots taken over from peers.", stats.full_syncs_in)
        yield _counter("full_syncs_out", "Snapshots sent to peers.", stats.full_syncs_out)
        yield _counter("partial_syncs", "Syncs that a peer's backlog sufficed for.", stats.partial_ok)
        yield _counter("partial_syncs_failed", "Syncs that it did not suffice for.", stats.partial_err)
        yield _gauge("collection_pending", "Keys that may hold what can be collected.", pending(i.db))
        yield _counter("collected_keys", "Keys at which something was collected.", i.collected)
        conflicts = CounterMetricFamily(
            "mergelaw_conflicts", "Concurrent writes that met here, by the rule that decided.", labels=["rule"]
        )
        for rule, count in sorted(i.conflicts.counts.items()):
            conflicts.add_metric([rule], count)
        refusals = CounterMetricFamily("mergelaw_links_refused", "Links refused or closed here.", labels=["reason"])
        for reason, count in sorted(stats.refusals.items()):
            refusals.add_metric([str(reason)], count)
        yield from (conflicts, refusals)

    def _peers(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(f"mergelaw_peer_{name}", about, labels=["peer"])
            for name, about in (
                ("connected", "Whether the link to the peer lives."),
                ("lag_operations", "Own updates that the peer has not confirmed."),
                ("lag_seconds", "Age of the oldest of them."),
                ("ingress_lag_seconds", "Age at which the peer's last effect arrived, by both wall clocks."),
            )
        }
        counters = {
            name: CounterMetricFamily(f"mergelaw_peer_{name}", about, labels=["peer"])
            for name, about in (
                ("effects_in", "Effects from the peer."),
                ("effects_out", "Effects to the peer."),
                ("bytes_in", "Bytes from the peer, on the wire."),
                ("bytes_out", "Bytes to the peer, on the wire."),
            )
        }
        for peer in self._instance.mesh.peers():
            label = [str(peer.id)]
            gauges["connected"].add_metric(label, int(peer.state in ("live", "syncing")))
            gauges["lag_operations"].add_metric(label, peer.ops_lag)
            gauges["lag_seconds"].add_metric(label, peer.lag_ms / 1000)
            gauges["ingress_lag_seconds"].add_metric(label, peer.ingress_lag_ms / 1000)
            for name, family in counters.items():
                family.add_metric(label, getattr(peer, name))
        yield from gauges.values()
        yield from counters.values()

    def _storage(self) -> Iterator[Metric]:
        i = self._instance
        yield _gauge("log_bytes", "Effects in the log since the last snapshot.", i.store.log_bytes)
        yield _gauge("log_pending_effects", "Effects that are not durable yet.", i.store.appended - i.durable)
        yield _gauge("log_healthy", "Whether the log can be written.", int(not i.store.failure))
        yield _gauge("last_snapshot_time_seconds", "When the last snapshot was complete.", i.store.last_snapshot_s)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"mergelaw_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"mergelaw_{name}", about, value=value)


class MetricsServer:
    """Answers GET /metrics, and GET /health with 200 where clients may write."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(InstanceCollector(instance))
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listens. Raises: OSError, if the port cannot be had."""
        self._server = await asyncio.start_server(self._answer, host, port, limit=_HEAD_MAX_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        log.notice("metrics are served", url=f"http://{host}:{self.port}/metrics")

    async def stop(self) -> None:
        """Listens no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the connection is closed after it."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = self._page(head.split(b"\r\n", 1)[0])
                head_out = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                writer.write(head_out.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _page(self, request: bytes) -> tuple[str, str, bytes]:
        text = "text/plain; charset=utf-8"
        words = request.split()
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return "400 Bad Request", text, b"not HTTP\n"
        if words[0] != b"GET":
            return "405 Method Not Allowed", text, b"only GET\n"
        match words[1].partition(b"?")[0]:
            case b"/metrics":
                return "200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case b"/health":
                if self._instance.writable:
                    return "200 OK", text, b"ok\n"
                return "503 Service Unavailable", text, b"not in sync\n"
            case _:
                return "404 Not Found", text, b"see /metrics\n"
