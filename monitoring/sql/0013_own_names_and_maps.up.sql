-- Who asked, acknowledged or resolved is who says so: nobody writes another's name. Admins and the
-- system act for others.

CREATE FUNCTION write_ones_own_name() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_user = 'lacuna_app'
        AND (to_jsonb(NEW) ->> TG_ARGV[0])::uuid IS DISTINCT FROM app_user_id()
    THEN
        RAISE EXCEPTION '% names whoever writes it, and nobody else.', TG_ARGV[0]
            USING ERRCODE = 'insufficient_privilege', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0];
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION write_ones_own_name() IS
    'Trigger: refuses the name of somebody else in the column that its argument names.';

CREATE TRIGGER write_ones_own_name BEFORE INSERT ON analyses
    FOR EACH ROW EXECUTE FUNCTION write_ones_own_name('created_by');
CREATE TRIGGER write_ones_own_name BEFORE INSERT ON alert_rules
    FOR EACH ROW EXECUTE FUNCTION write_ones_own_name('created_by');
CREATE TRIGGER write_ones_own_name BEFORE INSERT ON alert_silences
    FOR EACH ROW EXECUTE FUNCTION write_ones_own_name('created_by');

CREATE TRIGGER begin_acknowledged BEFORE INSERT ON anomalies
    FOR EACH ROW WHEN (NEW.acknowledged_by IS NOT NULL)
    EXECUTE FUNCTION write_ones_own_name('acknowledged_by');
CREATE TRIGGER acknowledge_in_ones_own_name BEFORE UPDATE OF acknowledged_by ON anomalies
    FOR EACH ROW WHEN (
        NEW.acknowledged_by IS NOT NULL AND NEW.acknowledged_by IS DISTINCT FROM OLD.acknowledged_by
    )
    EXECUTE FUNCTION write_ones_own_name('acknowledged_by');
CREATE TRIGGER begin_acknowledged BEFORE INSERT ON alerts
    FOR EACH ROW WHEN (NEW.acknowledged_by IS NOT NULL)
    EXECUTE FUNCTION write_ones_own_name('acknowledged_by');
CREATE TRIGGER acknowledge_in_ones_own_name BEFORE UPDATE OF acknowledged_by ON alerts
    FOR EACH ROW WHEN (
        NEW.acknowledged_by IS NOT NULL AND NEW.acknowledged_by IS DISTINCT FROM OLD.acknowledged_by
    )
    EXECUTE FUNCTION write_ones_own_name('acknowledged_by');
CREATE TRIGGER begin_resolved BEFORE INSERT ON alerts
    FOR EACH ROW WHEN (NEW.resolved_by IS NOT NULL)
    EXECUTE FUNCTION write_ones_own_name('resolved_by');
CREATE TRIGGER resolve_in_ones_own_name BEFORE UPDATE OF resolved_by ON alerts
    FOR EACH ROW WHEN (
        NEW.resolved_by IS NOT NULL AND NEW.resolved_by IS DISTINCT FROM OLD.resolved_by
    )
    EXECUTE FUNCTION write_ones_own_name('resolved_by');

-- --- Whose map -----------------------------------------------------------------------------------

-- A foreign key looks past row security: a map of somebody else is none that one can name. The
-- owner stands in the row by now (``take_owner``).
CREATE FUNCTION use_ones_own_map() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM dinsight_data m WHERE m.id = NEW.dinsight_id AND m.user_id = NEW.user_id
    ) THEN
        RAISE EXCEPTION 'A dataset takes maps of its owner alone.'
            USING ERRCODE = 'check_violation', TABLE = 'analyses', COLUMN = 'dinsight_id',
                CONSTRAINT = 'analyses_map_owner';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION use_ones_own_map() IS
    'Trigger: an analysis is of a map of its dataset''s owner.';
CREATE TRIGGER use_ones_own_map BEFORE INSERT OR UPDATE OF dinsight_id ON analyses
    FOR EACH ROW WHEN (NEW.dinsight_id IS NOT NULL)
    EXECUTE FUNCTION use_ones_own_map();
