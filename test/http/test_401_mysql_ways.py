# SPDX-License-Identifier: Apache-2.0
"""The ways to a MySQL server: TCP, socket, TLS; and several children that share it."""
import pytest

from fakes.certificates import Authority
from harness.mariadb import USER


@pytest.fixture
def database(maria, directory):
    """Always MariaDB here."""
    return maria.create_database(directory)


def _mine(proxy, pool):
    proxy.database.add_rig(pool)
    proxy.start()
    assert [reply.result for _, reply in proxy.miner().mine(3)] == [True] * 3
    proxy.wait_rows(3)


def test_tcp(make_proxy, database, make_pool):
    _mine(make_proxy(database), make_pool())


def test_socket(make_proxy, database, make_pool):
    database.url = f"mysql://{USER}@localhost/{database.name}?socket={database.server.socket}"
    _mine(make_proxy(database), make_pool())


def test_tls(make_proxy, database, make_pool):
    connection = database.server.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS 'secure'@'%' IDENTIFIED BY 'miner''s pass word' REQUIRE SSL")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {database.name}.* TO 'secure'@'%'")
    database.url = database.url.replace(f"{USER}@", "secure@") + f"?ssl-ca={database.server.authority.ca}"
    _mine(make_proxy(database), make_pool())


@pytest.mark.expects_log("MP0230")
def test_tls_with_a_server_of_another_authority(make_proxy, database, directory):
    database.url += f"?ssl-ca={Authority(directory / 'strange').ca}"
    proxy = make_proxy(database)
    proxy.httpd.start()
    assert proxy.login_status("rig1") == 503


def test_four_children_on_one_server(make_proxy, database, make_pool):
    proxy = make_proxy(database, children=4)
    _mine(proxy, make_pool())


def test_one_connection_is_enough(make_proxy, database, make_pool):
    _mine(make_proxy(database, ["MiningProxyDatabaseConnections 0 1"]), make_pool())


def test_names_in_every_script_survive(make_proxy, database, make_pool):
    pool = make_pool()
    worker = database.add_worker("größe-日本-⛏", "пароль")
    database.assign(worker, database.add_pool("плохой ⛏ pool", pool.url), "konto-ß-⛏", "пароль")
    proxy = make_proxy(database).start()
    assert proxy.miner("GRÖSSE-日本-⛏".replace("SS", "ß"), "пароль").mine(1)[0][1].result is True
    assert (pool.accepted[0].user, pool.accepted[0].password) == ("konto-ß-⛏", "пароль")
