"""Small queues that only the tests of the job engine have: one for each executor."""
