"""The conventions of the REST API: errors, lists, repetition, ETags, limits, rights, schema.

``docs/api.md`` says how they look from outside and how an endpoint is written on them.
"""
