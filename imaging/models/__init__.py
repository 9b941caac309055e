"""The tables of images and their analysis."""

from imaging.models.analysis_cache import AnalysisCacheEntry
from imaging.models.analysis_result import AnalysisResult, AnalysisResultHistory
from imaging.models.image import AnalysisStatus, Image
from imaging.models.processing_job import ProcessingJob, QueueStatus

__all__ = [
    "AnalysisCacheEntry",
    "AnalysisResult",
    "AnalysisResultHistory",
    "AnalysisStatus",
    "Image",
    "ProcessingJob",
    "QueueStatus",
]
