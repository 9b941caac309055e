DROP TABLE performance_metrics;
DROP TABLE anomalies;
DROP TABLE monitor_data;
ALTER TABLE analyses DROP CONSTRAINT analyses_id_dataset_id_key;
