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

DROP TRIGGER log_audit_update ON analysis_cache;
DROP TRIGGER log_audit_event ON analysis_cache;
SELECT unguard_queue('processing_queue');
SELECT audits.unguard('analysis_results_history');
SELECT audits.unguard('analysis_results');
SELECT audits.unguard('images');
