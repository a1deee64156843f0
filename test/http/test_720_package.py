# SPDX-License-Identifier: Apache-2.0
"""The Debian package: built, looked at by lintian, installed, used, upgraded, removed and purged, in a root of its own."""
import re
import subprocess

import pytest

from fakes.miner import Miner, NoWork
from fakes.ports import free_port
from harness import places
from harness.scratch import scratch_root
from harness.waiting import wait_until

PACKAGE = "libapache2-mod-miningproxy"
OLDER = "0.0.1~older"
MODULE, CONF = "/etc/apache2/mods-available/miningproxy.conf", "/etc/apache2/conf-available/miningproxy.conf"
DATABASE = "/var/lib/miningproxy/miningproxy.db"
APT = ("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-confold", "install", "-y", "--no-install-recommends")
FARM = ("runuser", "-u", "www-data", "--", "miningproxy-farm", "--database", f"sqlite:{DATABASE}")


def _run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The newest package, and one of the same files that is older."""
    built = tmp_path_factory.mktemp("deb")
    said = _run(str(places.ROOT / "tools" / "deb"), str(built), cwd=places.ROOT)
    newer, = [path for path in built.glob(f"{PACKAGE}_*.deb")]
    assert str(newer) in said and not re.search(r"^[EW]: ", said, re.MULTILINE), said
    tree = built / "tree"
    _run("dpkg-deb", "--raw-extract", str(newer), str(tree))
    control = tree / "DEBIAN" / "control"
    text, count = re.subn(r"^Version: .*$", f"Version: {OLDER}", control.read_text(), flags=re.MULTILINE)
    assert count == 1
    control.write_text(text)
    older = built / f"{PACKAGE}_{OLDER}.deb"
    _run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(older))
    return newer, older


def test_its_version_is_the_modules(package):
    """One is in the source, the other in debian/changelog."""
    version = re.search(r'^#define MP_VERSION "(.*)"$', (places.ROOT / "include/base/version.h").read_text(), re.MULTILINE)[1]
    assert _run("dpkg-deb", "--field", str(package[0]), "Version").strip() == version


class _Site:
    """Apache as Debian has it, in a scratch root."""

    def __init__(self, root):
        self.root, self.port, self.web = root, free_port(), free_port()

    def apache(self, verb):
        self.root.run("apachectl", verb)

    def start(self):
        self.apache("start")
        wait_until(lambda: self.root.has("/var/run/apache2/apache2.pid"), 20, "Apache runs")

    def stop(self):
        """Whatever state it is in."""
        if self.root.has("/var/run/apache2/apache2.pid"):
            self.root.try_run("apachectl", "stop")
            wait_until(lambda: not self.root.has("/var/run/apache2/apache2.pid"), 30, "Apache has ended")

    def log(self):
        return self.root.read("/var/log/apache2/error.log")

    def status_of(self, version):
        return f"install ok installed {version}" == self.root.run("dpkg-query", "-W", "-f", "${Status} ${Version}", PACKAGE)

    def mine(self):
        """@return whether a share was accepted"""
        miner = Miner(("127.0.0.1", self.port), "rig1", "secret")
        try:
            return miner.mine(1)[0][1].result is True
        except (ConnectionError, NoWork):
            return False
        finally:
            miner.close()

    def edit(self, path, pattern, text):
        edited, count = re.subn(pattern, text, self.root.read(path), flags=re.MULTILINE)
        assert count, f"{path} has no {pattern}"
        self.root.write(path, edited)


def _configure(site, pool):
    """What README.Debian says, on ports of our own."""
    root = site.root
    root.run("a2enmod", "-q", "headers")
    root.run("htpasswd", "-Bbc", "/etc/apache2/miningproxy.htpasswd", "admin", "secret")
    root.run("a2enconf", "-q", "miningproxy")
    site.edit(CONF, r"^( *Listen |.*<VirtualHost \*:)8332", rf"\g<1>{site.port}")
    site.edit(MODULE, r"^ *#MiningProxyFailbackAfter .*", "    MiningProxyFailbackAfter 31s")
    for command in (("add-pool", "alpha", pool.url), ("add-worker", "rig1", "secret"), ("assign", "rig1", "alpha", "me.rig1", "x")):
        root.run(*FARM, *command)


def test_a_life(package, directory, make_pool):
    newer, older = package
    with scratch_root(directory) as root:
        site = _Site(root)
        for path in (newer, older):
            root.bring(path, f"/var/cache/{path.name}")
        try:
            _live(site, make_pool(), f"/var/cache/{older.name}", f"/var/cache/{newer.name}")
        except AssertionError:
            print(root.try_run("tail", "-n", "40", "/var/log/apache2/error.log").stdout)
            raise
        finally:
            site.stop()


def _live(site, pool, older, newer):
    root = site.root
    root.run("apt-get", "-qq", "update")
    root.run(*APT, "apache2", "apache2-utils", older)
    site.edit("/etc/apache2/ports.conf", "^Listen 80$", f"Listen 127.0.0.1:{site.web}")
    assert site.status_of(OLDER)
    assert root.run("stat", "-c", "%U %G %a", "/var/lib/miningproxy") == "www-data www-data 700\n"
    # Enabled, and does nothing yet.
    assert root.has("/etc/apache2/mods-enabled/miningproxy.load") and not root.has("/etc/apache2/conf-enabled/miningproxy.conf")
    site.start()
    assert "MP0" not in site.log()
    site.stop()
    _configure(site, pool)
    site.start()
    wait_until(site.mine, 20, "a share is accepted")
    # An upgrade keeps what the admin wrote, and the farm.
    site.stop()
    root.run(*APT, newer)
    assert not site.status_of(OLDER) and "MiningProxyFailbackAfter 31s" in root.read(MODULE) and str(site.port) in root.read(CONF)
    site.start()
    wait_until(site.mine, 20, "a share is accepted after the upgrade")
    site.stop()
    # Removed: Apache goes on, the farm stays.
    root.run("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "remove", "-y", PACKAGE)
    assert not root.has("/etc/apache2/mods-enabled/miningproxy.load") and root.has(DATABASE) and root.has(CONF)
    site.start()
    site.stop()
    # Purged: nothing stays but what the admin made, and Apache's note that it was the admin who enabled the snippet.
    root.run("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "purge", "-y", PACKAGE)
    left = root.run("find", "/etc", "/usr", "/var/lib", "-name", "*miningproxy*").splitlines()
    assert left == ["/etc/apache2/miningproxy.htpasswd", "/var/lib/apache2/conf/enabled_by_admin/miningproxy"]
    site.start()
