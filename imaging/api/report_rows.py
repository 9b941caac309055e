"""The documented views as rows to read.

Their models stand in a registry of their own: a view is made by its migration's SQL, and nothing
of Django's should think that it has a table to keep.
"""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import models

VIEWS = Apps()


class ImageAnalysisStatus(models.Model):
    """Each image with its result in force and its latest job."""

    image_id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    file_name = models.TextField()
    file_size = models.BigIntegerField()
    analysis_status = models.TextField()
    uploaded_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)
    analysis_id = models.UUIDField(null=True)
    algorithm_version = models.TextField(null=True)
    confidence_score = models.FloatField(null=True)
    processing_time_ms = models.IntegerField(null=True)
    anomaly_count = models.IntegerField(null=True)
    from_cache = models.BooleanField(null=True)
    job_id = models.UUIDField(null=True)
    queue_status = models.TextField(null=True)
    priority = models.IntegerField(null=True)
    retry_count = models.IntegerField(null=True)
    error_message = models.TextField(null=True)
    worker_id = models.TextField(null=True)

    class Meta:
        apps = VIEWS
        app_label = "imaging"
        managed = False
        db_table = "image_analysis_status"

    def __str__(self) -> str:
        return self.file_name


class QueueStatusSummary(models.Model):
    """Jobs by status, with how long they wait and run."""

    status = models.CharField(max_length=20, primary_key=True)
    job_count = models.BigIntegerField()
    avg_priority = models.FloatField(null=True)
    avg_retry_count = models.FloatField(null=True)
    oldest_created_at = models.DateTimeField(null=True)
    newest_created_at = models.DateTimeField(null=True)
    avg_wait_seconds = models.FloatField(null=True)
    avg_processing_seconds = models.FloatField(null=True)
    max_processing_seconds = models.FloatField(null=True)

    class Meta:
        apps = VIEWS
        app_label = "imaging"
        managed = False
        db_table = "queue_status_summary"

    def __str__(self) -> str:
        return self.status


class AnalysisPerformanceSummary(models.Model):
    """Results by version and speed: cached, fast (under 1 s), normal (under 5 s), slow.

    The category is unique within a version; an order has both.
    """

    algorithm_version = models.CharField(max_length=50)
    performance_category = models.CharField(max_length=20, primary_key=True)
    analysis_count = models.BigIntegerField()
    avg_processing_time_ms = models.FloatField(null=True)
    min_processing_time_ms = models.IntegerField(null=True)
    max_processing_time_ms = models.IntegerField(null=True)
    p50_processing_time_ms = models.FloatField(null=True)
    p95_processing_time_ms = models.FloatField(null=True)
    avg_confidence_score = models.FloatField(null=True)
    last_analysis_at = models.DateTimeField(null=True)

    class Meta:
        apps = VIEWS
        app_label = "imaging"
        managed = False
        db_table = "analysis_performance_summary"

    def __str__(self) -> str:
        return f"{self.algorithm_version}, {self.performance_category}"


class DuplicateImagesReport(models.Model):
    """Near duplicates, and images whose very bytes were handed in again.

    An image can stand here once for each kind; an order has both.
    """

    image_id = models.UUIDField(primary_key=True)
    file_name = models.TextField()
    file_size = models.BigIntegerField()
    user_id = models.UUIDField()
    uploaded_at = models.DateTimeField()
    duplicate_kind = models.CharField(max_length=5)
    duplicate_of_id = models.UUIDField(null=True)
    duplicate_of_file_name = models.TextField(null=True)
    distance_bits = models.IntegerField(null=True)
    duplicate_detected_at = models.DateTimeField(null=True)
    times_handed_in = models.IntegerField(null=True)

    class Meta:
        apps = VIEWS
        app_label = "imaging"
        managed = False
        db_table = "duplicate_images_report"

    def __str__(self) -> str:
        return self.file_name


class UserActivitySummary(models.Model):
    """Each person's uploads and analyses."""

    user_id = models.UUIDField(primary_key=True)
    email = models.TextField()
    full_name = models.TextField()
    role = models.CharField(max_length=20)
    is_active = models.BooleanField()
    last_login_at = models.DateTimeField(null=True)
    images_uploaded = models.BigIntegerField()
    images_completed = models.BigIntegerField()
    images_failed = models.BigIntegerField()
    bytes_uploaded = models.BigIntegerField()
    last_upload_at = models.DateTimeField(null=True)
    analyses_run = models.BigIntegerField()
    avg_confidence_score = models.FloatField(null=True)
    avg_processing_time_ms = models.FloatField(null=True)
    last_analysis_at = models.DateTimeField(null=True)

    class Meta:
        apps = VIEWS
        app_label = "imaging"
        managed = False
        db_table = "user_activity_summary"

    def __str__(self) -> str:
        return self.full_name
