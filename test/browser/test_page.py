# SPDX-License-Identifier: Apache-2.0
"""What a person sees who opens the miners' address in a browser; on a phone, too."""
import struct
import subprocess

import pytest

from harness import places

QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
PHONE = (390, 844)


@pytest.fixture
def browse(directory):
    """Runs Chromium once, on a profile of its own."""
    def run(*arguments):
        command = ["chromium", *QUIET, f"--user-data-dir={directory / 'profile'}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True, cwd=directory).stdout
    return run


def test_the_page_in_words(proxy, browse):
    proxy.start()
    page = browse("--dump-dom", f"http://127.0.0.1:{proxy.httpd.port}/")
    assert "mining proxy" in page and "running" in page
    assert f"http://127.0.0.1:{proxy.httpd.port}/" in page


def test_the_page_on_a_phone(proxy, browse):
    proxy.start()
    folder = places.ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "miners-page-phone.png"
    picture.unlink(missing_ok=True)
    browse(f"--window-size={PHONE[0]},{PHONE[1]}", f"--screenshot={picture}", f"http://127.0.0.1:{proxy.httpd.port}/")
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == PHONE
    assert len(set(data)) > 50, "the picture is blank"
