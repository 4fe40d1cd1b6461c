"""The server: the pure core behind the Redis protocol, with sockets, a disk, a clock and settings."""
