# SPDX-License-Identifier: Apache-2.0
"""The console as a browser and as a script use it: forms with the token of a page, JSON, cookies, redirects that are not followed."""
import base64
from dataclasses import dataclass, field
import html
import http.client
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

from .config import CONSOLE_USERS
from .proxy import Proxy

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
                               "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "same-origin", "cache-control": "no-store"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    @property
    def words(self) -> str:
        """A page's text without markup."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.text)).split())

    @property
    def json(self) -> Any:
        """The body as JSON."""
        assert self.get("Content-Type") == "application/json", self.headers
        return json.loads(self.body)

    @property
    def is_safe(self) -> bool:
        """It carries the headers of the console, each once."""
        return all([value for key, value in self.headers if key.lower() == name] == [right] for name, right in SECURITY_HEADERS.items())


@dataclass
class Visitor:
    """One user of one console."""

    proxy: Proxy
    user: str | None = "admin"
    password: str | None = None
    mount: str = "/admin"
    cookies: dict[str, str] = field(default_factory=dict)

    def _login(self) -> dict[str, str]:
        if self.user is None:
            return {}
        password = self.password if self.password is not None else CONSOLE_USERS[self.user]
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{password}".encode()).decode()}

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own; path is below the mount."""
        sent = self._login() | ({"Cookie": "; ".join(f"{key}={value}" for key, value in self.cookies.items())} if self.cookies else {})
        host, port = self.proxy.httpd.address
        connection = http.client.HTTPConnection(host, self.proxy.httpd.config.console.port or port, timeout=30)
        try:
            connection.request(method, self.mount + path, body, sent | (headers or {}))
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.getheaders(), reply.read())
        finally:
            connection.close()
        self._keep_cookies(answer)
        return answer

    def _keep_cookies(self, answer: Answer) -> None:
        for key, value in answer.headers:
            if key.lower() == "set-cookie":
                name, _, content = value.partition(";")[0].partition("=")
                self.cookies.pop(name, None)
                if "Max-Age=0" not in value:
                    self.cookies[name] = content

    def get(self, path: str, **headers: str) -> Answer:
        """A page, as a browser asks for it."""
        return self.ask("GET", path, headers={"Accept": "text/html"} | headers)

    def view(self, path: str) -> Any:
        """A page as JSON."""
        answer = self.ask("GET", path, headers={"Accept": "application/json"})
        assert answer.status == 200, answer.text
        return answer.json

    def token(self) -> str:
        """That a page holds."""
        return self.view("/pools")["token"]

    def send(self, path: str, fields: dict[str, Any] | None = None, token: str | None = None, **headers: str) -> Answer:
        """Posts a form as a browser does; token: another one than that of a page, "" for none."""
        fields = dict(fields or {})
        if token != "":
            fields["token"] = self.token() if token is None else token
        body = urlencode(fields, doseq=True, quote_via=quote).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"} | headers)

    def change(self, path: str, fields: Any = None, **headers: str) -> Answer:
        """Posts JSON as a script does."""
        return self.ask("POST", path, json.dumps(fields or {}).encode(), {"Content-Type": "application/json"} | headers)
