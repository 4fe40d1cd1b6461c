"""A snapshot that an instance has taken over, and the keys into which it is not merged yet.

Taking over is one step: from then on contexts are those of both. What it means for a key is computed when the key is
first asked for, or in the background, whichever comes first; so commands are served all the time, and no key is ever
seen half merged. A key that has not been touched since is still the one that lived under the old context.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergelaw.replica.table import Components
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import Engine
from mergelaw.semantics.values import Raw

__all__ = ["Components", "Lag"]


class Lag:
    """What is left to merge of one snapshot."""

    __slots__ = ("_left_seen", "_right_seen", "epoch", "place", "places", "theirs")

    def __init__(
        self,
        epoch: int,
        theirs: dict[bytes, Components],
        places: int,
        left_seen: CausalContext,
        right_seen: CausalContext,
    ) -> None:
        """`left_seen` was our context when it was taken over, `right_seen` is that of the snapshot."""
        self.epoch = epoch
        """Its number; entries with a smaller one are not merged with it yet."""
        self.theirs = theirs
        """Keys of the snapshot that are not merged yet."""
        self.place = 0
        self.places = places
        """Of the table's order: those from here to there may hold keys that the snapshot lacks."""
        self._left_seen = left_seen
        self._right_seen = right_seen

    def merged(
        self, mine: Components, theirs: Components, engines: Mapping[str, Engine], zeros: Mapping[str, Raw]
    ) -> Components:
        """What a key holds that is `mine` here and `theirs` in the snapshot.

        A store that one side lacks is merged with zero, else what was deleted there would live on here.
        """
        return {
            store: engines[store].merge(
                mine.get(store, zeros[store]), self._left_seen, theirs.get(store, zeros[store]), self._right_seen
            )
            for store in {**mine, **theirs}
        }
