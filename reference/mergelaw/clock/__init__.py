"""Time, as an argument: the replica core reads no clock of its own."""
