"""Two small queues that only the tests of the job engine have."""
