"""The longest common subsequence of two byte strings, the very one of the many that Redis finds.

A row of the usual table is kept as the bits where it grows by one, in one big integer, which the next row is computed
from in a few operations on whole rows. The way back through the table only asks for single bits.

Source: H. Hyyrö, "Bit-parallel LCS-length computation revisited", 2004; redis 7.0, `src/t_string.c`, `lcsCommand`.
"""

from __future__ import annotations

from dataclasses import dataclass

_CELLS = 512 * 2**20 // 4
"""Redis refuses larger tables: they would take more than `proto-max-bulk-len`."""
_TOGETHER = 2**20
"""More bytes than these are refused here: a row, however short, takes time."""


class TooLong(Exception):
    """The strings are too long to be compared."""


@dataclass(frozen=True, slots=True)
class Common:
    """What two strings have in common."""

    length: int
    runs: list[tuple[int, int, int]]
    """Where equal bytes follow one another in both: start in the left one, in the right one, length; the last first."""

    def text(self, left: bytes) -> bytes:
        """The common subsequence."""
        return b"".join(left[start : start + run] for start, _, run in reversed(self.runs))


def common(left: bytes, right: bytes) -> Common:
    """The longest common subsequence, with the choices that Redis makes among equals. Raises: TooLong."""
    if (len(left) + 1) * (len(right) + 1) > _CELLS or len(left) + len(right) > _TOGETHER:
        raise TooLong
    rows = _rows(left, right)
    runs: list[tuple[int, int, int]] = []
    i, j = len(left), len(right)
    run = 0
    while i and j:
        if left[i - 1] == right[j - 1]:
            i, j, run = i - 1, j - 1, run + 1
            continue
        if run:
            runs.append((i, j, run))
            run = 0
        # The bit tells that the table grows from j - 1 to j in row i; then it does not from row i - 1 to i.
        if rows[i - 1][(j - 1) >> 3] >> ((j - 1) & 7) & 1:
            i -= 1
        else:
            j -= 1
    if run:
        runs.append((i, j, run))
    return Common(sum(run for _, _, run in runs), runs)


def _rows(left: bytes, right: bytes) -> list[bytes]:
    """For each byte of `left` the row after it: bit j tells that byte j of `right` makes the subsequence longer."""
    width = len(right)
    size = (width + 7) // 8
    full = (1 << width) - 1
    places = {byte: _places(right, byte) for byte in set(left)}
    # Bits that are clear stand for growth, as the addition below needs it.
    flat = full
    rows: list[bytes] = []
    for byte in left:
        held = flat & places[byte]
        flat = ((flat + held) | (flat - held)) & full
        rows.append((full ^ flat).to_bytes(size, "little"))
    return rows


def _places(text: bytes, byte: int) -> int:
    """The bits where `byte` stands in `text`, its first byte the lowest bit."""
    table = bytes(0x31 if b == byte else 0x30 for b in range(256))
    return int(text[::-1].translate(table) or b"0", 2)
