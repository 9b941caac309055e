SELECT unguard_queue(t) FROM unnest(ARRAY['ai_annotation_jobs', 'batch_jobs']::regclass[]) AS q (t);
SELECT audits.unguard(t) FROM unnest(ARRAY[
    'annotations', 'annotation_reviews', 'image_collections', 'collection_images', 'review_extras',
    'confidence_calibrations', 'vision_api_cache'
]::regclass[]) AS tables (t);
