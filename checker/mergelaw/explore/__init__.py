"""The explorer: every interleaving of a small system, on the spec, on the replica core and on the network."""
