"""Runs one instance as a process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import uvloop

from mergelaw.replication.membership import MembershipError
from mergelaw.semantics.engine import Engine
from mergelaw.server import log
from mergelaw.server.config import ConfigError
from mergelaw.server.instance import Instance
from mergelaw.server.metrics import MetricsServer
from mergelaw.server.settings import Settings
from mergelaw.server.storage.files import StorageError


class CannotStart(Exception):
    """The instance cannot be started as it is told to: why, and what to do."""


def run(settings: Settings, *, config_file: Path | None = None, engines: Mapping[str, Engine] | None = None) -> None:
    """Serves until SIGTERM, SIGINT or SHUTDOWN; a second signal ends it at once.

    `engines`: those of custom types, by name. Raises: CannotStart.
    """
    try:
        log.set_up(settings.id, settings.loglevel, settings.log_format, settings.logfile)
    except OSError as error:
        raise CannotStart(f"logfile: {settings.logfile} cannot be written: {error.strerror}") from None
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, config_file, engines))
    except (StorageError, ConfigError, MembershipError) as error:
        raise CannotStart(str(error)) from None


async def _serve(settings: Settings, config_file: Path | None, engines: Mapping[str, Engine] | None) -> None:
    instance = Instance(settings, engines=engines, config_file=config_file)
    loop = asyncio.get_running_loop()

    def stop(name: str) -> None:
        if instance.stopping is not None:
            log.warning("ended at once", signal=name)
            instance.stopped.set()
            return
        log.notice("told to stop", signal=name)
        instance.stop_soon()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    metrics = MetricsServer(instance)
    try:
        try:
            await instance.start()
            if settings.metrics_port:
                await metrics.start(settings.metrics_bind, settings.metrics_port)
        except OSError as error:
            raise CannotStart(
                f"a port cannot be had: {error.strerror or error}. Name others: --port, --peer-port"
            ) from None
        await instance.stopped.wait()
    finally:
        await metrics.stop()
        if instance.stopping is None:
            instance.stop_soon(save=False)
            await instance.stopped.wait()
