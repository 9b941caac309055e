"""Providers through the API."""
