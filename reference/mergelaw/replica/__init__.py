"""The replica: a pure state machine of keys, effects and contexts. No clock, no sockets, no randomness of its own."""
