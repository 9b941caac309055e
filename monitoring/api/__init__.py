"""Monitoring through the API."""
