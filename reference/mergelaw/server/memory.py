"""How much memory the process takes, as `maxmemory` counts it."""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import suppress

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Memory:
    """The resident size of the process, looked at now and then.

    It is what the machine has to give. Python and the C library keep some of what was freed; above the limit they are
    asked to give it back.
    """

    def __init__(self) -> None:
        self.used = 0
        self.peak = 0
        try:
            self._statm: int | None = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._statm = None
        self.look()

    def look(self) -> int:
        """Measures anew; bytes."""
        if self._statm is not None:
            self.used = int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE
        else:
            import resource

            self.used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.peak = max(self.peak, self.used)
        return self.used

    def give_back(self) -> None:
        """Returns to the system what is free."""
        gc.collect(1)
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        self.look()

    def close(self) -> None:
        """Measures no more."""
        if self._statm is not None:
            os.close(self._statm)
            self._statm = None
