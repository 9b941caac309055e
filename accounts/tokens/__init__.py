"""Access tokens: short-lived, signed with Ed25519, worth what the session they name is worth.

``docs/sessions.md`` and docs/decisions/0016-sessions-and-tokens.md tell how they are used.
"""
