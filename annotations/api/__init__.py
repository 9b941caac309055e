"""Annotations and their review, for programs."""
