"""The documented views of annotations as rows to read, as in ``imaging.api.report_rows``."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import models

VIEWS = Apps()


class PendingAiAnnotation(models.Model):
    """What AI proposed and nobody has decided on."""

    id = models.UUIDField(primary_key=True)
    image_id = models.UUIDField()
    label = models.CharField(max_length=200)
    bounding_box = models.JSONField()
    vision_confidence = models.FloatField()
    calibrated_confidence = models.FloatField(null=True)
    vision_provider = models.CharField(max_length=40)
    vision_model = models.CharField(max_length=120)
    review_status = models.CharField(max_length=20)
    review_stage = models.CharField(max_length=10)
    collection_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    file_name = models.TextField()
    image_dimensions = models.JSONField()
    ai_job_id = models.UUIDField(null=True)
    job_status = models.CharField(max_length=20, null=True)
    job_created_at = models.DateTimeField(null=True)
    job_completed_at = models.DateTimeField(null=True)

    class Meta:
        apps = VIEWS
        app_label = "annotations"
        managed = False
        db_table = "pending_ai_annotations"

    def __str__(self) -> str:
        return self.label


class AiJobStats(models.Model):
    """AI jobs by provider and status; the status is unique within a provider."""

    provider = models.CharField(max_length=40)
    status = models.CharField(max_length=20, primary_key=True)
    job_count = models.BigIntegerField()
    avg_duration_seconds = models.FloatField(null=True)
    avg_response_time_ms = models.FloatField(null=True)
    total_boxes = models.BigIntegerField(null=True)
    total_cost = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    first_job_at = models.DateTimeField()
    last_job_at = models.DateTimeField()

    class Meta:
        apps = VIEWS
        app_label = "annotations"
        managed = False
        db_table = "ai_job_stats"

    def __str__(self) -> str:
        return f"{self.provider}, {self.status}"


class ReviewerStats(models.Model):
    """What each reviewer decided, how fast, and how often others agreed."""

    reviewer_id = models.UUIDField(primary_key=True)
    reviewer_email = models.TextField()
    reviewer_name = models.TextField()
    total_reviews = models.BigIntegerField()
    approved_count = models.BigIntegerField()
    rejected_count = models.BigIntegerField()
    edited_count = models.BigIntegerField()
    reopened_count = models.BigIntegerField()
    avg_review_time_seconds = models.FloatField(null=True)
    median_review_time_seconds = models.FloatField(null=True)
    gold_count = models.BigIntegerField()
    gold_agreement = models.FloatField(null=True)
    spot_check_count = models.BigIntegerField()
    spot_check_agreement = models.FloatField(null=True)
    first_review_at = models.DateTimeField()
    last_review_at = models.DateTimeField()

    class Meta:
        apps = VIEWS
        app_label = "annotations"
        managed = False
        db_table = "reviewer_stats"

    def __str__(self) -> str:
        return self.reviewer_name


class CacheStats(models.Model):
    """The cache of providers' answers, by provider."""

    provider = models.CharField(max_length=40, primary_key=True)
    total_entries = models.BigIntegerField()
    active_entries = models.BigIntegerField()
    total_accesses = models.BigIntegerField()
    cache_hit_potential = models.FloatField(null=True)
    total_size_mb = models.FloatField()
    avg_response_time_ms = models.FloatField(null=True)
    last_accessed_at = models.DateTimeField()

    class Meta:
        apps = VIEWS
        app_label = "annotations"
        managed = False
        db_table = "cache_stats"

    def __str__(self) -> str:
        return self.provider
