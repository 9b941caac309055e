-- Documented names where there are any; the queue's own indexes come from install_queue().

-- Annotations.
CREATE INDEX idx_annotations_image_confidence ON annotations (image_id, vision_confidence DESC);
CREATE INDEX idx_annotations_vision_generated ON annotations (vision_generated, created_at DESC);
CREATE INDEX idx_annotations_review_status ON annotations (review_status);
CREATE INDEX idx_annotations_vision_review ON annotations (vision_confidence, id)
    WHERE vision_generated AND review_status = 'pending';
CREATE INDEX idx_annotations_review_status_created ON annotations (review_status, created_at, id);
CREATE INDEX idx_annotations_reviewed_by ON annotations (reviewed_by_id, reviewed_at DESC);
CREATE INDEX idx_annotations_ai_job_id ON annotations (ai_job_id);
CREATE INDEX idx_annotations_user_id ON annotations (user_id);
CREATE INDEX idx_annotations_created_at ON annotations (created_at DESC, id DESC);
CREATE INDEX idx_annotations_collection ON annotations (collection_id, created_at DESC, id DESC);
-- The desk: the least certain first, in all and under each filter.
CREATE INDEX idx_annotations_desk ON annotations (review_rank, id) WHERE review_status = 'pending';
CREATE INDEX idx_annotations_desk_stage ON annotations (review_stage, review_rank, id)
    WHERE review_status = 'pending';
CREATE INDEX idx_annotations_desk_provider ON annotations (vision_provider, review_rank, id)
    WHERE review_status = 'pending';
CREATE INDEX idx_annotations_desk_label ON annotations (label, review_rank, id)
    WHERE review_status = 'pending';
CREATE INDEX idx_annotations_desk_collection ON annotations (collection_id, review_rank, id)
    WHERE review_status = 'pending';
-- What is known of a provider's confidence.
CREATE INDEX idx_annotations_calibration ON annotations (vision_provider, vision_model, reviewed_at)
    WHERE vision_generated AND review_status <> 'pending';

CREATE INDEX idx_annotation_history_image ON annotation_history (image_id);
CREATE INDEX idx_annotation_history_changed_at ON annotation_history (changed_at DESC, id DESC);
CREATE INDEX idx_annotation_reviews_annotation ON annotation_reviews (annotation_id, created_at);
CREATE INDEX idx_annotation_reviews_reviewer ON annotation_reviews (reviewer_id, created_at DESC, id DESC);
CREATE INDEX idx_annotation_reviews_created_at ON annotation_reviews (created_at DESC, id DESC);
CREATE INDEX idx_review_claims_reviewer ON review_claims (reviewer_id);
CREATE INDEX idx_review_claims_expires_at ON review_claims (expires_at);
CREATE INDEX idx_review_extras_open ON review_extras (kind, created_at, id) WHERE is_open;
CREATE INDEX idx_review_extras_avoid ON review_extras (avoid_id);
CREATE INDEX idx_collection_images_collection ON collection_images (collection_id, image_id);
CREATE INDEX idx_image_collections_created_by ON image_collections (created_by_id);

-- AI jobs and batches.
CREATE INDEX idx_ai_jobs_image_id ON ai_annotation_jobs (image_id);
CREATE INDEX idx_ai_jobs_status ON ai_annotation_jobs (status);
CREATE INDEX idx_ai_jobs_status_created ON ai_annotation_jobs (status, created_at, id);
CREATE INDEX idx_ai_jobs_provider ON ai_annotation_jobs (provider, created_at DESC);
CREATE INDEX idx_ai_jobs_user_id ON ai_annotation_jobs (user_id, created_at DESC);
CREATE INDEX idx_ai_jobs_batch ON ai_annotation_jobs (batch_job_id);
CREATE INDEX idx_ai_jobs_created_at ON ai_annotation_jobs (created_at DESC, id DESC);
CREATE INDEX idx_batch_jobs_status ON batch_jobs (status);
CREATE INDEX idx_batch_jobs_type ON batch_jobs (job_type, status, created_at);
CREATE INDEX idx_batch_jobs_user_id ON batch_jobs (user_id, created_at DESC);
CREATE INDEX idx_batch_jobs_created_at ON batch_jobs (created_at DESC, id DESC);
CREATE INDEX idx_batch_job_errors_lookup ON batch_job_errors (job_id, created_at);

-- Caches.
CREATE UNIQUE INDEX idx_cache_url_hash_provider ON vision_api_cache (url_hash, provider);
CREATE INDEX idx_cache_expires_at ON vision_api_cache (expires_at);
CREATE INDEX idx_cache_last_accessed ON vision_api_cache (last_accessed_at);
CREATE INDEX idx_cache_lookup ON vision_api_cache (url_hash, provider, expires_at);
CREATE INDEX idx_cache_active ON vision_api_cache (provider, created_at) WHERE invalidated_at IS NULL;
CREATE INDEX idx_cache_image ON vision_api_cache (image_id);
CREATE INDEX idx_exercise_cache_lookup
    ON exercise_cache (user_id, exercise_type, difficulty_level, topic, expires_at);
CREATE INDEX idx_exercise_cache_expires_at ON exercise_cache (expires_at);
CREATE INDEX idx_exercise_answers_user ON exercise_answers (user_id, created_at DESC);
