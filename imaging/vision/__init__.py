"""What a picture shows, found out here: boxes from our own analysis, birds from open weights.

Nothing here knows the database or the web.

    provider = LocalProvider(models=home / "models")
    answer = provider.annotate(Access(), "", picture, prompt, schema)
"""

from imaging.vision.errors import WeightsMissing
from imaging.vision.local import DETECTOR_MODEL, LIMITS, MODEL, LocalProvider
from imaging.vision.weights import PACKAGE, PACKAGE_VERSION

__all__ = [
    "DETECTOR_MODEL",
    "LIMITS",
    "MODEL",
    "PACKAGE",
    "PACKAGE_VERSION",
    "LocalProvider",
    "WeightsMissing",
]
