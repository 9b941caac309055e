DROP FUNCTION refresh_cache_metrics();
DROP FUNCTION fill_cache_metrics();
DROP MATERIALIZED VIEW cache_performance_metrics;
DROP VIEW cache_stats, reviewer_stats, ai_job_stats, pending_ai_annotations;
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM lacuna_backup', current_database());
END
$$;
