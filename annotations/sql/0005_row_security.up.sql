-- Annotations, their jobs and their reviews belong to the team; exercises and saved views to one person.

SELECT share('image_collections', look => '{annotations.view_annotation}',
    add => '{annotations.change_imagecollection}', change => '{annotations.change_imagecollection}');
SELECT share('collection_images', look => '{annotations.view_annotation}',
    add => '{annotations.change_imagecollection}', change => '{annotations.change_imagecollection}',
    remove => '{annotations.change_imagecollection}');
SELECT share(
    'annotations', look => '{annotations.view_annotation}',
    add => '{annotations.add_annotation,annotations.annotate_image}',
    change => '{annotations.change_annotation,annotations.review_annotation}',
    remove => '{annotations.delete_annotation}', author_column => 'user_id'
);
-- Written by keep_annotation_versions() alone.
SELECT share('annotation_history', look => '{annotations.view_annotation}');
SELECT share('annotation_reviews', look => '{annotations.view_annotation}',
    add => '{annotations.review_annotation}', author_column => 'reviewer_id');
SELECT share('review_claims', look => '{annotations.review_annotation}',
    add => '{annotations.review_annotation}', change => '{annotations.review_annotation}',
    remove => '{annotations.review_annotation}', author_column => 'reviewer_id');
SELECT share('review_extras', look => '{annotations.review_annotation}',
    add => '{annotations.review_annotation}', change => '{annotations.review_annotation}');
SELECT share(
    'ai_annotation_jobs', look => '{annotations.view_annotation}',
    add => '{annotations.annotate_image}', change => '{annotations.annotate_image,jobs.change_queue}',
    author_column => 'user_id'
);
SELECT share(
    'batch_jobs', look => '{annotations.view_annotation}',
    add => '{annotations.annotate_image,annotations.review_annotation}',
    change => '{annotations.annotate_image,annotations.review_annotation,jobs.change_queue}',
    author_column => 'user_id'
);
SELECT share('batch_job_errors', look => '{annotations.view_annotation}',
    add => '{annotations.annotate_image,annotations.review_annotation}',
    remove => '{annotations.annotate_image,annotations.review_annotation}');
SELECT share('vision_api_cache', look => '{annotations.view_annotation}',
    add => '{annotations.annotate_image}', change => '{annotations.annotate_image}');
SELECT share('confidence_calibrations', look => '{annotations.view_annotation}');
SELECT confine('saved_views');
SELECT confine('exercise_cache');
SELECT confine('exercise_answers');
