-- Reports under their documented names. security_invoker: a view shows nobody more than the tables.

CREATE VIEW pending_ai_annotations WITH (security_invoker = true) AS
SELECT
    a.id,
    a.image_id,
    a.label,
    a.bounding_box,
    a.vision_confidence,
    a.calibrated_confidence,
    a.vision_provider,
    a.vision_model,
    a.review_status,
    a.review_stage,
    a.collection_id,
    a.created_at,
    i.file_name,
    i.file_path,
    i.image_dimensions,
    a.ai_job_id,
    j.status AS job_status,
    j.created_at AS job_created_at,
    j.completed_at AS job_completed_at
FROM annotations a
JOIN images i ON i.id = a.image_id
LEFT JOIN ai_annotation_jobs j ON j.id = a.ai_job_id
WHERE a.vision_generated AND a.review_status = 'pending'
ORDER BY a.vision_confidence, a.id;
COMMENT ON VIEW pending_ai_annotations IS
    'What AI proposed and nobody has decided on, the least certain first.';

CREATE VIEW ai_job_stats WITH (security_invoker = true) AS
SELECT
    j.provider,
    j.status,
    count(*) AS job_count,
    round(avg(extract(epoch FROM j.completed_at - j.started_at))::numeric, 3) AS avg_duration_seconds,
    round(avg(j.response_time_ms), 1) AS avg_response_time_ms,
    sum(j.box_count) AS total_boxes,
    sum(j.cost) AS total_cost,
    min(j.created_at) AS first_job_at,
    max(j.created_at) AS last_job_at
FROM ai_annotation_jobs j
GROUP BY j.provider, j.status;
COMMENT ON VIEW ai_job_stats IS 'AI jobs by provider and status, with how long they took.';

CREATE VIEW reviewer_stats WITH (security_invoker = true) AS
SELECT
    r.reviewer_id,
    u.email AS reviewer_email,
    u.full_name AS reviewer_name,
    count(*) FILTER (WHERE r.kind = 'review' AND r.decision <> 'reopened') AS total_reviews,
    count(*) FILTER (WHERE r.kind = 'review' AND r.decision = 'approved') AS approved_count,
    count(*) FILTER (WHERE r.kind = 'review' AND r.decision = 'rejected') AS rejected_count,
    count(*) FILTER (WHERE r.kind = 'review' AND r.was_edited) AS edited_count,
    count(*) FILTER (WHERE r.decision = 'reopened') AS reopened_count,
    round(avg(r.duration_ms) / 1000.0, 3) AS avg_review_time_seconds,
    round((percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms) / 1000)::numeric, 3)
        AS median_review_time_seconds,
    count(*) FILTER (WHERE r.kind = 'gold') AS gold_count,
    round(avg(r.agrees::integer) FILTER (WHERE r.kind = 'gold'), 4) AS gold_agreement,
    count(*) FILTER (WHERE r.kind = 'spot_check') AS spot_check_count,
    round(avg(r.agrees::integer) FILTER (WHERE r.kind = 'spot_check'), 4) AS spot_check_agreement,
    min(r.created_at) AS first_review_at,
    max(r.created_at) AS last_review_at
FROM annotation_reviews r
JOIN users u ON u.id = r.reviewer_id
GROUP BY r.reviewer_id, u.email, u.full_name;
COMMENT ON VIEW reviewer_stats IS 'What each reviewer decided, how fast, and how often others agreed.';

CREATE VIEW cache_stats WITH (security_invoker = true) AS
SELECT
    c.provider,
    count(*) AS total_entries,
    count(*) FILTER (WHERE c.invalidated_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now()))
        AS active_entries,
    coalesce(sum(c.access_count), 0)::bigint AS total_accesses,
    -- Of all questions, so many per cent were answered without asking anybody.
    round(100.0 * sum(c.access_count) / nullif(sum(c.access_count) + count(*), 0), 2)
        AS cache_hit_potential,
    round(sum(c.response_size_bytes) / 1048576.0, 3) AS total_size_mb,
    round(avg(c.response_time_ms), 1) AS avg_response_time_ms,
    max(c.last_accessed_at) AS last_accessed_at
FROM vision_api_cache c
GROUP BY c.provider;
COMMENT ON VIEW cache_stats IS 'The cache of providers'' answers by provider, and how often it answers.';

CREATE MATERIALIZED VIEW cache_performance_metrics AS
SELECT
    (c.created_at AT TIME ZONE 'UTC')::date AS metric_date,
    c.provider,
    count(*) AS entries_created,
    coalesce(sum(c.access_count), 0)::bigint AS total_accesses,
    round(100.0 * sum(c.access_count) / nullif(sum(c.access_count) + count(*), 0), 2)
        AS cache_hit_potential,
    round(avg(c.response_time_ms), 1) AS avg_response_time_ms,
    round(sum(c.response_size_bytes) / 1048576.0, 3) AS total_size_mb
FROM vision_api_cache c
GROUP BY 1, 2
WITH NO DATA;
COMMENT ON MATERIALIZED VIEW cache_performance_metrics IS
    'The cache of providers'' answers by day; refresh_cache_metrics() brings it up to date.';
CREATE UNIQUE INDEX idx_cache_performance_metrics
    ON cache_performance_metrics (metric_date, provider);

-- Readers see the old rows meanwhile. The first time there are none, and nobody to keep waiting.
CREATE FUNCTION fill_cache_metrics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF (SELECT relispopulated FROM pg_class WHERE oid = 'cache_performance_metrics'::regclass) THEN
        REFRESH MATERIALIZED VIEW CONCURRENTLY cache_performance_metrics;
    ELSE
        REFRESH MATERIALIZED VIEW cache_performance_metrics;
    END IF;
END
$$;
COMMENT ON FUNCTION fill_cache_metrics() IS 'A step of refresh_cache_metrics().';

-- In two steps: who may fill the view may not write into the audit log.
CREATE FUNCTION refresh_cache_metrics() RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM fill_cache_metrics();
    PERFORM audits.record('cache.measured', 'cache', 'cache_performance_metrics');
END
$$;
COMMENT ON FUNCTION refresh_cache_metrics() IS
    'Brings cache_performance_metrics up to date. Each run is in the audit log.';

-- Owned by who bypasses row security: a restore that fills it again finds rows.
GRANT CREATE ON SCHEMA public TO lacuna_backup;
GRANT SELECT ON vision_api_cache TO lacuna_backup;
ALTER MATERIALIZED VIEW cache_performance_metrics OWNER TO lacuna_backup;
ALTER FUNCTION fill_cache_metrics() OWNER TO lacuna_backup;
REVOKE CREATE ON SCHEMA public FROM lacuna_backup;
-- REFRESH … CONCURRENTLY compares old rows with new ones in a temporary table.
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO lacuna_backup', current_database());
END
$$;
SET LOCAL ROLE lacuna_backup;
REVOKE EXECUTE ON FUNCTION fill_cache_metrics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fill_cache_metrics()
    TO lacuna_app, lacuna_admin, lacuna_system, lacuna_owner;
GRANT SELECT ON cache_performance_metrics
    TO lacuna_owner, lacuna_app, lacuna_admin, lacuna_system, lacuna_readonly;
-- Not RESET ROLE: who logs in as somebody else migrates as the owner by SET ROLE, and goes on so.
SET LOCAL ROLE lacuna_owner;
REVOKE EXECUTE ON FUNCTION refresh_cache_metrics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_cache_metrics() TO lacuna_app;

GRANT SELECT ON pending_ai_annotations, ai_job_stats, reviewer_stats, cache_stats
    TO lacuna_app, lacuna_readonly, lacuna_backup;
