-- The columns of alerts by the names that are documented. Indexes, constraints and triggers follow.

ALTER TABLE alert_rules RENAME COLUMN created_by_id TO created_by;
ALTER TABLE alerts RENAME COLUMN acknowledged_by_id TO acknowledged_by;
ALTER TABLE alerts RENAME COLUMN resolved_by_id TO resolved_by;
ALTER TABLE alert_silences RENAME COLUMN created_by_id TO created_by;
