"""Requests a second of an instance with two peers beside those of redis-server, in one run of redis-benchmark.

    make beside-redis                   five rounds; prints a table of medians
    make beside-redis ARGS="--json"     all figures, for machines

Both keep a log that is forced to the disk every second. They take turns, so that what else the machine does strikes
both. Needs redis-server and redis-benchmark (Debian: redis-tools, redis-server).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

TESTS = ("SET", "GET", "INCR", "SADD", "HSET", "LPUSH", "LPOP", "ZADD", "LRANGE_100", "MSET")
PIPELINES = (1, 16)
_LRANGE_100 = "LRANGE_100 (first 100 elements)"
_NAMES = {_LRANGE_100: "LRANGE_100", "MSET (10 keys)": "MSET"}
_START_S = 30


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and whose peer port (10,000 above) is free, too."""
    found: list[int] = []
    for port in range(21000, 50000):
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port + 10000))
            except OSError:
                found.clear()
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise SystemExit("no free ports in a row")


def _wait(port: int) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as client:
                client.sendall(b"SET mergelaw:ready 1\r\n")
                if client.recv(100).startswith(b"+OK"):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"nothing takes writes at port {port}")


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_START_S)


def measured(port: int, tests: tuple[str, ...], requests: int, pipeline: int, clients: int) -> dict[str, float]:
    """Requests a second of each test. Raises: CalledProcessError."""
    asked = ",".join(t.lower() for t in tests)
    options = ["-h", "127.0.0.1", "-p", str(port), "-c", str(clients), "-P", str(pipeline), "-n", str(requests)]
    command = ["redis-benchmark", *options, "-t", asked, "--csv"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    rates = {row["test"]: float(row["rps"]) for row in csv.DictReader(io.StringIO(said))}
    return {_NAMES.get(name, name): rate for name, rate in rates.items() if _NAMES.get(name, name) in tests}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--tests", default=",".join(TESTS), help="names of redis-benchmark, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=50_000, help="of one test; ten times as many with -P 16")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    tests = tuple(t.strip().upper() for t in told.tests.split(","))
    for program in ("redis-server", "redis-benchmark"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed")
    ports = _free_ports(4)
    mergelaw = Path(sys.executable).with_name("mergelaw")
    results: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        redis = ["redis-server", "--port", str(ports[3]), "--dir", folder, "--save", "", "--appendonly", "yes"]
        ours = [str(mergelaw), "cluster", "--instances", "3", "--base-port", str(ports[0]), "--dir", folder + "/ours"]
        with _running(redis, ports[3]), _running(ours, ports[0]):
            for _ in range(told.rounds):
                for pipeline in PIPELINES:
                    requests = told.requests * (1 if pipeline == 1 else 4)
                    for who, port in (("redis-server", ports[3]), ("mergelaw", ports[0])):
                        for test, rate in measured(port, tests, requests, pipeline, told.clients).items():
                            results.setdefault(f"{test} -P {pipeline}", {}).setdefault(who, []).append(rate)
    if told.json:
        print(json.dumps(results, indent=1))
        return
    print(f"{'':18}{'redis-server':>14}{'mergelaw':>12}{'ratio':>8}   (medians of {told.rounds})")
    for name, rates in results.items():
        ratio = median(a / b for a, b in zip(rates["mergelaw"], rates["redis-server"], strict=True))
        print(f"{name:18}{median(rates['redis-server']):14,.0f}{median(rates['mergelaw']):12,.0f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
