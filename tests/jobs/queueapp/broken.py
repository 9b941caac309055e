"""A module whose import fails, as one with a missing library would."""

from __future__ import annotations

raise RuntimeError("the telegraph has no mast")
