-- Indexes, under the names that operators use. Each foreign key leads one of them.

CREATE INDEX idx_images_created_at ON images (created_at DESC, id DESC);
CREATE INDEX idx_images_updated_at ON images (updated_at DESC);
CREATE INDEX idx_images_user_id_created_at ON images (user_id, created_at DESC, id DESC);
CREATE INDEX idx_images_analysis_status_created_at
    ON images (analysis_status, created_at DESC, id DESC);
CREATE INDEX idx_images_metadata ON images USING gin (metadata jsonb_path_ops);
CREATE INDEX idx_images_image_dimensions ON images USING gin (image_dimensions jsonb_path_ops);
CREATE INDEX idx_images_file_name ON images (lower(file_name) text_pattern_ops);
CREATE INDEX idx_images_duplicate_of_id ON images (duplicate_of_id)
    WHERE duplicate_of_id IS NOT NULL;
CREATE INDEX idx_images_is_duplicate ON images (created_at DESC, id DESC) WHERE is_duplicate;
-- The four quarters of the perceptual hash, for find_near_duplicates().
CREATE INDEX idx_images_perceptual_hash_0 ON images ((perceptual_hash & 65535));
CREATE INDEX idx_images_perceptual_hash_1 ON images (((perceptual_hash >> 16) & 65535));
CREATE INDEX idx_images_perceptual_hash_2 ON images (((perceptual_hash >> 32) & 65535));
CREATE INDEX idx_images_perceptual_hash_3 ON images (((perceptual_hash >> 48) & 65535));

CREATE INDEX idx_analysis_results_user_id_created_at
    ON analysis_results (user_id, created_at DESC);
CREATE INDEX idx_analysis_results_algorithm_version ON analysis_results (algorithm_version);
CREATE INDEX idx_analysis_results_created_at ON analysis_results (created_at DESC, id DESC);
CREATE INDEX idx_analysis_results_updated_at ON analysis_results (updated_at DESC);
CREATE INDEX idx_analysis_results_confidence_score
    ON analysis_results (confidence_score DESC NULLS LAST, id DESC);
CREATE INDEX idx_analysis_results_negative_space_data
    ON analysis_results USING gin (negative_space_data jsonb_path_ops);
CREATE INDEX idx_analysis_results_anomalies
    ON analysis_results USING gin (anomalies jsonb_path_ops);
CREATE INDEX idx_analysis_results_quality_metrics
    ON analysis_results USING gin (quality_metrics jsonb_path_ops);

CREATE INDEX idx_analysis_results_history_image_id
    ON analysis_results_history (image_id, superseded_at DESC);
CREATE INDEX idx_analysis_results_history_user_id ON analysis_results_history (user_id);

CREATE INDEX idx_processing_queue_image_id ON processing_queue (image_id, created_at DESC);
CREATE INDEX idx_processing_queue_user_id ON processing_queue (user_id, created_at DESC);
CREATE INDEX idx_processing_queue_created_at ON processing_queue (created_at DESC, id DESC);
CREATE INDEX idx_processing_queue_status_priority
    ON processing_queue (status, priority DESC, created_at);
CREATE INDEX idx_processing_queue_created_at_status ON processing_queue (created_at, status);
CREATE INDEX idx_processing_queue_failed_retrying ON processing_queue (status, last_error_at DESC)
    WHERE status IN ('failed', 'retrying');

CREATE INDEX idx_analysis_cache_image_id ON analysis_cache (image_id);
CREATE INDEX idx_analysis_cache_analysis_id ON analysis_cache (analysis_id);
CREATE INDEX idx_analysis_cache_expires_at ON analysis_cache (expires_at);
CREATE INDEX idx_analysis_cache_last_accessed_at ON analysis_cache (last_accessed_at);
CREATE INDEX idx_analysis_cache_created_at ON analysis_cache (created_at DESC);
