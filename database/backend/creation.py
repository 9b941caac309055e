"""Test databases: made by a login that may, owned by the role that migrates."""

from django.db.backends.postgresql import creation

from database import roles


class DatabaseCreation(creation.DatabaseCreation):
    """Django's, with the owner role as the database's owner."""

    def sql_table_creation_suffix(self) -> str:
        suffix: str = super().sql_table_creation_suffix()
        owner = self.connection.ops.quote_name(roles.OWNER)
        return f"{suffix or 'WITH'} OWNER {owner}"

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        """Drop the test database, also under a process that a test failed to end."""
        name = self.connection.ops.quote_name(test_database_name)
        with self._nodb_cursor() as cursor:  # type: ignore[attr-defined] # private
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
