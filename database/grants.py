"""What the application and the reporting role may do with each table.

The owner grants after every ``migrate``, from the models: a table is readable and writable to the
application and readable to the reporting role, unless its model says otherwise:

``app_privileges``      what the application may do, e.g. ``("SELECT", "INSERT")``
``hidden_columns``      columns that the reporting role never sees, e.g. ``{"password_hash"}``

Default privileges are not used: they would also open partitions that are made later.
"""

from __future__ import annotations

from typing import Final

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from database import roles

# What the application may do it may do in each of its sights: the privileges are the same, the rows
# differ. (Membership cannot give them: the application would have to be a member of its members.)
_MIRROR: Final = """
DO $do$
DECLARE
    statement text;
    others constant text := 'lacuna_admin, lacuna_system';
    theirs constant oid[] := ARRAY['lacuna_admin', 'lacuna_system']::regrole[]::oid[];
BEGIN
    FOR statement IN
        -- What they were given before; nothing that others own, such as an extension's.
        SELECT format('REVOKE ALL ON SCHEMA %I FROM %s', nspname, others)
        FROM pg_namespace, aclexplode(nspacl) a
        WHERE a.grantee = ANY (theirs)
        UNION ALL
        SELECT format('REVOKE ALL ON %s %s FROM %s',
            CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass, others)
        FROM pg_class c, aclexplode(relacl) a
        WHERE a.grantee = ANY (theirs) AND pg_has_role(c.relowner, 'USAGE')
        UNION ALL
        SELECT format('REVOKE ALL (%s) ON %s FROM %s',
            string_agg(quote_ident(attname), ', '), attrelid::regclass, others)
        FROM pg_attribute, aclexplode(attacl) a
        WHERE a.grantee = ANY (theirs)
        GROUP BY attrelid
        UNION ALL
        SELECT format('REVOKE ALL ON FUNCTION %s FROM %s', p.oid::regprocedure, others)
        FROM pg_proc p, aclexplode(proacl) a
        WHERE a.grantee = ANY (theirs) AND pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('GRANT %s ON SCHEMA %I TO %s', a.privilege_type, nspname, others)
        FROM pg_namespace, aclexplode(nspacl) a
        WHERE a.grantee = 'lacuna_app'::regrole
        UNION ALL
        SELECT format('GRANT %s ON %s %s TO %s', string_agg(a.privilege_type, ', '),
            CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass, others)
        FROM pg_class c, aclexplode(relacl) a
        WHERE a.grantee = 'lacuna_app'::regrole AND pg_has_role(c.relowner, 'USAGE')
        GROUP BY c.oid, c.relkind
        UNION ALL
        SELECT format('GRANT %s (%s) ON %s TO %s', a.privilege_type,
            string_agg(quote_ident(attname), ', '), attrelid::regclass, others)
        FROM pg_attribute, aclexplode(attacl) a
        WHERE a.grantee = 'lacuna_app'::regrole
        GROUP BY attrelid, a.privilege_type
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', p.oid::regprocedure, others)
        FROM pg_proc p, aclexplode(proacl) a
        WHERE a.grantee = 'lacuna_app'::regrole AND pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE statement;
    END LOOP;
END
$do$
"""

# A dump needs to read whatever there is, also what no model knows, and where each sequence stands.
_BACKUP: Final = """
DO $do$
DECLARE
    schema name;
    month regclass;
BEGIN
    FOR schema IN
        SELECT nspname FROM pg_namespace
        WHERE nspname = 'public' OR nspowner = 'lacuna_owner'::regrole
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO lacuna_backup', schema);
        EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO lacuna_backup', schema);
    END LOOP;
    -- The months of a table, by their own names.
    FOR month IN
        SELECT c.oid FROM pg_class c
        WHERE c.relispartition AND c.relkind = 'r' AND c.relowner = 'lacuna_owner'::regrole
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO lacuna_backup', month);
    END LOOP;
END
$do$
"""

# Django's own tables hold sessions and password-like material: nothing for reports.
_FRAMEWORK = "django.contrib."


def apply(connection: BaseDatabaseWrapper) -> None:
    """Grant on every table that exists; the connection acts as the owner."""
    columns = _columns(connection)
    statements = []
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        if model._meta.managed and not model._meta.proxy and table in columns:
            statements += _statements(model, columns[table], connection)
    if "django_migrations" in columns:
        readers = f"{roles.APP}, {roles.READONLY}, {roles.BACKUP}"
        statements.append(f"GRANT SELECT ON django_migrations TO {readers}")
    statements.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {roles.APP}")
    with connection.cursor() as cursor:
        cursor.execute(";\n".join(statements))
        cursor.execute(_MIRROR)
        cursor.execute(_BACKUP)


def _statements(
    model: type[models.Model], columns: list[str], connection: BaseDatabaseWrapper
) -> list[str]:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    privileges = getattr(model, "app_privileges", ("SELECT", "INSERT", "UPDATE", "DELETE"))
    statements = [
        f"REVOKE ALL ON {table} FROM {roles.APP}, {roles.READONLY}",
        f"GRANT {', '.join(privileges)} ON {table} TO {roles.APP}",
        f"GRANT SELECT ON {table} TO {roles.BACKUP}",
    ]
    if not model.__module__.startswith(_FRAMEWORK):
        hidden: frozenset[str] = getattr(model, "hidden_columns", frozenset())
        shown = ", ".join(quote(column) for column in columns if column not in hidden)
        only = f" ({shown})" if hidden else ""
        statements.append(f"GRANT SELECT{only} ON {table} TO {roles.READONLY}")
    return statements


def _columns(connection: BaseDatabaseWrapper) -> dict[str, list[str]]:
    """Each table's columns, also those that only SQL made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1"
        )
        return dict(cursor.fetchall())
