-- Whose a row is. A table is confined to the owners of its rows, or shared by the team; wider sight is a
-- role, never an OR in a policy, which would lose the index.

-- Every policy of the table goes, and row security with it.
CREATE FUNCTION unconfine(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy name;
BEGIN
    FOR policy IN SELECT polname FROM pg_policy WHERE polrelid = target LOOP
        EXECUTE format('DROP POLICY %I ON %s', policy, target);
    END LOOP;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = 'keep_author') THEN
        EXECUTE format('DROP TRIGGER keep_author ON %s', target);
    END IF;
    EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', target);
END
$$;
COMMENT ON FUNCTION unconfine(regclass) IS 'Takes row level security off a table; for migrations.';

-- What confine() and share() have in common: who sees every row.
CREATE FUNCTION close_rows(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.unconfine(target);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY everything ON %s TO lacuna_owner, lacuna_admin, lacuna_system'
        ' USING (true) WITH CHECK (true)', target
    );
    EXECUTE format('CREATE POLICY reports ON %s FOR SELECT TO lacuna_readonly USING (true)', target);
END
$$;
COMMENT ON FUNCTION close_rows(regclass) IS
    'Row level security without a policy for the application: nobody but admins and the system.';

CREATE FUNCTION confine(target regclass, owner_column text DEFAULT 'user_id') RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.close_rows(target);
    EXECUTE format(
        'CREATE POLICY own ON %1$s TO lacuna_app'
        ' USING (%2$I = (SELECT public.app_user_id()))'
        ' WITH CHECK (%2$I = (SELECT public.app_user_id()))', target, owner_column
    );
END
$$;
COMMENT ON FUNCTION confine(regclass, text) IS
    'Each row is seen and changed by the person named in owner_column alone; for migrations.';

-- A policy knows either the old row or the new one, and cannot tell who was named before.
CREATE FUNCTION keep_author() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_user = 'lacuna_app'
        AND (to_jsonb(NEW) ->> TG_ARGV[0])::uuid IS DISTINCT FROM public.app_user_id()
    THEN
        RAISE EXCEPTION 'Nobody writes into the table % in the name of somebody else.', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_author() IS
    'Trigger: whoever names another author of a shared row names themself.';

-- Each verb with the permissions of which one is needed; a verb without any is refused. Asked once for
-- a statement, not for each row. A new row names its author in author_column, where that is given.
CREATE FUNCTION share(
    target regclass,
    look text[],
    add text[] DEFAULT '{}',
    change text[] DEFAULT '{}',
    remove text[] DEFAULT '{}',
    author_column text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asks constant text := '(SELECT public.app_may(VARIADIC %L::text[]))';
BEGIN
    PERFORM public.close_rows(target);
    IF look <> '{}' THEN
        EXECUTE format(
            'CREATE POLICY look ON %s FOR SELECT TO lacuna_app USING (%s)', target,
            format(asks, look)
        );
    END IF;
    IF add <> '{}' THEN
        EXECUTE format(
            'CREATE POLICY add ON %s FOR INSERT TO lacuna_app WITH CHECK (%s%s)', target,
            format(asks, add),
            CASE WHEN author_column IS NULL THEN ''
                ELSE format(' AND %I = (SELECT public.app_user_id())', author_column) END
        );
    END IF;
    IF change <> '{}' THEN
        EXECUTE format(
            'CREATE POLICY change ON %s FOR UPDATE TO lacuna_app USING (%s)', target,
            format(asks, change)
        );
    END IF;
    IF author_column IS NOT NULL THEN
        EXECUTE format(
            'CREATE TRIGGER keep_author BEFORE UPDATE OF %2$I ON %1$s FOR EACH ROW'
            ' WHEN (OLD.%2$I IS DISTINCT FROM NEW.%2$I) EXECUTE FUNCTION public.keep_author(%2$L)',
            target, author_column
        );
    END IF;
    IF remove <> '{}' THEN
        EXECUTE format(
            'CREATE POLICY remove ON %s FOR DELETE TO lacuna_app USING (%s)', target,
            format(asks, remove)
        );
    END IF;
END
$$;
COMMENT ON FUNCTION share(regclass, text[], text[], text[], text[], text) IS
    'Each verb needs one of its permissions, whoever the row is from; for migrations.';

REVOKE EXECUTE ON FUNCTION unconfine(regclass) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION close_rows(regclass) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION confine(regclass, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION share(regclass, text[], text[], text[], text[], text) FROM PUBLIC;
