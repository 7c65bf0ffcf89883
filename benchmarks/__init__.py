"""Callweave, greenswitch and bare sockets taking the same scripted calls: ``python -m benchmarks``."""
