"""Where settings come from: flags, then the environment, then a TOML file, then the defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mergelaw.server.settings import LISTS, SETTINGS, BadValue, Setting, Settings

PREFIX = "MERGELAW_"
FILE_VARIABLE = PREFIX + "CONFIG"
_OTHER_VARIABLES = frozenset({FILE_VARIABLE, PREFIX + "CACHE"})


class ConfigError(Exception):
    """A setting is wrong: which, where it was given, and what to do."""

    def __init__(self, name: str, place: str, problem: str, fix: str) -> None:
        super().__init__(f"{name}: {problem} ({place}). {fix}")
        self.name = name
        self.place = place


def load(
    flags: Mapping[str, str | Sequence[str]], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """The settings: each from the first of `flags` (names as users write them), `environment`, the file, its default.

    The file is `file`, or what MERGELAW_CONFIG names. Raises: ConfigError.
    """
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    values: dict[str, Any] = {}
    if file is not None:
        for name, value in _read(file).items():
            place = f"file {file}"
            setting = _known(name.replace("_", "-"), name, place)
            values[setting.attribute] = _value(setting, _text(setting, value, place), place)
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and variable not in _OTHER_VARIABLES:
            place = f"environment variable {variable}"
            name = variable.removeprefix(PREFIX).lower().replace("_", "-")
            setting = _known(name, variable, place)
            values[setting.attribute] = _value(setting, text, place)
    for name, given in flags.items():
        place = f"flag --{name}"
        setting = _known(name, f"--{name}", place)
        values[setting.attribute] = _value(setting, _text(setting, given, place), place)
    settings = Settings(**values)
    _check(settings)
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "config", f"file {file}", f"cannot be read: {error.strerror}", "Name a file that exists."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("config", f"file {file}", f"is no TOML: {error}", "Mend that line.") from None


def _known(name: str, written: str, place: str) -> Setting:
    if name in SETTINGS:
        return SETTINGS[name]
    close = get_close_matches(name, SETTINGS, n=1)
    fix = f"Did you mean {close[0]}?" if close else "`mergelaw serve --help` lists the settings."
    raise ConfigError(written, place, "there is no such setting", fix)


def _text(setting: Setting, value: Any, place: str) -> str:
    """What TOML or repeated flags give, as one text."""
    if setting.name == "peer" and isinstance(value, dict):
        value = [f"{number}={where}" for number, where in value.items()]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | str):
        return str(value)
    if setting.name in LISTS and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return ("," if setting.name == "type" else " ").join(value)
    kind = type(value).__name__
    raise ConfigError(setting.name, place, f"cannot be a {kind}", f"Give {setting.kind.hint}.")


def _value(setting: Setting, text: str, place: str) -> Any:
    try:
        return setting.kind.read(text)
    except BadValue as error:
        shown = "a secret" if setting.secret else f"'{text}'"
        raise ConfigError(setting.name, place, f"{shown}: {error}", f"Give {setting.kind.hint}.") from None


def _check(settings: Settings) -> None:
    """What settings must be together."""

    def wrong(name: str, problem: str, fix: str) -> None:
        raise ConfigError(name, "all settings together", problem, fix)

    if settings.id == 0:
        wrong("id", "is missing", "Give each instance its own number: --id 1.")
    if not settings.port and not settings.tls_port:
        wrong("port", "neither port nor tls-port is set", "Set one of them.")
    if any(p.id == settings.id for p in settings.peer):
        wrong("peer", f"instance {settings.id} is no peer of itself", "Name only the other instances.")
    if settings.peer_listen_port > 65535:
        wrong("peer-port", f"{settings.peer_listen_port} is no port", "Set peer-port.")
    if settings.tls_port and not (settings.tls_cert_file and settings.tls_key_file):
        wrong("tls-port", "TLS needs a certificate and its key", "Set tls-cert-file and tls-key-file.")
    if settings.tls_port and settings.tls_auth_clients != "no" and not settings.tls_ca_cert_file:
        wrong(
            "tls-auth-clients",
            "clients' certificates need an authority",
            "Set tls-ca-cert-file, or tls-auth-clients no.",
        )
    peer_tls = (settings.peer_tls_cert_file, settings.peer_tls_key_file, settings.peer_tls_ca_cert_file)
    if any(peer_tls) and not all(peer_tls):
        wrong(
            "peer-tls-cert-file",
            "mutual TLS needs a certificate, its key and an authority",
            "Set peer-tls-cert-file, peer-tls-key-file and peer-tls-ca-cert-file.",
        )
    ports = [p for p in (settings.port, settings.tls_port, settings.peer_listen_port, settings.metrics_port) if p]
    if len(set(ports)) < len(ports):
        wrong("port", "two services have the same port", "Set port, tls-port, peer-port, metrics-port apart.")
    loopback = {"127.0.0.1", "::1", "localhost"}
    if not settings.peer_secret and not all(peer_tls) and not loopback.issuperset(settings.peer_bind):
        wrong(
            "peer-secret",
            "peers of other machines must prove themselves",
            "Set the same peer-secret at all instances, or bind peers to 127.0.0.1.",
        )
    for name in (
        "tls_cert_file",
        "tls_key_file",
        "tls_ca_cert_file",
        *(f"peer_tls_{n}_file" for n in ("cert", "key", "ca_cert")),
    ):
        file = getattr(settings, name)
        if file and not os.access(file, os.R_OK):
            wrong(name.replace("_", "-"), f"'{file}' cannot be read", "Name a file that exists.")


def rewritten(text: str, before: Settings, now: Settings) -> str:
    """The configuration file `text` with what CONFIG SET has changed from `before` to `now`; other lines stay."""
    lines = text.splitlines()
    for setting in SETTINGS.values():
        value = getattr(now, setting.attribute)
        if value == getattr(before, setting.attribute):
            continue
        written = f"{setting.name} = {_toml(setting, value)}"
        at = [n for n, line in enumerate(lines) if _names(line, setting)]
        if at:
            lines[at[0]] = written
        else:
            lines.insert(
                next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines)), written
            )
    return "\n".join(lines) + "\n"


def _names(line: str, setting: Setting) -> bool:
    name, equals, _ = line.partition("=")
    return bool(equals) and name.strip().strip("\"'").replace("_", "-") == setting.name


def _toml(setting: Setting, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = "".join(
        "\\" + c if c in '"\\' else c if c.isprintable() else f"\\u{ord(c):04x}" for c in setting.kind.show(value)
    )
    return f'"{escaped}"'
