"""What the benchmarks of the job engine share: its peers, their processes, and how to measure."""
