"""What it costs to have a change recorded: a save with its entry, and by trigger alone."""

from tests.benchmarks.audit.tracked_save import main

if __name__ == "__main__":
    main()
