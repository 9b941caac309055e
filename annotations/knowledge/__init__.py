"""What reviews teach: how good providers and people are, and what a confidence means.

``matching``, ``agreement``, ``intervals``, ``calibration`` and ``comparison`` are mathematics on
arrays and know no database; ``queries`` brings them their figures, summed up by PostgreSQL.
"""
