"""Takes checkpoints to where the log's own operators cannot take them back.

``targets`` reads the setting AUDIT_PUBLISH; ``folder``, ``bucket`` and ``witness`` are the kinds of
targets there are; ``publisher`` goes round them. What somebody else has seen binds the log: when a
target knows more than we do, or something else, nothing is sealed any more.
"""
