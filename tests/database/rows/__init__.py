"""Who sees which row: the database's answer, asked as an intruder would ask."""
