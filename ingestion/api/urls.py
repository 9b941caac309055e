"""The addresses of files of numbers, below ``/api/v1/``."""

from config.api.routers import Router
from ingestion.api import files

router = Router()
router.register("files", files.FileViewSet, basename="file")

urlpatterns = router.urls
