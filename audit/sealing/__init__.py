"""One process orders entries, links and signs them, behind the writers and without their help."""
