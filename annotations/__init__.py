"""Annotations: AI proposes, people review, everyone learns how good each is."""
