"""The disk: a log of effects and snapshots that compact it, in two SQLite databases of one folder."""
