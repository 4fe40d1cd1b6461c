"""Patterns of KEYS, SCAN and CONFIG GET: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`; `\\` takes the next one as it is.

Source: redis 7.0, `src/util.c`, `stringmatchlen`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache


def matcher(pattern: bytes, *, ignore_case: bool = False) -> Callable[[bytes], bool]:
    """Whether a string matches `pattern` as a whole.

    Its time is the string's length times the pattern's at most, whatever stars the pattern has.
    """
    if pattern == b"*":
        return lambda _: True
    if not any(c in b"*?[\\" for c in pattern):
        if ignore_case:
            folded = pattern.lower()
            return lambda text: text.lower() == folded
        return lambda text: text == pattern
    found = _compiled(pattern, ignore_case).fullmatch
    # As in Redis the empty string matches no pattern but itself and the single star.
    return lambda text: bool(text) and found(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: bytes, ignore_case: bool) -> re.Pattern[bytes]:
    segments: list[list[bytes]] = [[]]
    i = 0
    while i < len(pattern):
        c = pattern[i : i + 1]
        i += 1
        if c == b"*":
            if segments[-1] or len(segments) == 1:
                segments.append([])
        elif c == b"?":
            segments[-1].append(b".")
        elif c == b"[":
            piece, i = _class(pattern, i)
            segments[-1].append(piece)
        else:
            if c == b"\\" and i < len(pattern):
                c = pattern[i : i + 1]
                i += 1
            segments[-1].append(re.escape(c))
    # After a star the first place where the next segment fits is as good as any later one, so nothing needs trying
    # again: atomic groups. Only the last segment must reach the end.
    first, *rest = (b"".join(s) for s in segments)
    text = first
    for at, segment in enumerate(rest):
        text += b".*" + segment if at == len(rest) - 1 else b"(?>.*?" + segment + b")"
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _class(pattern: bytes, i: int) -> tuple[bytes, int]:
    """The class whose `[` stands before position `i`, and where it ends. Left open, it ends with the pattern."""
    inverted = pattern[i : i + 1] == b"^"
    if inverted:
        i += 1
    members: list[bytes] = []
    while i < len(pattern) and pattern[i : i + 1] != b"]":
        if pattern[i : i + 1] == b"\\" and i + 1 < len(pattern):
            members.append(re.escape(pattern[i + 1 : i + 2]))
            i += 2
        elif pattern[i + 1 : i + 2] == b"-" and i + 2 < len(pattern):
            low, high = sorted((pattern[i], pattern[i + 2]))
            members.append(re.escape(bytes([low])) + b"-" + re.escape(bytes([high])))
            i += 3
        else:
            members.append(re.escape(pattern[i : i + 1]))
            i += 1
    i += 1
    if not members:
        return (b"." if inverted else b"(?!)"), i
    return b"[" + (b"^" if inverted else b"") + b"".join(members) + b"]", i
