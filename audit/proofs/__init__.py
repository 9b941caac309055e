"""What the audit log proves with: hashes, trees, notes, canonical JSON, entries and bundles.

Pure: bytes in, bytes out; no database, no settings, no clock. The formats are specified in
`docs/audit-formats.md`, and vectors for other implementations lie in `tests/vectors/audit/`.
"""
