"""Clients of a real process: pipelines, limits, authentication, protocol errors, and what a bad client cannot do."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis

from tests.reference.server.process import Server, Wire, request


def test_pipelines_are_answered_in_order(server: Server) -> None:
    with server.wire() as wire:
        wire.send(b"".join(request(b"SET", b"p:%d" % n, b"%d" % n) + request(b"GET", b"p:%d" % n) for n in range(2000)))
        for n in range(2000):
            assert wire.line() == b"+OK"
            assert wire.line() == b"$%d" % len(b"%d" % n)
            assert wire.line() == b"%d" % n


def test_a_client_may_send_all_before_it_reads(server: Server) -> None:
    """Replies of 60 MB, none of which is read before all requests are sent."""
    value = b"v" * 100_000
    with server.wire() as wire:
        assert wire.ask(request(b"SET", b"big", value)) == b"+OK"
        wire.send(request(b"GET", b"big") * 600 + b"PING\r\n")
        for _ in range(600):
            assert wire.line() == b"$100000"
            assert wire.take(100_002) == value + b"\r\n"
        assert wire.line() == b"+PONG"


def test_half_frames_wait_for_their_rest(server: Server) -> None:
    with server.wire() as wire, server.wire() as other:
        for byte in request(b"SET", b"half", b"a\0\r\n*1"):
            wire.send(bytes([byte]))
        assert wire.line() == b"+OK"
        wire.send(b"*2\r\n$3\r\nGET\r\n$4\r\nha")
        assert other.ask(b"PING\r\n") == b"+PONG"
        wire.send(b"lf\r\n")
        assert wire.line() == b"$6"
        assert wire.take(8) == b"a\0\r\n*1\r\n"


def test_inline_commands_work(server: Server) -> None:
    with server.wire() as wire:
        assert wire.ask(b'SET inline "a b"\r\n') == b"+OK"
        assert wire.ask(b"\r\n\r\nget inline\n") == b"$3"
        assert wire.line() == b"a b"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"*3000000000\r\n", b"invalid multibulk length"),
        (b"*1\r\n$-5\r\n", b"invalid bulk length"),
        (b"*1\r\n$999999999999\r\n", b"invalid bulk length"),
        (b"*1\r\nxy\r\n", b"expected '$', got 'x'"),
        (b"x" * 70_000, b"too big inline request"),
        (b'GET "a\r\n', b"unbalanced quotes in request"),
    ],
)
def test_a_broken_request_is_told_and_closes_the_connection(server: Server, data: bytes, message: bytes) -> None:
    with server.wire() as wire:
        wire.send(request(b"PING") + data)
        assert wire.rest() == b"+PONG\r\n-ERR Protocol error: " + message + b"\r\n"
    with server.wire() as wire:
        assert wire.ask(b"PING\r\n") == b"+PONG"


def test_broken_requests_are_told_as_redis_tells_them(server: Server, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    theirs = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for data in (
            b"*1\r\n$x\r\n",
            b"*x\r\n",
            b"*-5\r\n*1\r\n:1\r\n",
            b"*2147483648\r\n",
            b"*1\r\n$536870913\r\n",
            b"*1\r\n\r\n",
            b"*2\r\n$4\r\nPING\r\n+x\r\n",
            b"*1\r\n$4\r\nPINGxx*1\r\n@\r\n",
            b"a 'b\r\n",
            b"POST /\r\n",
            b"*01\r\n",
            b"%1\r\n",
            b"PING\r\n*1\r\n*1\r\n",
        ):
            answers = []
            for where in (port, server.port):
                for attempt in range(100):
                    try:
                        wire = Wire(where, timeout=2)
                        break
                    except ConnectionError:
                        if attempt == 99:
                            raise
                        time.sleep(0.05)
                with wire:
                    wire.send(data)
                    wire.socket.shutdown(socket.SHUT_WR)
                    answers.append(wire.rest())
            assert answers[0] == answers[1], data
    finally:
        theirs.terminate()
        theirs.wait()


def test_protocol_3_by_hello(server: Server) -> None:
    with redis.Redis(port=server.port, protocol=3) as client:
        client.hset("h3", mapping={"a": "1"})
        assert client.hgetall("h3") == {b"a": b"1"}
        assert client.execute_command("HELLO", "3")[b"proto"] == 3


def test_values_are_binary_safe_and_may_be_large(server: Server) -> None:
    value = bytes(range(256)) * 400_000
    key = b"\0\r\n\xff key"
    with server.wire() as wire:
        wire.socket.settimeout(120)
        assert wire.ask(request(b"SET", key, value)) == b"+OK"
        assert wire.ask(request(b"GET", key)) == b"$%d" % len(value)
        assert wire.take(len(value) + 2) == value + b"\r\n"
        assert wire.ask(request(b"DEL", key)) == b":1"


def test_a_slow_command_of_one_client_does_not_hold_up_others(server: Server) -> None:
    with server.wire() as waiting, server.wire() as other:
        waiting.send(b"DEBUG SLEEP 0.5\r\nPING\r\n")
        started = time.monotonic()
        assert other.ask(b"PING\r\n") == b"+PONG"
        assert time.monotonic() - started < 0.4
        assert waiting.line() == b"+OK"
        assert waiting.line() == b"+PONG"


def test_quit_closes_after_the_answer(server: Server) -> None:
    with server.wire() as wire:
        wire.send(b"PING\r\nQUIT\r\nPING\r\n")
        assert wire.rest() == b"+PONG\r\n+OK\r\n"


def test_a_client_that_has_sent_all_is_still_answered(server: Server) -> None:
    with server.wire() as wire:
        wire.send(b"DEBUG SLEEP 0.1\r\nPING\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.rest() == b"+OK\r\n+PONG\r\n"


def test_client_list_and_kill(server: Server) -> None:
    with redis.Redis(port=server.port) as one, redis.Redis(port=server.port) as two:
        one.client_setname("one")
        two.ping()
        (listed,) = [c for c in two.client_list() if c["name"] == "one"]
        assert listed["id"] == str(one.client_id())
        assert two.client_kill_filter(_id=listed["id"]) == 1
        assert [c for c in two.client_list() if c["name"] == "one"] == []


def test_client_pause_holds_commands_back(server: Server) -> None:
    with server.wire() as pausing, server.wire() as paused:
        assert pausing.ask(b"CLIENT PAUSE 300 WRITE\r\n") == b"+OK"
        started = time.monotonic()
        paused.send(b"GET nothing\r\nSET paused 1\r\nGET paused\r\n")
        assert paused.line() == b"$-1"
        assert time.monotonic() - started < 0.25
        assert paused.line() == b"+OK"
        assert time.monotonic() - started >= 0.25
        assert paused.line() == b"$1"
        assert pausing.ask(b"CLIENT PAUSE 100000\r\n") == b"+OK"
        paused.send(b"PING\r\n")
        time.sleep(0.2)
        assert pausing.ask(b"CLIENT UNPAUSE\r\n") == b"+OK"
        assert [paused.line() for _ in range(2)] == [b"1", b"+PONG"]


def test_config_set_and_get(server: Server) -> None:
    with redis.Redis(port=server.port, decode_responses=True) as client:
        client.config_set("slowlog-max-len", 7)
        assert client.config_get("slowlog-max-*") == {"slowlog-max-len": "7"}
        with pytest.raises(redis.ResponseError) as caught:
            client.config_set("maxmemory", "much")
        told = "CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"
        assert str(caught.value) == told
        with pytest.raises(redis.ResponseError, match="can't set immutable config"):
            client.config_set("port", "1")
        with pytest.raises(redis.ResponseError, match="running without a config file"):
            client.config_rewrite()
        client.config_set("slowlog-max-len", 128)


def test_out_of_memory_refuses_what_needs_more(server: Server) -> None:
    with redis.Redis(port=server.port) as client:
        client.set("small", "1")
        client.config_set("maxmemory", "1mb")
        try:
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                client.set("more", "1")
            assert client.get("small") == b"1"
            assert client.delete("small") == 1
        finally:
            client.config_set("maxmemory", "0")
        assert client.set("more", "1")


def test_maxclients(folder: Path) -> None:
    with Server(folder, "--maxclients", "3") as server:
        # The one that asked whether it is there may not be gone yet.
        time.sleep(0.1)
        wires = [server.wire() for _ in range(3)]
        for wire in wires:
            assert wire.ask(b"PING\r\n") == b"+PONG"
        with server.wire() as fourth:
            assert fourth.rest() == b"-ERR max number of clients reached\r\n"
        wires[0].close()
        time.sleep(0.1)
        with server.wire() as again:
            assert again.ask(b"PING\r\n") == b"+PONG"
        for wire in wires:
            wire.close()


def test_password_timeout_and_buffer_limits(folder: Path) -> None:
    with Server(folder, "--requirepass", "päss", "--timeout", "1", "--client-query-buffer-limit", "2mb") as server:
        with server.wire() as wire:
            assert wire.ask(b"GET a\r\n") == b"-NOAUTH Authentication required."
            wrong = b"-WRONGPASS invalid username-password pair or user is disabled."
            assert wire.ask(request(b"AUTH", b"no")) == wrong
            assert wire.ask(request(b"AUTH", b"other", "päss".encode())) == wrong
            wire.send(request(b"AUTH", "päss".encode()) + request(b"MGET", *[b"k"] * 20))
            assert wire.line() == b"+OK"
            assert wire.line() == b"*20"
            wire.take(20 * 5)
        with server.wire() as wire:
            wire.send(b"*11\r\n")
            assert wire.rest() == b"-ERR Protocol error: unauthenticated multibulk length\r\n"
        with server.wire() as wire:
            wire.send(b"*1\r\n$20000\r\n")
            assert wire.rest() == b"-ERR Protocol error: unauthenticated bulk length\r\n"
        with redis.Redis(port=server.port, password="päss") as client:
            assert client.ping()
        with server.wire() as wire:
            assert wire.ask(request(b"AUTH", "päss".encode())) == b"+OK"
            # Above all, it is refused as it is announced.
            wire.send(request(b"SET", b"a", b"x" * 2_100_000)[:100_000])
            assert wire.rest() == b""
        with server.wire() as wire:
            started = time.monotonic()
            assert wire.rest() == b""
            assert 0.9 < time.monotonic() - started < 5


def test_output_limit_closes_who_does_not_read(folder: Path) -> None:
    with Server(folder, "--client-output-buffer-limit", "normal 20mb 0 0") as server:
        with server.wire() as wire:
            assert wire.ask(request(b"SET", b"k", b"x" * 1_000_000)) == b"+OK"
            assert wire.ask(request(b"GET", b"k")) == b"$1000000"
            wire.take(1_000_002)
            wire.send(request(b"MGET", *[b"k"] * 40))
            with pytest.raises(ConnectionError):
                wire.take(41_000_000)
        with server.wire() as wire:
            assert wire.ask(b"PING\r\n") == b"+PONG"


def own_address() -> str | None:
    """An address of this machine that is not the loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def test_protected_mode_refuses_clients_of_other_machines(folder: Path) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has only its loopback address")
    with Server(folder, "--bind", "127.0.0.1", "--bind", address) as server:
        with socket.create_connection((address, server.port), timeout=5) as refused:
            answer = refused.recv(4096)
            assert answer.startswith(b"-DENIED Redis is running in protected mode because protected mode is enabled")
            assert answer.endswith(b"accepting connections from the outside.\r\n")
        with server.wire() as wire:
            assert wire.ask(b"CONFIG SET protected-mode no\r\n") == b"+OK"
        with socket.create_connection((address, server.port), timeout=5) as served:
            served.sendall(b"PING\r\n")
            assert served.recv(100) == b"+PONG\r\n"


def test_tls(folder: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder.parent.mkdir(exist_ok=True)
    key, certificate = folder.parent / "key.pem", folder.parent / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    flags = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no"]
    server = Server(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        tls_port = probe.getsockname()[1]
    server.flags = (*flags, "--tls-port", str(tls_port))
    with server, redis.Redis("localhost", tls_port, ssl=True, ssl_ca_certs=str(certificate)) as client:
        assert client.set("a", b"x" * 200_000)
        assert client.get("a") == b"x" * 200_000
        with server.wire() as wire:
            assert wire.ask(b"STRLEN a\r\n") == b":200000"
        with socket.create_connection(("127.0.0.1", tls_port), timeout=5) as plain:
            plain.sendall(b"PING\r\n")
            assert b"PONG" not in plain.recv(100)
