# SPDX-License-Identifier: Apache-2.0
"""`make deb`, and the life of the package on a Debian of its own: installed, configured as README.Debian says, upgraded, removed, purged."""
import re
import shutil
import subprocess

import pytest

from fakes.miner import Connection, Miner
from fakes.ports import free_port
from harness import places
from harness.errorlog import undeclared
from harness.scratch import ScratchRoot
from harness.waiting import wait_until

NAME = "libapache2-mod-miningproxy"
SNIPPET = "etc/apache2/conf-available/miningproxy.conf"
SETTINGS = "etc/apache2/mods-available/miningproxy.conf"
STATE = "var/lib/miningproxy"
DIRECTIVE = re.compile(r"^\s*#?(MiningProxy[A-Z]\w+) ", re.M)


def _run(*command, cwd=places.ROOT):
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _split(part):
    with open(places.ROOT / "conf" / "miningproxy.conf", encoding="utf-8") as conf:
        return subprocess.run([places.ROOT / "debian" / "split-conf", part], stdin=conf, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def package(base):
    """The package of this source. tools/deb fails where lintian finds anything."""
    _run("tools/deb", base / "deb")
    return next((base / "deb").glob(f"{NAME}_*.deb"))


@pytest.fixture
def older(package, directory):
    """The same with a lower version, and other words in both of its configuration files."""
    tree = directory / "older"
    _run("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 0.0.1", control.read_text(), flags=re.M))
    for name in (SNIPPET, SETTINGS):
        (tree / name).write_text("# of the older one\n" + (tree / name).read_text())
    _run("dpkg-deb", "--root-owner-group", "-b", tree, directory / "older.deb")
    return directory / "older.deb"


@pytest.fixture
def root(directory, package, older):
    """A Debian with Apache, and both packages in /srv."""
    if not places.IS_ROOT:
        pytest.skip("only root can install packages")
    scratch = ScratchRoot(directory / "scratch")
    try:
        scratch.apt_install("apache2 apache2-utils")
        shutil.copy(package, scratch.path("srv/newer.deb"))
        shutil.copy(older, scratch.path("srv/older.deb"))
        yield scratch
    finally:
        scratch.close()


class Site:
    """The Apache in there."""

    def __init__(self, root):
        self.root, self.port, self.miners_port = root, free_port(), free_port()
        root.run(f"sed -i 's/^Listen 80$/Listen 127.0.0.1:{self.port}/' /etc/apache2/ports.conf")
        root.run(f"sed -i 's/\\*:80>/*:{self.port}>/' /etc/apache2/sites-available/000-default.conf")
        root.run("echo 'ServerName localhost' >/etc/apache2/conf-enabled/name.conf")

    def start(self):
        """Checks the configuration, and starts."""
        assert "Syntax OK" in self.root.run("apachectl configtest")
        self.root.run("apachectl start")
        return self.wait_running()

    def wait_running(self):
        """Until it answers."""
        wait_until(lambda: self.answers(self.port), 20, "Apache answers")
        return self

    def stop(self):
        """Until the parent is gone."""
        self.root.run("apachectl stop")
        wait_until(lambda: not self.root.path("run/apache2/apache2.pid").exists(), 30, "Apache has ended")

    @staticmethod
    def answers(port):
        """Does anybody listen there?"""
        try:
            Connection(("127.0.0.1", port), 5).open()
        except OSError:
            return False
        return True

    def mine(self, count):
        """As many shares of rig1."""
        miner = Miner(("127.0.0.1", self.miners_port), "rig1", "secret")
        for _, reply in miner.mine(count):
            assert reply.result is True, reply
        miner.close()

    def shares(self):
        """Accepted ones in the database."""
        return int(self.root.run(f"sqlite3 -readonly /{STATE}/miningproxy.db 'SELECT COUNT(*) FROM submitted_work WHERE result = 1'"))

    def log(self):
        """The error log."""
        return self.root.path("var/log/apache2/error.log").read_text()

    def follow_readme(self, pool):
        """Every command of README.Debian, as it stands there, but for the pool, the port, the password's question, and systemd."""
        text = self.root.path(f"usr/share/doc/{NAME}/README.Debian").read_text()
        commands = re.findall(r"^ {7}(\S.*)$", text, re.M)
        script = "\n".join(["set -x", *commands])
        for said, here in (("-Bc /etc/apache2/miningproxy.htpasswd admin", "-bBc /etc/apache2/miningproxy.htpasswd admin hunter2"),
                           ("http://pool.example.com:8332", pool.url), ("localhost:8332", f"localhost:{self.miners_port}"),
                           ("systemctl restart apache2", "apachectl start"), ("curl ", "curl -sS --retry 20 --retry-delay 1 --retry-connrefused ")):
            assert said in script, said
            script = script.replace(said, here)
        return self.root.run(script)


def test_the_packages_version_is_the_modules():
    entry = (places.ROOT / "debian" / "changelog").read_text().split("\n", 1)[0]
    version = re.search(r'MP_VERSION "(.+)"', (places.ROOT / "include" / "base" / "version.h").read_text())[1]
    assert entry.startswith(f"{NAME} ({version}) "), (entry, version)


def test_every_directive_stands_in_one_of_the_two_files():
    whole = set(DIRECTIVE.findall((places.ROOT / "conf" / "miningproxy.conf").read_text()))
    module, service = set(DIRECTIVE.findall(_split("module"))), set(DIRECTIVE.findall(_split("service")))
    assert len(whole) > 20 and "MiningProxyDatabase" in service
    assert module | service == whole and not module & service
    active = [line for line in _split("module").splitlines() if line.strip() and not line.strip().startswith("#")]
    assert active == ["<IfModule mod_miningproxy.c>", "</IfModule>"], "the module alone does nothing"


def test_life_of_the_package(root, make_pool):
    pool, site = make_pool(), Site(root)
    before = root.files("/etc", "/usr", "/var/lib", "/srv")
    _install_and_find_apache_as_it_was(root, site)
    _configure_and_mine(root, site, pool)
    _upgrade_and_mine_on(root, site)
    _remove_and_come_back(root, site)
    _purge(root, site, before)
    complaints = undeclared(site.log(), {"AH00558"})
    assert not complaints, "\n".join(complaints)


def _install_and_find_apache_as_it_was(root, site):
    root.apt_install("/srv/older.deb")
    root.run("a2query -m miningproxy")
    assert not root.path("etc/apache2/conf-enabled/miningproxy.conf").is_symlink()
    assert root.run(f"stat -c '%U:%G %a' /{STATE}").strip() == "www-data:www-data 700"
    site.start()
    assert root.run(f"ls -A /{STATE}") == "" and " MP0" not in site.log()
    site.stop()


def _configure_and_mine(root, site, pool):
    root.run(f"sed -i 's/8332/{site.miners_port}/' /{SNIPPET}")
    assert '"data"' in site.follow_readme(pool)
    site.wait_running()
    site.mine(2)
    wait_until(lambda: site.shares() == 2, 10, "both shares are recorded")
    for path in ("/admin/", "/admin/static/console.css"):
        root.run(f"curl -sSf -o /dev/null -u admin:hunter2 http://localhost:{site.port}{path}")
    root.run(f"curl -sSf http://localhost:{site.port}/admin/", status=22)


def _upgrade_and_mine_on(root, site):
    edited = root.path(SNIPPET).read_text()
    policy = root.path("var/log/policy-rc.d.log")
    policy.write_text("")
    root.run("dpkg -i --force-confdef --force-confold /srv/newer.deb")
    assert "apache2 (restart)" in policy.read_text(), "the package asks for a restart"
    assert root.path(SNIPPET).read_text() == edited and "of the older one" not in root.path(SETTINGS).read_text()
    site.stop()
    site.start().mine(1)
    wait_until(lambda: site.shares() == 3, 10, "the database goes on")
    site.stop()


def _remove_and_come_back(root, site):
    root.run(f"dpkg -r {NAME}")
    assert not root.path("etc/apache2/mods-enabled/miningproxy.load").is_symlink()
    site.start()
    assert not site.answers(site.miners_port)
    site.stop()
    assert site.shares() == 3 and root.path(SNIPPET).exists()
    root.run("dpkg -i --force-confdef --force-confold /srv/newer.deb")
    site.start().mine(1)
    wait_until(lambda: site.shares() == 4, 10, "as if nothing had been")
    site.stop()


def _purge(root, site, before):
    root.run(f"dpkg -P {NAME}")
    site.start()
    site.stop()
    left = root.files("/etc", "/usr", "/var/lib", "/srv") - before
    mine = {name for name in left if "mining" in name.lower()}
    assert mine == {"/etc/apache2/miningproxy.htpasswd"}, mine
