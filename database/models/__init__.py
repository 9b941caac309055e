"""The tables that belong to the installation itself."""

from database.models.migration_run import MigrationRun, MigrationStatus
from database.models.system_setting import SystemSetting

__all__ = ["MigrationRun", "MigrationStatus", "SystemSetting"]
