SELECT unguard_queue('analyses');
SELECT audits.unguard('analysis_archives');
SELECT audits.unguard('anomalies');
SELECT audits.unguard('datasets');
SELECT audits.unguard('config_data');
SELECT unconfine(t) FROM unnest(ARRAY[
    'performance_metrics', 'analysis_archives', 'monitor_data_archive', 'anomalies',
    'monitor_data', 'analyses', 'feature_data', 'dinsight_data', 'datasets', 'config_data'
]::regclass[]) AS tables (t);
