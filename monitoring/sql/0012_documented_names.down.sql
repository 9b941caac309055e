ALTER TABLE alert_silences RENAME COLUMN created_by TO created_by_id;
ALTER TABLE alerts RENAME COLUMN resolved_by TO resolved_by_id;
ALTER TABLE alerts RENAME COLUMN acknowledged_by TO acknowledged_by_id;
ALTER TABLE alert_rules RENAME COLUMN created_by TO created_by_id;
