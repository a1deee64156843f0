#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Serves the console's pages on made-up farms, without httpd: test/browser/preview.py, then open what it says. For tests and for whoever changes a template.

Templates are read anew for each page. A form that is posted is remembered and answered by a redirect back.
"""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
from pathlib import Path
import subprocess
import sys
import threading
from urllib.parse import parse_qsl, urlsplit

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import samples  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "admin-templates"
RENDER = ROOT / "build" / "render"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
          "frame-ancestors 'none'")


def render(view: samples.View) -> str:
    """The page of a view, by the module's own engine."""
    done = subprocess.run([str(RENDER), str(TEMPLATES), view["page"]], input=json.dumps(view), capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout


class Answers(BaseHTTPRequestHandler):
    """One request."""

    server: "Preview"

    def do_GET(self) -> None:  # noqa: N802
        """A static file or a page."""
        path = urlsplit(self.path).path
        if path.startswith("/static/"):
            file = TEMPLATES / "static" / Path(path).name
            self.answer(200, file.read_bytes(), TYPES[file.suffix])
        elif self.server.broken:
            self.answer(self.server.broken, b"broken on purpose", "text/plain")
        elif (view := self.server.view(self.path)) is None:
            self.answer(404, b"there is no such page", "text/plain")
        else:
            self.answer(200, render(view).encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:  # noqa: N802
        """A form."""
        typed = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = parse_qsl(typed, keep_blank_values=True)
        self.server.posted.append((self.path, fields))
        self.send_response(303)
        self.send_header("Location", dict(fields).get("back") or urlsplit(self.headers.get("Referer", "/normal/")).path)
        self.end_headers()

    def answer(self, status: int, body: bytes, kind: str) -> None:
        """Sends it, with the headers of the console."""
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", POLICY), ("Cache-Control", "no-store")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


class Preview(ThreadingHTTPServer):
    """The server; ends with the process."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.scenes = {name: samples.scene(name) for name in samples.SCENES}
        self.posted: list[tuple[str, list[tuple[str, str]]]] = []
        self.broken = 0  # a status that every page answers instead
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def view(self, target: str) -> samples.View | None:
        """What is at /SCENE/PATH; a query without a view of its own is no matter."""
        name, _, rest = target[1:].partition("/")
        pages = self.scenes.get(name, {})
        return pages.get("/" + rest) or pages.get(urlsplit("/" + rest).path)


if __name__ == "__main__":
    preview = Preview(int(sys.argv[1]) if len(sys.argv) > 1 else 8338)
    print(*[f"{preview.url}/{name}/" for name in samples.SCENES], sep="\n")
    threading.Event().wait()
