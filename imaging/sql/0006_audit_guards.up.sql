-- Images, their results and their queue in the audit log: what an action records has its entry;
-- what plain SQL changes gets one by trigger at the end of the transaction (log_audit_event).

-- processed_at follows the status; upload_count changes when the same bytes are handed in again.
SELECT audits.guard('images', 'image', '{updated_at,processed_at,upload_count}');
-- An entry about the image, such as that of its analysis, covers its result.
SELECT audits.guard('analysis_results', 'result', '{updated_at}', '{}', 'image:image_id');
-- The trigger alone writes it, in consequence of the result's change.
SELECT audits.guard('analysis_results_history', 'earlier_result', '{}', '{}', 'image:image_id');
SELECT guard_queue(
    'processing_queue', 'failed', 'processing', 'cancelled', 'image:image_id', inserts => true
);

-- What is kept in the cache is put in force as a result one day. What leaves it is computed again.
CREATE CONSTRAINT TRIGGER log_audit_event AFTER INSERT ON analysis_cache
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION log_audit_event(
        'cached_result', 'id', '{hit_count,last_accessed_at,expires_at}', '{}', 'image', 'image_id'
    );
CREATE CONSTRAINT TRIGGER log_audit_update
    AFTER UPDATE OF id, cache_key, image_id, analysis_id, algorithm_fingerprint, cached_result,
        created_at, size_bytes
    ON analysis_cache
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND (
        OLD.id, OLD.cache_key, OLD.image_id, OLD.analysis_id, OLD.algorithm_fingerprint,
        OLD.cached_result, OLD.created_at, OLD.size_bytes
    ) IS DISTINCT FROM (
        NEW.id, NEW.cache_key, NEW.image_id, NEW.analysis_id, NEW.algorithm_fingerprint,
        NEW.cached_result, NEW.created_at, NEW.size_bytes
    ))
    EXECUTE FUNCTION log_audit_event(
        'cached_result', 'id', '{hit_count,last_accessed_at,expires_at}', '{}', 'image', 'image_id'
    );

-- As before, with an entry for an analysis that failed for good: a worker's end or a lost machine's
-- is told by nobody else.
CREATE OR REPLACE FUNCTION follow_processing_queue() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF NEW.status = 'processing' THEN
        UPDATE images SET analysis_status = 'pending'
        WHERE id = NEW.image_id AND analysis_status IN ('completed', 'failed');
        UPDATE images SET analysis_status = 'processing'
        WHERE id = NEW.image_id AND analysis_status = 'pending';
    ELSIF NEW.status = 'failed' THEN
        UPDATE images SET analysis_status = 'failed', processed_at = now()
        WHERE id = NEW.image_id AND analysis_status IN ('pending', 'processing');
        PERFORM audits.record(
            'analysis.failed', 'image', NEW.image_id::text, 'failure', NULL,
            jsonb_build_object(
                'job', NEW.id, 'asked_by', NEW.user_id, 'attempts', NEW.attempt,
                'error', left(NEW.error_message, 10000)
            )
        );
    ELSIF NEW.status IN ('retrying', 'cancelled') AND OLD.status = 'processing' THEN
        UPDATE images SET analysis_status =
            CASE
                WHEN NEW.status = 'cancelled'
                    AND EXISTS (SELECT FROM analysis_results r WHERE r.image_id = NEW.image_id)
                THEN 'completed'
                ELSE 'pending'
            END
        WHERE id = NEW.image_id AND analysis_status = 'processing';
    END IF;
    RETURN NULL;
END
$$;
