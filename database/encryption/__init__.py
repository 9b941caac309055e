"""Secrets at rest: envelopes bound to their row, master keys held by a provider, rotation.

The format and the operators' guide are in docs/secrets.md.
"""
