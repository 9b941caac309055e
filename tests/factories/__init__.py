"""One factory for each model: a saved row with sensible values, any of which may be given."""

from tests.factories.accounts import make_user
from tests.factories.imaging import make_image, make_job, make_result
from tests.factories.ingestion import make_file
from tests.factories.monitoring import make_analysis, make_anomaly, make_dataset, make_map
from tests.factories.providers import make_own_key, make_price, make_provider, make_quota

__all__ = [
    "make_analysis",
    "make_anomaly",
    "make_dataset",
    "make_file",
    "make_image",
    "make_job",
    "make_map",
    "make_own_key",
    "make_price",
    "make_provider",
    "make_quota",
    "make_result",
    "make_user",
]
