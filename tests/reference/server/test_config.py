"""Settings: where they come from, what they may be, and what is told of a wrong one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mergelaw.server.config import ConfigError, load, rewritten
from mergelaw.server.settings import (
    SETTINGS,
    BadSetting,
    OutputLimit,
    PeerAddress,
    Settings,
    changed,
    shown,
)


def test_each_place_wins_over_the_next(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('id = 1\nport = 1\nmaxclients = 1\ntimeout = 1\n[peer]\n2 = "b:2"\n', encoding="utf-8")
    environment = {"MERGELAW_PORT": "2", "MERGELAW_MAXCLIENTS": "2", "MERGELAW_CONFIG": str(file), "HOME": "/"}
    settings = load({"maxclients": "3"}, environment)
    assert (settings.id, settings.timeout, settings.port, settings.maxclients) == (1, 1, 2, 3)
    assert settings.peer == (PeerAddress(2, "b", 2),)
    assert settings.appendfsync == "everysec"


@pytest.mark.parametrize(
    ("text", "size"), [("100", 100), ("1k", 1000), ("1kb", 1024), ("2MB", 2 * 1024**2), ("1g", 10**9), ("0", 0)]
)
def test_sizes_are_read_as_redis_reads_them(text: str, size: int) -> None:
    assert load({"id": "1", "maxmemory": text}, {}).maxmemory == size


def test_lists_come_in_any_form(tmp_path: Path) -> None:
    both = (PeerAddress(2, "a", 2), PeerAddress(3, "::1", 3))
    file = tmp_path / "m.toml"
    file.write_text('peer = ["2=a:2", "3=[::1]:3"]\n', encoding="utf-8")
    assert load({"id": "1", "peer": ["2=a:2", "3=[::1]:3"]}, {}).peer == both
    assert load({"id": "1"}, {"MERGELAW_PEER": "2=a:2,3=[::1]:3"}).peer == both
    assert load({"id": "1"}, {}, file).peer == both


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({}, ["id", "is missing", "--id 1"]),
        ({"id": "0"}, ["id", "flag --id", "'0'", "between 1 and 4095"]),
        ({"id": "1", "port": "70000"}, ["port", "between 0 and 65535"]),
        ({"id": "1", "maxmemory": "12 parsecs"}, ["maxmemory", "must be a memory value", "such as 100mb"]),
        ({"id": "1", "appendfsync": "x"}, ["appendfsync", "everysec, always, no"]),
        ({"id": "1", "maxclient": "1"}, ["maxclient", "no such setting", "Did you mean maxclients?"]),
        ({"id": "1", "peer": ["x"]}, ["peer", "'x' is no peer: give ID=HOST:PORT"]),
        ({"id": "1", "peer": ["1=a:1"]}, ["peer", "no peer of itself"]),
        ({"id": "1", "peer": ["2=a:1", "2=b:1"]}, ["peer", "two peers have the same id"]),
        ({"id": "1", "port": "0"}, ["port", "neither port nor tls-port"]),
        ({"id": "1", "tls-port": "1"}, ["tls-port", "certificate", "tls-cert-file"]),
        ({"id": "1", "peer-bind": "0.0.0.0"}, ["peer-secret", "must prove themselves"]),
        ({"id": "1", "port": "7000", "metrics-port": "7000"}, ["port", "two services have the same port"]),
        ({"id": "1", "peer-tls-cert-file": "x"}, ["mutual TLS needs"]),
    ],
)
def test_wrong_settings_are_named_with_their_place_and_what_to_do(
    flags: dict[str, str | list[str]], told: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(flags, {})
    for words in told:
        assert words in str(caught.value)


def test_secrets_are_not_shown_in_errors() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"id": "x", "requirepass": "hunter2"}, {})
    assert "hunter2" not in str(caught.value)


def test_wrong_variables_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"MERGELAW_PROT.*no such setting.*Did you mean port"):
        load({"id": "1"}, {"MERGELAW_PROT": "1"})
    with pytest.raises(ConfigError, match=r"environment variable MERGELAW_PORT"):
        load({"id": "1"}, {"MERGELAW_PORT": "x"})
    file = tmp_path / "m.toml"
    with pytest.raises(ConfigError, match="cannot be read"):
        load({"id": "1"}, {}, file)
    for text, told in (("id = [", "is no TOML"), ("id = 1.5", "cannot be a float"), ("prot = 1", "no such setting")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=told):
            load({}, {}, file)


def test_variables_of_other_commands_are_left_alone() -> None:
    assert load({"id": "1"}, {"MERGELAW_CACHE": "/x", "MERGELAWN": "y"}).id == 1


def test_every_setting_is_shown_as_it_is_read() -> None:
    settings = Settings(id=1, peer=(PeerAddress(2, "::1", 5),), bind=("a", "b"))
    items = shown(settings)
    for name, setting in SETTINGS.items():
        assert setting.kind.read(setting.kind.show(getattr(settings, setting.attribute))) == getattr(
            settings, setting.attribute
        ), name
        assert name in items
    assert items["appendonly"] == "yes"
    assert items["dir"] == "mergelaw-1"
    assert items["peer-port"] == "16379"


def test_changes_are_all_made_or_none() -> None:
    settings = Settings(id=1)
    now = changed(settings, {"maxmemory": "1mb", "timeout": "5", "client-output-buffer-limit": "normal 10 5 1"})
    assert (now.maxmemory, now.timeout) == (1024**2, 5)
    assert now.client_output_buffer_limit.normal == OutputLimit(10, 5, 1)
    assert now.client_output_buffer_limit.pubsub == settings.client_output_buffer_limit.pubsub
    with pytest.raises(BadSetting, match="hz: argument must be between 1 and 500 inclusive"):
        changed(settings, {"maxmemory": "1mb", "hz": "0"})
    for fixed in ("port", "databases", "peer"):
        with pytest.raises(BadSetting, match="can't set immutable config"):
            changed(settings, {fixed: "1"})
    with pytest.raises(KeyError):
        changed(settings, {"nonsense": "1"})


def test_rewritten_file_keeps_its_other_lines() -> None:
    text = '# mine\nid = 1\nmaxmemory = "1mb" # old\n\n[peer]\n2 = "b:2"\n'
    before = Settings(id=1, maxmemory=1024**2)
    now = changed(before, {"maxmemory": "2mb", "requirepass": 'a"\\\n', "protected-mode": "no"})
    new = rewritten(text, before, now)
    assert new.startswith("# mine\nid = 1\nmaxmemory = 2097152\n")
    read = tomllib.loads(new)
    assert read == {
        "id": 1,
        "maxmemory": 2097152,
        "requirepass": 'a"\\\n',
        "protected-mode": False,
        "peer": {"2": "b:2"},
    }
