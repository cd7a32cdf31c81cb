"""Loopback venues for tests and benchmarks."""
