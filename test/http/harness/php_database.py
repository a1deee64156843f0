# SPDX-License-Identifier: Apache-2.0
"""Databases as the PHP program bitcoin-mining-proxy left them, and as earlier versions of ours did: what migrate.sql must cope with.

The tables are written down here from what is known of them (names, types, keys), with all that makes a farm of many years odd: names
that differ in case, blanks or accents only, work in several widths, rows of workers that are gone.
"""
from datetime import datetime, timedelta, timezone
from pathlib import Path
import subprocess

from . import places
from .database import READINESS
from .mariadb import MariaDatabase, MariaServer

MIGRATE = places.ROOT / "database" / "migrate.sql"
WORKERS, POOLS = 50, 5
MIDNIGHT = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
LONG = "\u00fc" * 255

# Both pairs are one name for our unique key.
POOL_NAMES = ["alpha", "ALPHA  ", "alpha (2)", LONG, LONG.upper()]
ODD_LOGINS = [
    ("b\u00e4r", "p\u00e4ss 'w\u00f6rd\""), ("o'Neil \"x\"", "back\\slash % _"), ("\u65e5\u672c", "\u30de\u30a4\u30cb\u30f3\u30b0"),
    ("n" * 255, "p" * 70),
    (" leading", "  blanks  ")]

# The width of work_data.data is what differs most between versions; 0 to 2 hold whatever the pool sent.
_DATA = {0: "varchar(256) NOT NULL", 1: "char(255) NOT NULL", 2: "char(152) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
         3: "char(136) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"}
_WIDTH = {0: 256, 1: 255, 2: 152, 3: 136}


def logins() -> list[tuple[str, str]]:
    """Name and password of every worker, in the order of their ids."""
    plain = [(f"rig{number}", f"secret{number}") for number in range(1, WORKERS - len(ODD_LOGINS))]
    return [(READINESS, "secret"), *plain, *ODD_LOGINS]


def _tables(version: int) -> list[str]:
    keys = ", KEY by_time (time, worker_id)" if version >= 1 else ""
    work_keys = ", KEY time_requested_index (time_requested), KEY pool_time (pool_id, time_requested)" if version >= 2 else ""
    tail = "ENGINE=MyISAM DEFAULT CHARSET=utf8"
    tables = [
        "CREATE TABLE pool (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(255) NOT NULL, url varchar(255) NOT NULL,"
        f" enabled tinyint(1) NOT NULL) {tail}",
        "CREATE TABLE worker (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(255) NOT NULL,"
        f" password varchar(255) COLLATE utf8_bin NOT NULL, UNIQUE KEY (name)) {tail}",
        "CREATE TABLE worker_pool (pool_id int NOT NULL, worker_id int NOT NULL, pool_username varchar(255) COLLATE utf8_bin NOT NULL,"
        f" pool_password varchar(255) COLLATE utf8_bin NOT NULL, priority int NOT NULL, enabled tinyint(1) NOT NULL,"
        f" PRIMARY KEY (pool_id, worker_id)) {tail}",
        f"CREATE TABLE work_data (worker_id int NOT NULL, pool_id int NOT NULL, data {_DATA[version]}, time_requested datetime NOT NULL,"
        f" PRIMARY KEY (worker_id, data), KEY of_worker (worker_id, time_requested){work_keys}) {tail}",
        "CREATE TABLE submitted_work (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, worker_id int NOT NULL, pool_id int NOT NULL,"
        f" result tinyint(1) NOT NULL, time datetime NOT NULL, KEY of_worker (worker_id, result, time){keys}) {tail}"]
    if version >= 1:
        tables += [f"CREATE TABLE settings (`key` varchar(50) NOT NULL PRIMARY KEY, value varchar(50) NOT NULL) {tail}",
                   f"INSERT INTO settings VALUES ('version', '{version}')"]
    return tables


def _ago(days: int) -> str:
    return str(MIDNIGHT - timedelta(days=days))


def head_of(worker: int, number: int) -> bytes:
    """The 68 bytes of a work that the worker has."""
    return bytes([worker, number]) * 34


def _works(version: int) -> list[tuple[int, int, str, str]]:
    """Worker, pool, data and time: two works each; worker 2's first one once more in capitals, and two rows that are none."""
    tail = "00" * 60
    works = [(worker, 1 + worker % POOLS, (head_of(worker, number).hex() + tail)[:_WIDTH[version]], _ago(number))
             for worker in range(1, WORKERS + 1) for number in (1, 2)]
    again = (head_of(2, 0xab).hex() + tail)[:_WIDTH[version]]
    works += [(2, 1, again, _ago(4))]
    if version >= 2:
        works += [(2, 4, again.upper(), _ago(3))]
    return works + [(3, 1, "no digits at all", _ago(4)), (4, 1, "ab" * 30, _ago(4))]


class OldDatabase(MariaDatabase):
    """A database of an older version, which migrate() turns into ours."""

    def client(self, *options: str) -> list[str]:
        """The command that a user types."""
        return ["mariadb", "--no-defaults", f"--socket={self.server.socket}", "--user=root", *options, self.name]

    def migrate(self, check: bool = True, script: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs migrate.sql, or a spoiled copy of it."""
        text = script if script is not None else MIGRATE.read_text()
        done = subprocess.run(self.client("--default-character-set=utf8mb4"), input=text, capture_output=True, text=True, timeout=300,
                              check=False)
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr
        return done


class FormerDatabase(OldDatabase):
    """Ours of version 6, which alerted nobody; 5, which rolled no ntime; or 4: sums of 300 s only, in another order, and nothing about what workers did last."""

    def __init__(self, server: MariaServer, directory: Path, version: int = 4):
        super().__init__(server, server.create_database(directory, with_schema=False).name, directory, with_schema=True)
        self.run("DROP TABLE alert")
        if version < 6:
            self.run("ALTER TABLE pool DROP COLUMN roll_ntime")
        self.run("UPDATE settings SET value = ? WHERE `key` = 'version'", str(version))
        if version == 4:
            self._lose_sums()

    def _lose_sums(self) -> None:
        for statement in ("ALTER TABLE share_stats DROP PRIMARY KEY, DROP KEY worker_id, MODIFY period_start datetime NOT NULL FIRST,"
                          " ADD PRIMARY KEY (period_start, period_length, worker_id, pool_id)",
                          "ALTER TABLE submitted_work DROP KEY result_id", "DROP TABLE worker_status"):
            self.run(statement)


class PhpDatabase(OldDatabase):
    """A database of the PHP program; what its name ends with may need quoting."""

    def __init__(self, server: MariaServer, directory: Path, version: int, shares: int = 3000, burst: int = 10, ending: str = ""):
        empty = server.create_database(directory, with_schema=False)
        super().__init__(server, empty.name + ending, directory, with_schema=False)
        self.quoted_name = "`" + self.name.replace("`", "``") + "`"
        if ending:
            empty.run(f"CREATE DATABASE {self.quoted_name} CHARACTER SET utf8mb4")
        self.restore(version, shares, burst)

    def recreate(self) -> None:
        """Drops the database with all that is in it, and makes an empty one."""
        self.run(f"DROP DATABASE {self.quoted_name}")
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.quoted_name} CHARACTER SET utf8mb4")

    def restore(self, version: int, shares: int = 3000, burst: int = 10) -> None:
        """Makes the tables, as the import of a backup does: those of the same names go, others stay."""
        connection = self.server.connect(self.name, sql_mode="")
        with connection, connection.cursor() as cursor:
            for statement in _tables(version):
                if statement.startswith("CREATE"):
                    cursor.execute("DROP TABLE IF EXISTS " + statement.split()[2])
                cursor.execute(statement)
            cursor.executemany("INSERT INTO pool (name, url, enabled) VALUES (%s, %s, 1)",
                               [(name, f"http://pool{n}.example/") for n, name in enumerate(POOL_NAMES)])
            cursor.executemany("INSERT INTO worker (name, password) VALUES (%s, %s)", logins())
            cursor.executemany("INSERT INTO worker_pool VALUES (%s, %s, %s, 'x', %s, 1)",
                               [(pool, worker, f"me.{worker}@{pool}", pool) for worker in range(1, WORKERS + 1) for pool in (1, 2)]
                               + [(99, 1, "pool is gone", 0), (1, 777, "worker is gone", 0)])
            cursor.executemany("INSERT INTO work_data (worker_id, pool_id, data, time_requested) VALUES (%s, %s, %s, %s)", _works(version))
            # Thirteen months, in bursts, every 33rd rejected; ids have gaps, and one share has no time.
            step = 33000000 * burst // shares
            cursor.execute("INSERT INTO submitted_work (id, worker_id, pool_id, result, time)"
                           " SELECT seq * 2, 1 + seq % 50, 1 + seq % 5, seq % 33 <> 0,"
                           f" '{MIDNIGHT}' - INTERVAL ({shares} - seq) DIV {burst} * {step} + seq % {burst} SECOND FROM seq_1_to_{shares}")
            # The last year begins with a day, and the day may end while a test runs: nothing lies there.
            cursor.execute(f"DELETE FROM submitted_work WHERE ABS(DATEDIFF(time, '{MIDNIGHT}' - INTERVAL 1 YEAR)) < 3")
            cursor.execute("INSERT INTO submitted_work (worker_id, pool_id, result, time) VALUES (5, 1, 1, '0000-00-00 00:00:00')")
