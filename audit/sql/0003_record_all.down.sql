DROP FUNCTION audits.record_all(text, text, text[], jsonb, jsonb);
