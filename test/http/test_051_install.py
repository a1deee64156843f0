# SPDX-License-Identifier: Apache-2.0
"""`make install` into a scratch root, what httpd thinks of it, and `make uninstall`, which leaves nothing behind."""
import subprocess

from harness import places


def _make(target, root):
    command = ["make", "-s", target, f"DESTDIR={root}", f"BUILD={places.BUILD}"]
    done = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_installed_and_taken_away_again(directory):
    root = directory / "root"
    _make("install", root)
    files = _files(root)
    module = next(name for name in files if name.endswith("mod_miningproxy.so"))
    assert f"/{module}" == f"{places.libexecdir()}/mod_miningproxy.so"
    for name in ("usr/sbin/miningproxy-farm", "usr/share/miningproxy/database/schema.sql", "usr/share/miningproxy/database/migrate.sql",
                 "etc/apache2/mods-available/miningproxy.load", "etc/apache2/mods-available/miningproxy.conf",
                 "usr/share/miningproxy/conf/prometheus/miningproxy.rules.yml", "usr/share/miningproxy/conf/grafana/miningproxy.json"):
        assert name in files, sorted(files)
    help_text = subprocess.run([root / "usr/sbin/miningproxy-farm", "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "add-pool" in help_text
    _make("uninstall", root)
    assert _files(root) == set()


# These name files that the admin makes.
OF_THE_ADMIN = ("MiningProxyDatabasePasswordFile", "MiningProxyAlertHeaderFile", "MiningProxyAlertCommand")


def test_the_installed_configuration_passes_configtest(directory, make_httpd):
    root = directory / "root"
    _make("install", root)
    conf = (root / "etc/apache2/mods-available/miningproxy.conf").read_text()
    lines = [line.strip()[1:] if line.strip().startswith("#MiningProxy") else line for line in conf.splitlines()]
    kept = [line for line in lines if not line.startswith(OF_THE_ADMIN)]
    httpd = make_httpd()
    httpd.config.directives = ["\n".join(kept)]
    done = httpd.configtest()
    assert done.returncode == 0, done.stdout + done.stderr
