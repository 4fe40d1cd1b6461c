"""Logs: one line an event, for people or as JSON, each with what to do where something is to be done.

`notice` is the level of events that an operator wants to see of a healthy instance; `verbose` adds each client.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import msgspec

NOTICE = 25
VERBOSE = 15

_LEVELS = {"debug": logging.DEBUG, "verbose": VERBOSE, "notice": NOTICE, "warning": logging.WARNING}
_NAMES = {logging.DEBUG: "debug", VERBOSE: "verbose", logging.INFO: "notice", NOTICE: "notice"}

_logger = logging.getLogger("mergelaw.server")


class _Human(logging.Formatter):
    """`2026-01-01 12:00:00.000 notice  1 ready port=6379`."""

    def __init__(self, replica: int) -> None:
        super().__init__()
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback's lines after it."""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        facts = getattr(record, "facts", {})
        told = "".join(f" {name}={_plain(value)}" for name, value in facts.items() if value != "")
        level = _NAMES.get(record.levelno, record.levelname.lower())
        line = f"{when}.{int(record.msecs):03d} {level:<7} [{self._replica}] {record.getMessage()}{told}"
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class _Json(logging.Formatter):
    """An object a line: time, level, instance, event, and the facts of the event."""

    def __init__(self, replica: int) -> None:
        super().__init__()
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "instance": self._replica,
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told, enc_hook=str).decode()


def _plain(value: object) -> str:
    text = str(value)
    if text and text.isprintable() and " " not in text and '"' not in text:
        return text
    return msgspec.json.encode(text).decode()


def set_up(replica: int, level: str, form: str, file: str) -> None:
    """Where events go from now on, and how they look. Raises: OSError, if the file cannot be opened."""
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(replica) if form == "json" else _Human(replica))
    for old in _logger.handlers[:]:
        _logger.removeHandler(old)
        old.close()
    _logger.addHandler(handler)
    _logger.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """From which level on events are written."""
    _logger.setLevel(_LEVELS[level])


def debug(event: str, **facts: Any) -> None:
    """For who looks for a fault."""
    if _logger.isEnabledFor(logging.DEBUG):
        _logger.log(logging.DEBUG, event, extra={"facts": facts})


def verbose(event: str, **facts: Any) -> None:
    """What happens often."""
    if _logger.isEnabledFor(VERBOSE):
        _logger.log(VERBOSE, event, extra={"facts": facts})


def notice(event: str, **facts: Any) -> None:
    """What an operator wants to know."""
    _logger.log(NOTICE, event, extra={"facts": facts})


def warning(event: str, *, traceback: bool = False, **facts: Any) -> None:
    """What an operator should look at; with `traceback` the exception being handled is shown."""
    _logger.log(logging.WARNING, event, exc_info=traceback, extra={"facts": facts})
