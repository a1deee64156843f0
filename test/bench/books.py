# SPDX-License-Identifier: Apache-2.0
"""What a database has got of what was handed out, read so that the reading is no part of what is measured."""
from pathlib import Path
from typing import Any

from harness.database import Database
from harness.mariadb import MariaDatabase

from .observer import processor_time

TID = "SELECT tid FROM information_schema.processlist WHERE id = CONNECTION_ID()"


class Books:
    """One farm's tables. MariaDB is asked over one connection, whose thread's processor time is known apart; SQLite computes in this process."""

    def __init__(self, database: Database, since: str):
        self._database, self._since = database, since
        self._connection = database.server.connect(database.name) if isinstance(database, MariaDatabase) else None
        self._stat = Path(f"/proc/{database.server.pid}/task/{self._value(TID)}/stat") if self._connection else None

    def close(self) -> None:
        """Nobody looks any more."""
        if self._connection:
            self._connection.close()

    def rows(self) -> tuple[int, int]:
        """Works and shares since then."""
        return (self._value("SELECT COUNT(*) FROM work_data WHERE time_requested >= ?", self._since),
                self._value("SELECT COUNT(*) FROM submitted_work WHERE time >= ?", self._since))

    def getworks(self) -> int:
        """How many the statistics have."""
        return int(self._value("SELECT COALESCE(SUM(getworks), 0) FROM share_stats WHERE period_length = 300"))

    def looking(self) -> float:
        """Seconds that MariaDB has computed for these looks."""
        return processor_time(self._stat) if self._stat else 0

    def _value(self, sql: str, *parameters: Any) -> Any:
        if not self._connection:
            return self._database.value(sql, *parameters)
        with self._connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), parameters)
            return cursor.fetchone()[0]
