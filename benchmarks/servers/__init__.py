"""The servers that are compared. Each takes a port, prints ``ready`` and serves until it is ended."""
