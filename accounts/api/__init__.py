"""The API of people and their access."""
