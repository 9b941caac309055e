-- What an action records has its entry; what plain SQL changes gets one by trigger.

SELECT audits.guard('annotations', 'annotation',
    '{updated_at,calibrated_confidence,quality_score,review_rank,version,collection_id}');
SELECT audits.guard('annotation_reviews', 'review', '{}', '{}', 'annotation:annotation_id');
SELECT audits.guard('image_collections', 'collection', '{updated_at}');
SELECT audits.guard('collection_images', 'collection_image', '{}', '{}', 'collection:collection_id');
SELECT audits.guard('review_extras', 'review_extra', '{is_open}', '{}', 'annotation:annotation_id');
SELECT audits.guard('confidence_calibrations', 'calibration');
SELECT audits.guard('vision_api_cache', 'cached_answer',
    '{access_count,last_accessed_at,response_size_bytes}', '{response_data,sealed_response}');
SELECT guard_queue('ai_annotation_jobs', 'failed', 'processing', 'cancelled', 'image:image_id');
SELECT guard_queue('batch_jobs', 'failed', 'processing', 'cancelled');
