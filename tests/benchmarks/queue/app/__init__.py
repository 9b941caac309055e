"""Queues that only the benchmarks have."""
