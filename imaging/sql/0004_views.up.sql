-- Reports under their documented names. security_invoker: a view shows nobody more than the tables.

CREATE VIEW user_activity_summary WITH (security_invoker = true) AS
SELECT
    u.id AS user_id,
    u.email,
    u.full_name,
    u.role,
    u.is_active,
    u.last_login_at,
    coalesce(i.images_uploaded, 0) AS images_uploaded,
    coalesce(i.images_completed, 0) AS images_completed,
    coalesce(i.images_failed, 0) AS images_failed,
    coalesce(i.bytes_uploaded, 0) AS bytes_uploaded,
    i.last_upload_at,
    coalesce(r.analyses_run, 0) AS analyses_run,
    r.avg_confidence_score,
    r.avg_processing_time_ms,
    r.last_analysis_at
FROM users u
LEFT JOIN (
    SELECT
        user_id,
        count(*) AS images_uploaded,
        count(*) FILTER (WHERE analysis_status = 'completed') AS images_completed,
        count(*) FILTER (WHERE analysis_status = 'failed') AS images_failed,
        sum(file_size)::bigint AS bytes_uploaded,
        max(uploaded_at) AS last_upload_at
    FROM images
    GROUP BY user_id
) i ON i.user_id = u.id
LEFT JOIN (
    SELECT
        user_id,
        count(*) AS analyses_run,
        round(avg(confidence_score), 4) AS avg_confidence_score,
        round(avg(processing_time_ms), 1) AS avg_processing_time_ms,
        max(created_at) AS last_analysis_at
    FROM analysis_results
    GROUP BY user_id
) r ON r.user_id = u.id;
COMMENT ON VIEW user_activity_summary IS 'Each person''s uploads and analyses.';

CREATE VIEW queue_status_summary WITH (security_invoker = true) AS
SELECT
    status,
    count(*) AS job_count,
    round(avg(priority), 2) AS avg_priority,
    round(avg(retry_count), 2) AS avg_retry_count,
    min(created_at) AS oldest_created_at,
    max(created_at) AS newest_created_at,
    round(extract(epoch FROM avg(started_at - created_at))::numeric, 3) AS avg_wait_seconds,
    round(extract(epoch FROM avg(completed_at - started_at))::numeric, 3)
        AS avg_processing_seconds,
    round(extract(epoch FROM max(completed_at - started_at))::numeric, 3)
        AS max_processing_seconds
FROM processing_queue
GROUP BY status;
COMMENT ON VIEW queue_status_summary IS 'Jobs by status, with how long they wait and run.';

CREATE VIEW image_analysis_status WITH (security_invoker = true) AS
SELECT
    i.id AS image_id,
    i.user_id,
    i.file_name,
    i.file_size,
    i.analysis_status,
    i.uploaded_at,
    i.processed_at,
    r.id AS analysis_id,
    r.algorithm_version,
    r.confidence_score,
    r.processing_time_ms,
    jsonb_array_length(r.anomalies) AS anomaly_count,
    r.from_cache,
    q.id AS job_id,
    q.status AS queue_status,
    q.priority,
    q.retry_count,
    q.error_message,
    q.worker_id
FROM images i
LEFT JOIN analysis_results r ON r.image_id = i.id
LEFT JOIN LATERAL (
    SELECT * FROM processing_queue p
    WHERE p.image_id = i.id
    ORDER BY p.created_at DESC, p.id DESC
    LIMIT 1
) q ON true;
COMMENT ON VIEW image_analysis_status IS 'Each image with its result in force and its latest job.';

CREATE VIEW analysis_performance_summary WITH (security_invoker = true) AS
SELECT
    algorithm_version,
    performance_category,
    count(*) AS analysis_count,
    round(avg(processing_time_ms), 1) AS avg_processing_time_ms,
    min(processing_time_ms) AS min_processing_time_ms,
    max(processing_time_ms) AS max_processing_time_ms,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY processing_time_ms) AS p50_processing_time_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time_ms) AS p95_processing_time_ms,
    round(avg(confidence_score), 4) AS avg_confidence_score,
    max(created_at) AS last_analysis_at
FROM (
    SELECT
        *,
        CASE
            WHEN from_cache THEN 'cached'
            WHEN processing_time_ms < 1000 THEN 'fast'
            WHEN processing_time_ms < 5000 THEN 'normal'
            ELSE 'slow'
        END AS performance_category
    FROM analysis_results
    WHERE from_cache OR processing_time_ms IS NOT NULL
) r
GROUP BY algorithm_version, performance_category;
COMMENT ON VIEW analysis_performance_summary IS
    'Results by speed: cached, fast (under 1 s), normal (under 5 s), slow.';

CREATE VIEW duplicate_images_report WITH (security_invoker = true) AS
SELECT
    i.id AS image_id,
    i.file_name,
    i.file_size,
    i.user_id,
    i.uploaded_at,
    'near'::text AS duplicate_kind,
    i.duplicate_of_id,
    o.file_name AS duplicate_of_file_name,
    i.duplicate_distance AS distance_bits,
    i.duplicate_detected_at,
    NULL::integer AS times_handed_in
FROM images i
LEFT JOIN images o ON o.id = i.duplicate_of_id
WHERE i.is_duplicate
UNION ALL
SELECT
    i.id, i.file_name, i.file_size, i.user_id, i.uploaded_at, 'exact', i.id, i.file_name, 0,
    i.updated_at, i.upload_count
FROM images i
WHERE i.upload_count > 1;
COMMENT ON VIEW duplicate_images_report IS
    'Near duplicates by perceptual hash, and images whose very bytes were handed in again.';

GRANT SELECT ON user_activity_summary, queue_status_summary, image_analysis_status,
    analysis_performance_summary, duplicate_images_report TO lacuna_app, lacuna_readonly;
