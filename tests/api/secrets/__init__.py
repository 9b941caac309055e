"""Secrets of every kind are planted in real processes and looked for wherever these write."""
