-- A dataset and all that belongs to it are its owner's alone; parameters of maps are the team's.

SELECT share(
    'config_data', look => '{monitoring.view_mapconfig}', add => '{monitoring.add_mapconfig}',
    author_column => 'created_by'
);
SELECT confine(t) FROM unnest(ARRAY[
    'datasets', 'dinsight_data', 'feature_data', 'analyses', 'monitor_data', 'anomalies'
]::regclass[]) AS tables (t);
-- Samples are packed, and analyses put away, by the system.
SELECT close_rows('monitor_data_archive');
CREATE POLICY own ON monitor_data_archive FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT close_rows('analysis_archives');
CREATE POLICY own ON analysis_archives FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT share('performance_metrics', look => '{monitoring.view_performancemetric}');

SELECT audits.guard('config_data', 'map_config');
SELECT audits.guard(
    'datasets', 'dataset', '{updated_at,last_analysis_at}', '{metadata,sealed_metadata}'
);
SELECT audits.guard('anomalies', 'anomaly', parent => 'dataset:dataset_id');
SELECT audits.guard('analysis_archives', 'analysis_archive');
SELECT guard_queue(
    'analyses', 'failed', 'processing', 'cancelled', 'dataset:dataset_id', inserts => true
);
