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
