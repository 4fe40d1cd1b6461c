"""SLOWLOG, MEMORY, LATENCY, DEBUG: what an operator looks at.

Source: redis 7.0, `src/slowlog.c`, `src/object.c` (`memoryCommand`), `src/latency.c`, `src/debug.c`.
"""

from __future__ import annotations

from mergelaw.commands.errors import CommandError, subcommand_arguments, syntax_error
from mergelaw.commands.help import register_help
from mergelaw.commands.memory import estimate
from mergelaw.commands.parse import integer, to_integer, to_real
from mergelaw.commands.reply import OK, Reply, Verbatim, Waiting
from mergelaw.commands.table import Call, command, container

_ADMIN = "admin noscript loading stale"


# SLOWLOG --------------------------------------------------------------------------------------------------------------

container(b"SLOWLOG", group="server", since="2.2.12", summary="A container for slow log commands")
register_help(
    b"SLOWLOG",
    "server",
    "6.2.0",
    [
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
    ],
)
_SLOWLOG = "admin loading stale"


@command(
    b"SLOWLOG|GET",
    arity=-2,
    flags=_SLOWLOG,
    group="server",
    since="2.2.12",
    summary="Get the slow log's entries",
    complexity="O(N) where N is the number of entries returned",
)
def slowlog_get(c: Call) -> Reply:
    """The latest commands that took long, the newest first."""
    if len(c.args) > 3:
        raise subcommand_arguments("slowlog", c.args[1])
    count = 10
    if len(c.args) == 3:
        count = integer(c.args[2], "ERR count should be greater than or equal to -1", low=-1)
    entries = list(c.server.slowlog.entries)
    chosen = entries if count < 0 else entries[:count]
    return [[e.number, e.time_s, e.usec, list(e.args), e.address, e.name] for e in chosen]


@command(
    b"SLOWLOG|LEN",
    arity=2,
    flags=_SLOWLOG,
    group="server",
    since="2.2.12",
    summary="Get the slow log's length",
)
def slowlog_length(c: Call) -> Reply:
    """How many are kept."""
    return len(c.server.slowlog.entries)


@command(
    b"SLOWLOG|RESET",
    arity=2,
    flags=_SLOWLOG,
    group="server",
    since="2.2.12",
    summary="Clear all entries from the slow log",
    complexity="O(N) where N is the number of entries in the slowlog",
)
def slowlog_reset(c: Call) -> Reply:
    """Forgets them all."""
    c.server.slowlog.reset()
    return OK


# MEMORY ---------------------------------------------------------------------------------------------------------------

container(b"MEMORY", group="server", since="4.0.0", summary="A container for memory diagnostics commands")
register_help(
    b"MEMORY",
    "server",
    "4.0.0",
    [
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    ],
)


@command(
    b"MEMORY|USAGE",
    arity=-3,
    flags="readonly",
    keys=(2, 2, 1),
    group="server",
    since="4.0.0",
    summary="Estimate the memory usage of a key",
    complexity="O(N) where N is the number of samples.",
)
def memory_usage(c: Call) -> Reply:
    """About how many bytes the key takes, with what it hides and its metadata; null of an absent key."""
    samples = 5
    at = 3
    while at < len(c.args):
        if c.args[at].upper() != b"SAMPLES" or at + 1 >= len(c.args):
            raise syntax_error()
        samples = integer(c.args[at + 1])
        if samples < 0:
            raise syntax_error()
        at += 2
    key = c.args[2]
    if c.db.visible(key, c.now_ms) is None:
        return None
    known = c.server.key_memory(key)
    return known if known is not None else estimate(key, c.db.keys[key], samples)


@command(
    b"MEMORY|STATS",
    arity=2,
    group="server",
    since="4.0.0",
    summary="Show memory usage details",
)
def memory_statistics(c: Call) -> Reply:
    """What is known of the memory in use, by Redis's names."""
    used = c.server.memory_used()
    known = c.server.info("memory")
    peak = int(known.get("used_memory_peak", used))
    startup = int(known.get("used_memory_startup", 0))
    keys = c.db.size
    data = max(0, used - startup)
    return {
        b"peak.allocated": peak,
        b"total.allocated": used,
        b"startup.allocated": startup,
        b"clients.normal": sum(client.query_bytes + client.output_bytes for client in c.server.clients()),
        b"overhead.total": startup,
        b"keys.count": keys,
        b"keys.bytes-per-key": data // keys if keys else 0,
        b"dataset.bytes": data,
        b"dataset.percentage": 100.0 * data / used if used else 0.0,
        b"peak.percentage": 100.0 * used / peak if peak else 0.0,
    }


@command(
    b"MEMORY|DOCTOR",
    arity=2,
    group="server",
    since="4.0.0",
    summary="Outputs memory problems report",
)
def memory_doctor(c: Call) -> Reply:
    """Whether the limit is near."""
    used = c.server.memory_used()
    limit = to_integer(c.server.config_items().get("maxmemory", "0").encode()) or 0
    if limit and used * 10 > limit * 9:
        return Verbatim(
            b"Sam, I detected a few issues in this instance: the memory in use is over 90%% of maxmemory"
            b" (%d of %d bytes). Writes are refused beyond it.\n" % (used, limit)
        )
    return Verbatim(
        b"Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
    )


@command(
    b"MEMORY|PURGE",
    arity=2,
    group="server",
    since="4.0.0",
    summary="Ask the allocator to release memory",
    complexity="Depends on how much memory is allocated, could be slow",
)
def memory_purge(c: Call) -> Reply:
    """OK; Python's allocator gives back what it can by itself."""
    return OK


@command(
    b"MEMORY|MALLOC-STATS",
    arity=2,
    group="server",
    since="4.0.0",
    summary="Show allocator internal stats",
    complexity="Depends on how much memory is allocated, could be slow",
)
def memory_allocator(c: Call) -> Reply:
    """That there are none, as in a Redis that was built without jemalloc."""
    return b"Stats not supported for the current allocator"


# DEBUG, LATENCY -------------------------------------------------------------------------------------------------------


@command(b"DEBUG", arity=-2, flags=_ADMIN, group="server", summary="A container for debugging commands")
def debug(c: Call) -> Reply:
    """SLEEP only, and only for the connection that asks: other clients are served meanwhile."""
    if c.args[1].upper() == b"SLEEP" and len(c.args) == 3:
        # As Redis, which reads with strtod and does not look whether it could.
        seconds = float(to_real(c.args[2]) or 0)

        async def waited() -> Reply:
            await c.server.sleep(max(0.0, min(seconds, 86_400.0)))
            return OK

        return Waiting(waited, OK)
    raise subcommand_arguments("debug", c.args[1])


container(b"LATENCY", group="server", since="2.8.13", summary="A container for latency diagnostics commands")
register_help(
    b"LATENCY",
    "server",
    "2.8.13",
    [
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the specified command "
        "names.",
        "    If no commands are specified then all histograms are replied.",
    ],
)


@command(
    b"LATENCY|LATEST",
    arity=2,
    flags=_ADMIN,
    group="server",
    since="2.8.13",
    summary="Return the latest latency samples for all events.",
)
def latency_latest(c: Call) -> Reply:
    """Empty: events are not monitored, as in a Redis whose `latency-monitor-threshold` is 0."""
    return []


@command(
    b"LATENCY|HISTORY",
    arity=3,
    flags=_ADMIN,
    group="server",
    since="2.8.13",
    summary="Return timestamp-latency samples for the event.",
)
def latency_history(c: Call) -> Reply:
    """Empty, as LATEST."""
    return []


@command(
    b"LATENCY|GRAPH",
    arity=3,
    flags=_ADMIN,
    group="server",
    since="2.8.13",
    summary="Return a latency graph for the event.",
)
def latency_graph(c: Call) -> Reply:
    """An error: there are no samples."""
    raise CommandError(b"ERR No samples available for event '" + c.args[2] + b"'")


@command(
    b"LATENCY|RESET",
    arity=-2,
    flags=_ADMIN,
    group="server",
    since="2.8.13",
    summary="Reset latency data for one or more events.",
)
def latency_reset(c: Call) -> Reply:
    """0: there is nothing to reset."""
    return 0


@command(
    b"LATENCY|DOCTOR",
    arity=2,
    flags=_ADMIN,
    group="server",
    since="2.8.13",
    summary="Return a human readable latency analysis report.",
)
def latency_doctor(c: Call) -> Reply:
    """That events are not monitored."""
    return Verbatim(b"Latency events are not monitored. See LATENCY HISTOGRAM and SLOWLOG GET.\n")


@command(
    b"LATENCY|HISTOGRAM",
    arity=-2,
    flags=_ADMIN,
    group="server",
    since="7.0.0",
    summary="Return the cumulative distribution of latencies of a subset of commands or all.",
    complexity="O(N) where N is the number of commands with latency information being retrieved.",
)
def latency_histogram(c: Call) -> Reply:
    """Of each command that ran: how many calls took at most so many microseconds."""
    wanted = {name.decode("latin-1").lower() for name in c.args[2:]}
    shown: dict[bytes, Reply] = {}
    for name, counts in sorted(c.server.statistics.commands.items()):
        if not counts.calls or wanted and name not in wanted and name.partition("|")[0] not in wanted:
            continue
        passed = 0
        buckets: dict[int, int] = {}
        for bucket, calls in sorted(counts.histogram.items()):
            passed += calls
            buckets[2**bucket] = passed
        shown[name.encode("latin-1")] = {b"calls": counts.calls, b"histogram_usec": buckets}
    return shown
