"""Replication: instances connect to each other, tell what they have received, and send what the other lacks."""
