DROP TRIGGER update_system_settings_updated_at ON system_settings;
DROP FUNCTION create_month_partitions(regclass, date, integer);
