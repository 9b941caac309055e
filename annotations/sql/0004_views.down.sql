DROP FUNCTION refresh_cache_metrics();
DROP MATERIALIZED VIEW cache_performance_metrics;
DROP VIEW cache_stats, reviewer_stats, ai_job_stats, pending_ai_annotations;
