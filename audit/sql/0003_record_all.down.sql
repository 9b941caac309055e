ALTER FUNCTION audits.is_recorded(text, text) RESET enable_bitmapscan;
DROP FUNCTION audits.record_all(text, text, text[], jsonb, jsonb);
