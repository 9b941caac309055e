-- As before; where a line stands is asked as the owner, since the line is everybody's and whoever
-- joins it need not see the others. Fair queueing by start tags (Goyal, Vin and Cheng, 1996). A job
-- takes the turn after its person's last one in the line, but none that is already past.
CREATE OR REPLACE FUNCTION install_turns(target regclass, ready text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    name text := (SELECT relname FROM pg_class WHERE oid = target);
    of_person text := '0';
    has_person boolean := EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = target AND attname = 'user_id' AND NOT attisdropped
    );
BEGIN
    EXECUTE format(
        'CREATE INDEX %I ON %s ((-priority), turn, id) WHERE status = %L AND available_at IS NULL',
        'idx_' || name || '_ready', target, ready
    );
    IF has_person THEN
        -- Each person's own line; jobs for nobody share one. Its condition is written otherwise
        -- than the line's, so that the planner never takes the one index for the other: without
        -- statistics they look alike, and the line of all is long.
        EXECUTE format(
            'CREATE INDEX %I ON %s ((-priority),'
            ' (coalesce(user_id, ''00000000-0000-0000-0000-000000000000''::uuid)), turn, id)'
            ' WHERE status || '''' = %L AND available_at IS NULL',
            'idx_' || name || '_turns', target, ready
        );
        of_person := format(
            '(SELECT q.turn FROM %s q WHERE q.status || '''' = %L AND q.available_at IS NULL'
            ' AND -q.priority = -class AND coalesce(q.user_id,'
            ' ''00000000-0000-0000-0000-000000000000''::uuid)'
            ' = coalesce(who, ''00000000-0000-0000-0000-000000000000''::uuid)'
            ' ORDER BY q.turn DESC LIMIT 1)', target, ready
        );
    END IF;
    EXECUTE format(
        -- One INSERT of many rows keeps the plan of its first, made when the table was small.
        'CREATE FUNCTION %I(who uuid, class integer) RETURNS bigint LANGUAGE sql VOLATILE'
        ' SECURITY DEFINER SET search_path = public, pg_temp'
        ' SET enable_seqscan = off SET enable_bitmapscan = off AS %L',
        'last_turn_' || name,
        format(
            'SELECT least(4e18, greatest(0, (SELECT l.turn FROM job_lines l'
            ' WHERE l.table_name = %L AND l.priority = class), %s))::bigint', name, of_person
        )
    );
    EXECUTE format(
        'CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS %L',
        'take_turn_' || name,
        format(
            E'BEGIN\n    NEW.turn := %I(%s, NEW.priority) + 1;\n    RETURN NEW;\nEND',
            'last_turn_' || name,
            CASE WHEN has_person THEN 'NEW.user_id' ELSE 'NULL' END
        )
    );
    EXECUTE format(
        'CREATE TRIGGER take_turn_on_insert BEFORE INSERT ON %s FOR EACH ROW'
        ' WHEN (NEW.turn IS NULL) EXECUTE FUNCTION %I()', target, 'take_turn_' || name
    );
    EXECUTE format(
        'CREATE TRIGGER take_turn_on_update BEFORE UPDATE OF priority ON %s FOR EACH ROW'
        ' WHEN (NEW.priority <> OLD.priority) EXECUTE FUNCTION %I()', target, 'take_turn_' || name
    );
END
$$;

DO $do$
DECLARE
    known regprocedure;
BEGIN
    FOR known IN
        SELECT oid FROM pg_proc
        WHERE proname LIKE 'last\_turn\_%' AND pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', known);
    END LOOP;
END
$do$;
