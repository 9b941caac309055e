-- What an action records has its entry; what plain SQL changes gets one by trigger.

-- One entry on an image tells of all the boxes that a provider, or a file, has put there.
SELECT audits.guard('annotations', 'annotation',
    '{updated_at,calibrated_confidence,quality_score,review_rank,version,collection_id}', '{}',
    'image:image_id');
SELECT audits.guard('annotation_reviews', 'review', '{}', '{}', 'annotation:annotation_id');
SELECT audits.guard('image_collections', 'collection', '{updated_at}');
SELECT audits.guard('collection_images', 'collection_image', '{}', '{}', 'collection:collection_id');
SELECT audits.guard('review_extras', 'review_extra', '{is_open}', '{}', 'annotation:annotation_id');
SELECT audits.guard('confidence_calibrations', 'calibration');
SELECT audits.guard('vision_api_cache', 'cached_answer',
    '{access_count,last_accessed_at,response_size_bytes}', '{response_data,sealed_response}');
-- What leaves the cache is asked for again; who empties it stands in the log by the functions' entries.
DROP TRIGGER log_audit_event ON vision_api_cache;
CREATE CONSTRAINT TRIGGER log_audit_event AFTER INSERT ON vision_api_cache
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION log_audit_event(
        'cached_answer', 'id', '{access_count,last_accessed_at,response_size_bytes}',
        '{response_data,sealed_response}', '', ''
    );
SELECT guard_queue('ai_annotation_jobs', 'failed', 'processing', 'cancelled', 'image:image_id');
SELECT guard_queue('batch_jobs', 'failed', 'processing', 'cancelled');

-- Workers note how far they have come and what they hold for a call; that is no change of a job.
DROP TRIGGER log_audit_update ON ai_annotation_jobs;
CREATE CONSTRAINT TRIGGER log_audit_update AFTER UPDATE OF
        id, created_at, priority, max_retries, unique_key, image_id, user_id, provider, model,
        fallbacks, request_payload, response_payload, sealed_payloads, batch_job_id, from_cache,
        box_count, cost, response_time_ms, error_code
    ON ai_annotation_jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (
        OLD.id, OLD.created_at, OLD.priority, OLD.max_retries, OLD.unique_key, OLD.image_id,
        OLD.user_id, OLD.provider, OLD.model, OLD.fallbacks, OLD.request_payload,
        OLD.response_payload, OLD.sealed_payloads, OLD.batch_job_id, OLD.from_cache,
        OLD.box_count, OLD.cost, OLD.response_time_ms, OLD.error_code
    ) IS DISTINCT FROM (
        NEW.id, NEW.created_at, NEW.priority, NEW.max_retries, NEW.unique_key, NEW.image_id,
        NEW.user_id, NEW.provider, NEW.model, NEW.fallbacks, NEW.request_payload,
        NEW.response_payload, NEW.sealed_payloads, NEW.batch_job_id, NEW.from_cache,
        NEW.box_count, NEW.cost, NEW.response_time_ms, NEW.error_code
    ))
    EXECUTE FUNCTION log_job_event(
        '{status,retry_count,error_message,last_error_at,started_at,completed_at,'
        'estimated_completion_at,worker_id,attempt,available_at,expires_at,deadline_at,turn,'
        'cancel_requested,progress_done,progress_total,progress_message,hold_id,updated_at}',
        'image', 'image_id'
    );
DROP TRIGGER log_audit_update ON batch_jobs;
CREATE CONSTRAINT TRIGGER log_audit_update AFTER UPDATE OF
        id, created_at, priority, max_retries, unique_key, job_type, user_id, parameters
    ON batch_jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (
        OLD.id, OLD.created_at, OLD.priority, OLD.max_retries, OLD.unique_key, OLD.job_type,
        OLD.user_id, OLD.parameters
    ) IS DISTINCT FROM (
        NEW.id, NEW.created_at, NEW.priority, NEW.max_retries, NEW.unique_key, NEW.job_type,
        NEW.user_id, NEW.parameters
    ))
    EXECUTE FUNCTION log_job_event(
        '{status,retry_count,error_message,last_error_at,started_at,completed_at,'
        'estimated_completion_at,worker_id,attempt,available_at,expires_at,deadline_at,turn,'
        'cancel_requested,progress_done,progress_total,progress_message,item_count,done_count,'
        'error_count,resume_after}',
        '', ''
    );
