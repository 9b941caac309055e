DROP FUNCTION set_on_delete(regclass, text, text);
DROP FUNCTION update_updated_at_column();
DROP FUNCTION app_user_id();
DO $do$
BEGIN
    -- Only ours; the extension's function of the same name is not ours to drop.
    IF obj_description(to_regprocedure('uuid_generate_v4()')) = 'A random UUID; provided by Lacuna.' THEN
        DROP FUNCTION uuid_generate_v4();
    END IF;
END
$do$;
DROP FUNCTION new_key();
REVOKE USAGE ON SCHEMA public FROM lacuna_app, lacuna_readonly, lacuna_auditor, lacuna_backup;
