"""The password of clients."""

from __future__ import annotations

import hashlib
import hmac

USER = b"default"
"""The only user."""


class Password:
    """What opens the server to clients. Kept hashed, so neither its length nor its text shows in the time taken."""

    __slots__ = ("_digest",)

    def __init__(self, password: str) -> None:
        """Empty: none is needed."""
        self._digest = _hashed(password.encode("utf-8", "surrogateescape")) if password else None

    @property
    def required(self) -> bool:
        """Whether clients must authenticate."""
        return self._digest is not None

    def opens(self, user: bytes, password: bytes) -> bool:
        """Whether they are right; in constant time."""
        same = hmac.compare_digest(_hashed(password), self._digest or _hashed(b""))
        return same and user == USER and self._digest is not None


def _hashed(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
