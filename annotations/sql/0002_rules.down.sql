SELECT uninstall_queue('batch_jobs');
SELECT uninstall_queue('ai_annotation_jobs');
DROP FUNCTION get_cache_stats();
DROP FUNCTION evict_lru_cache(integer, text);
CREATE OR REPLACE FUNCTION cleanup_expired_cache() RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    removed integer;
BEGIN
    DELETE FROM analysis_cache WHERE expires_at <= now();
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
GRANT EXECUTE ON FUNCTION cleanup_expired_cache() TO PUBLIC;
DROP TRIGGER measure_vision_api_cache ON vision_api_cache;
DROP FUNCTION measure_vision_api_cache();
DROP TRIGGER keep_exercise_answer ON exercise_answers;
DROP FUNCTION keep_exercise_answer();
ALTER TABLE batch_jobs DROP CONSTRAINT batch_jobs_parameters_check;
ALTER TABLE ai_annotation_jobs DROP CONSTRAINT ai_annotation_jobs_payload_check;
DROP TRIGGER set_completed_at ON batch_jobs;
DROP TRIGGER set_completed_at ON ai_annotation_jobs;
DROP FUNCTION set_annotation_job_completed_at();
DROP TRIGGER validate_status ON batch_jobs;
DROP TRIGGER validate_status ON ai_annotation_jobs;
DROP FUNCTION validate_annotation_job_transition();
DROP TRIGGER update_ai_annotation_jobs_updated_at ON ai_annotation_jobs;
DROP TRIGGER update_saved_views_updated_at ON saved_views;
DROP TRIGGER update_image_collections_updated_at ON image_collections;
DROP TRIGGER forget_annotations ON images;
DROP FUNCTION forget_annotations_of_image();
DROP TRIGGER keep_deleted_annotations ON annotations;
DROP FUNCTION keep_deleted_annotations();
DROP TRIGGER keep_annotation_versions ON annotations;
DROP FUNCTION keep_annotation_versions();
DROP TRIGGER count_annotation_version ON annotations;
DROP FUNCTION count_annotation_version();
DROP TRIGGER move_annotations ON collection_images;
DROP FUNCTION move_annotations();
DROP TRIGGER place_annotation ON annotations;
DROP FUNCTION place_annotation();
ALTER TABLE image_collections DROP CONSTRAINT image_collections_labels_check;
ALTER TABLE image_collections DROP CONSTRAINT image_collections_stages_check;
ALTER TABLE annotations DROP CONSTRAINT check_bounding_box_coords;
ALTER TABLE annotations DROP CONSTRAINT check_bounding_box_structure;
SELECT set_on_delete(t, c, 'NO ACTION') FROM (VALUES
    ('annotations'::regclass, 'image_id'), ('annotations', 'collection_id'),
    ('annotations', 'ai_job_id'), ('collection_images', 'collection_id'),
    ('collection_images', 'image_id'), ('annotation_reviews', 'annotation_id'),
    ('review_claims', 'annotation_id'), ('review_claims', 'reviewer_id'),
    ('review_extras', 'annotation_id'), ('review_extras', 'avoid_id'), ('saved_views', 'user_id'),
    ('ai_annotation_jobs', 'image_id'), ('ai_annotation_jobs', 'batch_job_id'),
    ('batch_job_errors', 'job_id'), ('exercise_cache', 'user_id'),
    ('exercise_answers', 'exercise_id'), ('exercise_answers', 'user_id'),
    ('annotations', 'user_id'), ('annotations', 'reviewed_by_id'),
    ('image_collections', 'created_by_id'), ('annotation_reviews', 'reviewer_id'),
    ('ai_annotation_jobs', 'user_id'), ('batch_jobs', 'user_id')
) AS keys (t, c);
