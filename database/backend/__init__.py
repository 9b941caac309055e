"""Django's PostgreSQL backend, which also carries the acting user and starts the private server."""
