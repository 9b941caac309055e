DROP TRIGGER use_ones_own_map ON analyses;
DROP FUNCTION use_ones_own_map();

DROP TRIGGER resolve_in_ones_own_name ON alerts;
DROP TRIGGER begin_resolved ON alerts;
DROP TRIGGER acknowledge_in_ones_own_name ON alerts;
DROP TRIGGER begin_acknowledged ON alerts;
DROP TRIGGER acknowledge_in_ones_own_name ON anomalies;
DROP TRIGGER begin_acknowledged ON anomalies;
DROP TRIGGER write_ones_own_name ON alert_silences;
DROP TRIGGER write_ones_own_name ON alert_rules;
DROP TRIGGER write_ones_own_name ON analyses;
DROP FUNCTION write_ones_own_name();
