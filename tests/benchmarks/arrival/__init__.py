"""What happens to a file that arrives, step by step, and the files and the clock for it."""
