# SPDX-License-Identifier: Apache-2.0
"""migrate.sql: every older version becomes what schema.sql makes, nothing is lost, and everything odd is told."""
from collections import Counter
from datetime import datetime, timedelta
import re

import pytest

from harness.php_database import LONG, MIDNIGHT, MIGRATE, WORKERS, FormerDatabase, OldDatabase, PhpDatabase, head_of, logins

VERSIONS = [0, 1, 2, 3]
LENGTHS = [300, 1800, 3600, 21600, 86400]
SCHEMA = [
    "SELECT table_name, engine, row_format, table_collation FROM information_schema.tables"
    " WHERE table_schema = ? AND table_name <> 'worker_pool_orphans' ORDER BY 1",
    "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, column_type, collation_name, extra"
    " FROM information_schema.columns WHERE table_schema = ? AND table_name <> 'worker_pool_orphans' ORDER BY 1, 3",
    "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type FROM information_schema.statistics"
    " WHERE table_schema = ? AND table_name <> 'worker_pool_orphans' ORDER BY 1, 2, 3"]


def _schema(database):
    return [database.rows(query, database.name) for query in SCHEMA]


def _leftovers(database):
    tables = database.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE 'upgrade%'",
                           database.name)
    return tables + database.rows("SELECT routine_name FROM information_schema.routines WHERE routine_schema = ?", database.name)


def _version(database):
    return database.value("SELECT value FROM settings WHERE `key` = 'version'")


def _sums(database):
    """What share_stats must hold, from the shares of the last year and the works."""
    since = MIDNIGHT.replace(year=MIDNIGHT.year - 1) if (MIDNIGHT.month, MIDNIGHT.day) != (2, 29) else MIDNIGHT - timedelta(366)
    sums = {}
    for worker, pool, result, time in database.rows("SELECT worker_id, pool_id, result, time FROM submitted_work WHERE time >= ?", since):
        _count(sums, time, worker, pool, [result, 1 - result, float(result), 0])
    for worker, pool, time in database.rows("SELECT worker_id, pool_id, time_requested FROM work_data WHERE time_requested >= ?", since):
        _count(sums, time, worker, pool, [0, 0, 0.0, 1])
    return sums


def _count(sums, time, worker, pool, values):
    seconds = int((time - datetime(1970, 1, 1)).total_seconds())
    for length in LENGTHS:
        key = (length, datetime(1970, 1, 1) + timedelta(seconds=seconds // length * length), worker, pool)
        sums[key] = [a + b for a, b in zip(sums.get(key, [0, 0, 0.0, 0]), values)]


def _stored_sums(database):
    return {row[:4]: list(row[4:]) for row in database.rows(
        "SELECT period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks FROM share_stats")}


@pytest.fixture(scope="module")
def schema(maria, base):
    """What an import of schema.sql makes."""
    directory = base / "imported"
    directory.mkdir(exist_ok=True)
    return _schema(maria.create_database(directory))


def _in_small_batches():
    """A copy of the script that tells its progress after 1,000 shares and 50 works."""
    script = MIGRATE.read_text()
    for many, few in (("LIMIT 100000)", "LIMIT 1000)"), (">= 100000 THEN", ">= 50 THEN")):
        assert script.count(many) == 1
        script = script.replace(many, few)
    return script


@pytest.mark.parametrize("version", VERSIONS)
def test_a_database_of_the_php_program(maria, directory, schema, version):
    database = PhpDatabase(maria, directory, version)
    shares = database.rows("SELECT id, worker_id, pool_id, result FROM submitted_work ORDER BY id")
    assignments = database.rows("SELECT * FROM worker_pool WHERE pool_id <> 99 AND worker_id <> 777 ORDER BY 1, 2")
    said = database.migrate(script=_in_small_batches()).stdout
    assert _schema(database) == schema
    assert _leftovers(database) == [] and _version(database) == "7"
    names = [row[0] for row in database.rows("SELECT name FROM pool ORDER BY id")]
    assert names == ["alpha", "ALPHA (3)", "alpha (2)", LONG, LONG.upper()[:251] + " (2)"]
    assert 'pool 2 "ALPHA  " has the name of pool 1' in said and "2 renamed" in said
    assert database.rows("SELECT name, password FROM worker ORDER BY id") == logins()
    assert database.rows("SELECT * FROM worker_pool ORDER BY 1, 2") == assignments
    assert database.rows("SELECT pool_id, worker_id FROM worker_pool_orphans ORDER BY 1") == [(1, 777), (99, 1)]
    assert "777\t(gone)\t1\talpha\tworker is gone" in said and "1\treadiness\t99\t(gone)\tpool is gone" in said
    assert database.rows("SELECT id, worker_id, pool_id, result FROM submitted_work ORDER BY id") == shares
    assert database.rows("SELECT DISTINCT share_id, reason, difficulty FROM submitted_work") == [(None, None, 1.0)]
    assert _stored_sums(database) == _sums(database)
    is_summed = database.value("SELECT COUNT(*) FROM share_stats WHERE period_length = 300")
    assert is_summed < len(shares), "shares of more than a year ago are in no sum"
    for count in (*range(1000, len(shares), 1000), len(shares)):
        assert f"submitted_work: {count} of {len(shares)} rows ({count * 100 // len(shares)} %)" in said
    assert len(shares) > 2000 and len(re.findall(r"work_data: \d+ of 10\d rows \(\d+ %\)", said)) == 2
    _check_works(database, version, said)
    _check_status(database)
    before = _checksums(database)
    again = database.migrate().stdout
    assert "nothing is left to do" in again and _checksums(database) == before and _leftovers(database) == []


def _check_works(database, version, said):
    rows = database.rows("SELECT worker_id, data, pool_id, difficulty, time_requested FROM work_data")
    works = {row[:2]: row[2:] for row in rows}
    wanted = {(worker, head_of(worker, number)): (1 + worker % 5, 1.0, MIDNIGHT - timedelta(number))
              for worker in range(1, WORKERS + 1) for number in (1, 2)}
    newest = (4, 3) if version >= 2 else (1, 4)
    wanted[2, head_of(2, 0xab)] = (newest[0], 1.0, MIDNIGHT - timedelta(newest[1]))
    assert works == wanted
    assert f"work_data: 101 rows; 2 left out, because they do not begin with 136 hexadecimal digits; {int(version >= 2)} others" in said


def _check_status(database):
    newest = {}
    for worker, pool, time in database.rows("SELECT worker_id, pool_id, time FROM submitted_work WHERE result = 1 ORDER BY time, id"):
        newest[worker] = (time, pool, 1.0)
    status = database.rows("SELECT worker_id, last_accepted_time, last_accepted_pool_id, last_accepted_difficulty,"
                           " last_work_time, last_work_pool_id FROM worker_status")
    assert {row[0]: row[1:4] for row in status} == newest
    assert {row[0]: row[4:] for row in status} == {worker: (MIDNIGHT - timedelta(1), 1 + worker % 5) for worker in range(1, WORKERS + 1)}


def _checksums(database):
    tables = "pool, worker, worker_pool, work_data, submitted_work, share_stats, worker_status, settings"
    return database.rows(f"CHECKSUM TABLE {tables}")


def _add_former_rows(database):
    database.run("INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)"
                 " VALUES (300, '2026-11-01 23:35:00', 1, 1, 2, 1, 4, 0), (300, '2026-11-01 23:55:00', 1, 1, 1, 0, 2.5, 3),"
                 " (300, '2026-11-02 00:00:00', 1, 1, 4, 0, 4, 0)")
    database.run("INSERT INTO submitted_work (share_id, worker_id, pool_id, result, difficulty, time) VALUES"
                 " (REPEAT('a', 32), 1, 2, 1, 8, '2026-11-01 23:59:59'), (REPEAT('b', 32), 1, 1, 1, 2.5, '2026-11-01 23:55:01'),"
                 " (REPEAT('c', 32), 1, 3, NULL, 1, '2026-11-02 00:00:00')")
    database.run("INSERT INTO work_data VALUES (1, REPEAT('x', 68), 2, 1, '2026-11-01 02:00:00')")


def test_a_former_database_of_ours(maria, directory, schema):
    database = FormerDatabase(maria, directory)
    _add_former_rows(database)
    kept = ("SELECT * FROM submitted_work ORDER BY id", "SELECT * FROM worker", "SELECT * FROM work_data")
    before = [database.rows(query) for query in kept]
    database.migrate()
    assert _schema(database) == schema
    assert _leftovers(database) == [] and _version(database) == "7"
    assert [database.rows(query) for query in kept] == before
    longer = [(datetime(2026, 11, 1), 3, 1, 6.5, 3), (datetime(2026, 11, 2), 4, 0, 4.0, 0)]
    sums = ("SELECT DATE_FORMAT(period_start, '%Y-%m-%d'), accepted, rejected, accepted_difficulty, getworks FROM share_stats"
            " WHERE period_length = ? ORDER BY period_start")
    for length in LENGTHS[1:]:
        assert database.rows(sums, length) == [(str(day.date()), *values) for day, *values in longer]
    assert len(database.rows(sums, 300)) == 3
    assert database.rows("SELECT * FROM worker_status") == [(1, datetime(2026, 11, 1, 2), 2, datetime(2026, 11, 1, 23, 59, 59), 2, 8.0)]


def test_a_database_of_version_5(maria, directory, schema):
    database = FormerDatabase(maria, directory, 5)
    pool = database.add_pool("alpha", "http://alpha/")
    database.migrate()
    assert _schema(database) == schema
    assert _leftovers(database) == [] and _version(database) == "7"
    assert database.rows("SELECT id, name, url, enabled, roll_ntime FROM pool") == [(pool, "alpha", "http://alpha/", 1, 0)]


def test_a_database_of_version_6(maria, directory, schema):
    database = FormerDatabase(maria, directory, 6)
    database.add_worker()
    tables = "pool, worker, worker_pool, work_data, submitted_work, share_stats, worker_status"
    before = database.rows(f"CHECKSUM TABLE {tables}")
    said = database.migrate().stdout
    assert "has schema version 6 and gets version 7" in said
    assert _schema(database) == schema and database.rows(f"CHECKSUM TABLE {tables}") == before
    assert _leftovers(database) == [] and _version(database) == "7"


def test_alerts_of_before_are_kept(maria, directory, schema):
    """The backup of an earlier version was imported over an upgraded database, or an earlier run was interrupted."""
    database = FormerDatabase(maria, directory, 6)
    database.import_schema()
    database.run("UPDATE settings SET value = '6' WHERE `key` = 'version'")
    database.run("INSERT INTO alert (kind, subject, host, text, time_began) VALUES ('test', 'x', 'x', 'x', '2026-11-30 00:00:00')")
    database.migrate()
    assert _schema(database) == schema and _version(database) == "7"
    assert database.value("SELECT COUNT(*) FROM alert") == 1


@pytest.mark.parametrize("version", [0, 3, 4, 5, 6])
def test_an_alert_of_another_program(maria, directory, version):
    database = FormerDatabase(maria, directory, version) if version >= 4 else PhpDatabase(maria, directory, version, shares=100)
    database.run("CREATE TABLE alert (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, words text)")
    before = _schema(database)
    done = database.migrate(check=False)
    assert done.returncode == 1 and "has a table alert that is not of mod_miningproxy: rename it first" in done.stdout
    assert _schema(database) == before and _leftovers(database) == []
    database.run("RENAME TABLE alert TO alert_of_another")
    database.migrate()
    assert _version(database) == "7" and database.value("SELECT COUNT(*) FROM alert") == 0


def test_a_database_of_ours_that_lacks_the_number_only(maria, directory, schema):
    database = maria.create_database(directory)
    database.run("UPDATE settings SET value = '4' WHERE `key` = 'version'")
    database.run("INSERT INTO share_stats VALUES (1800, '2026-11-01 00:00:00', 1, 1, 2, 1, 4, 0)")
    database.run("INSERT INTO worker_status (worker_id, last_work_time) VALUES (1, '2026-11-01 00:00:00')")
    old = OldDatabase(maria, database.name, directory, with_schema=False)
    before = _checksums(old)[:-1]
    old.migrate()
    assert _schema(old) == schema and _checksums(old)[:-1] == before and _version(old) == "7" and _leftovers(old) == []


REFUSED = {
    "empty": ([], "is empty: import database/schema.sql"),
    "foreign": (["CREATE TABLE settings (name int)", "CREATE TABLE bookmark (url text)"],
                "neither of bitcoin-mining-proxy nor of mod_miningproxy"),
    "newer": (["UPDATE settings SET value = '8' WHERE `key` = 'version'"], "has schema version 8"),
    "odd": (["UPDATE settings SET value = 'new' WHERE `key` = 'version'"], "which is no number"),
    "wrong number": (["UPDATE settings SET value = '2' WHERE `key` = 'version'"], "correct the version"),
    "unfinished import": (["DELETE FROM settings WHERE `key` = 'version'"], "was interrupted")}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_stays_as_it_is(maria, directory, what):
    statements, words = REFUSED[what]
    database = maria.create_database(directory, with_schema=what not in ("empty", "foreign"))
    database = OldDatabase(maria, database.name, directory, with_schema=False)
    for statement in statements:
        database.run(statement)
    before = _schema(database)
    done = database.migrate(check=False)
    assert done.returncode == 1 and words in done.stdout and "nothing was changed" in done.stderr
    assert _schema(database) == before and _leftovers(database) == []


def test_columns_of_others_are_not_thrown_away(maria, directory, schema):
    database = PhpDatabase(maria, directory, 3, shares=100)
    database.run("ALTER TABLE worker ADD COLUMN nick varchar(20) DEFAULT 'Bob'")
    database.run("ALTER TABLE pool ADD COLUMN note varchar(20)")
    said = database.migrate().stdout
    assert "pool.note, worker.nick" in said and "kept as NAME_before_7," in said
    assert database.value("SELECT COUNT(*) FROM worker_before_7 WHERE nick = 'Bob'") == WORKERS
    database.run("DROP TABLE worker_before_7, pool_before_7")
    assert _schema(database) == schema


def test_what_was_kept_once_does_not_give_way(maria, directory, schema):
    database = PhpDatabase(maria, directory, 3, shares=100)
    database.run("ALTER TABLE worker ADD COLUMN nick varchar(20) DEFAULT 'Bob'")
    database.run("CREATE TABLE worker_before_7 (mine int)")
    database.run("CREATE TABLE pool_before_7_2 (mine int)")
    assert "kept as NAME_before_7_3," in database.migrate().stdout
    assert database.value("SELECT COUNT(*) FROM worker_before_7_3 WHERE nick = 'Bob'") == WORKERS
    database.run("DROP TABLE worker_before_7, pool_before_7_2, worker_before_7_3")
    assert _schema(database) == schema and _leftovers(database) == []


def test_a_table_that_compared_names_in_another_way(maria, directory):
    database = PhpDatabase(maria, directory, 1, shares=100)
    database.run("ALTER TABLE worker MODIFY name varchar(255) COLLATE utf8_bin NOT NULL")
    database.run("INSERT INTO worker (id, name, password) VALUES (60, 'b\u001b[2J', 'x'), (61, 'B\u001b[2J', 'x')")
    database.run("INSERT INTO worker (id, name, password) VALUES (51, 'RIG1', 'x')")
    database.run("INSERT INTO pool (id, name, url, enabled) VALUES (11, 'a\tb\u009b', 'http://x/', 1), (12, 'A\tB\u009b', 'http://x/', 1)")
    said = database.migrate().stdout
    assert re.search(r'A LOGIN CHANGES: worker 51 "RIG1" has the name of worker 2 .* "RIG1 \(2\)" from now on', said)
    assert 'A LOGIN CHANGES: worker 61 "B<1B>[2J" has the name of worker 60 but for' in said and 'log in as "B<1B>[2J (2)" from' in said
    assert 'pool 12 "A<09>B<9B>" has the name of pool 11; it is "A<09>B<9B> (2)" from now on' in said
    assert "\u001b" not in said and "\u009b" not in said
    assert database.value("SELECT name FROM pool WHERE id = 12") == "A\tB\u009b (2)"
    assert database.rows("SELECT name, password FROM worker WHERE id IN (2, 51) ORDER BY id") == [("rig1", "secret1"), ("RIG1 (2)", "x")]


@pytest.mark.parametrize("version", [0, 3])
def test_schema_sql_in_an_old_database_does_no_harm(maria, directory, schema, version):
    database = PhpDatabase(maria, directory, version, shares=100)
    database.import_schema()
    database.migrate()
    assert _schema(database) == schema and _leftovers(database) == [] and _stored_sums(database) == _sums(database)


def test_a_table_in_the_way(maria, directory):
    database = PhpDatabase(maria, directory, 3, shares=100)
    database.run("CREATE TABLE share_stats (mine int)")
    database.run("INSERT INTO share_stats VALUES (1)")
    done = database.migrate(check=False)
    assert done.returncode == 1 and "rename it first" in done.stdout
    assert database.rows("SELECT * FROM share_stats") == [(1,)] and _leftovers(database) == []


@pytest.mark.parametrize("version", [0, 3])
def test_going_back(maria, directory, schema, version):
    """A backup that is imported over an upgraded database is a mixture: the refusal says what to do, and that helps."""
    database = PhpDatabase(maria, directory, version, shares=100, ending=" old-one")
    database.migrate()
    database.restore(version, shares=100)
    before = _schema(database)
    done = database.migrate(check=False)
    assert done.returncode == 1 and "drop and create the database, then import the backup" in done.stdout
    assert _schema(database) == before and _leftovers(database) == []
    database.recreate()
    database.restore(version, shares=100)
    database.migrate()
    assert _schema(database) == schema and _stored_sums(database) == _sums(database)


def test_names_in_a_wrong_character_set_are_told(maria, directory):
    database = PhpDatabase(maria, directory, 3, shares=100)
    mangled = "b\u00e4r 2".encode().decode("latin1")
    database.run("INSERT INTO worker (name, password) VALUES (?, 'x'), ('\u00c3', 'x'), ('caf\u00e9', 'x')", mangled)
    said = database.migrate().stdout
    told = said.split("wrong character set", 1)[1].split("worker_pool", 1)[0]
    assert re.findall(r"^(\d+)\t.*\t(.*)$", told, re.M) == [("51", "b\u00e4r 2")]
    assert database.value("SELECT name FROM worker WHERE id = 51") == mangled


def test_ids_of_what_is_gone_are_not_given_again(maria, directory):
    database = PhpDatabase(maria, directory, 3, shares=100)
    database.migrate()
    assert database.add_worker("new one") == 778 and database.add_pool("new one", "http://x/") == 100


def test_a_server_with_habits_of_its_own(maria, directory, schema):
    database = PhpDatabase(maria, directory, 2, shares=5000, ending="-of o'Neil's `\"ä")
    habits = ("SET SESSION autocommit = 0, SESSION sql_mode = 'ANSI,TRADITIONAL,ONLY_FULL_GROUP_BY,NO_BACKSLASH_ESCAPES',"
              " SESSION time_zone = '+05:00', SESSION collation_connection = latin1_swedish_ci, SESSION max_join_size = 100,"
              " SESSION group_concat_max_len = 20, SESSION max_statement_time = 0.3;\n")
    database.run(f"ALTER DATABASE {database.quoted_name} CHARACTER SET latin1")
    database.migrate(script=habits + MIGRATE.read_text())
    assert _schema(database) == schema
    assert _stored_sums(database) == _sums(database)
    assert Counter(row[0] for row in database.rows("SELECT result FROM submitted_work"))[1] > 4000
