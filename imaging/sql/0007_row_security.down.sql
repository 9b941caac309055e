ALTER FUNCTION follow_processing_queue() SECURITY INVOKER RESET search_path;
SELECT unconfine(t) FROM unnest(ARRAY[
    'images', 'analysis_results', 'analysis_results_history', 'analysis_cache', 'processing_queue'
]::regclass[]) AS tables (t);
