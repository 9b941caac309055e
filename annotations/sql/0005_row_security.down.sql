SELECT unconfine(t) FROM unnest(ARRAY[
    'image_collections', 'collection_images', 'annotations', 'annotation_history',
    'annotation_reviews', 'review_claims', 'review_extras', 'ai_annotation_jobs', 'batch_jobs',
    'batch_job_errors', 'vision_api_cache', 'confidence_calibrations', 'saved_views',
    'exercise_cache', 'exercise_answers'
]::regclass[]) AS tables (t);
