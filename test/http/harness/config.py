# SPDX-License-Identifier: Apache-2.0
"""httpd.conf for one test: as small as a farm's could be, with fixed numbers of children so that none is reaped."""
from dataclasses import dataclass, field
from pathlib import Path

from . import places

LOCATION = """
<Location "/">
    SetHandler miningproxy-getwork
    AuthType Basic
    AuthName "mining proxy"
    AuthBasicProvider miningproxy
    <RequireAny>
        Require method GET HEAD
        Require valid-user
    </RequireAny>
</Location>
<LocationMatch "/lp/*$">
    SetHandler miningproxy-longpoll
    Require valid-user
</LocationMatch>
"""
CONSOLE_USERS = {"admin": "console-pw", "second": "other-pw"}
# htpasswd -s of CONSOLE_USERS: quick to check, and always the same.
CONSOLE_PASSWORDS = "admin:{SHA}TbejrRsEW48hnrTfZsb7frMFzPo=\nsecond:{SHA}h+sYo5eVKnRd4dCrZ5zuqNXt86A=\n"
CONSOLE_MODULES = ["authn_file", "alias", "headers", "mime"]
MODULES = ["authn_core", "authz_core", "authz_user", "auth_basic", "socache_shmcb", "unixd", "log_config", "reqtimeout"]


@dataclass
class TlsPort:
    """A second port, with mod_ssl in front of the same locations."""

    port: int
    cert: Path
    key: Path

    def lines(self) -> list[str]:
        """What it needs of the configuration."""
        return [f"Listen 127.0.0.1:{self.port}", "SSLSessionCache shmcb:tls(512000)", f"<VirtualHost 127.0.0.1:{self.port}>",
                "SSLEngine on", f'SSLCertificateFile "{self.cert}"', f'SSLCertificateKeyFile "{self.key}"', "</VirtualHost>"]


@dataclass
class Console:
    """The console, mounted as conf/miningproxy.conf shows it."""

    mount: str = "/admin"
    templates: Path = places.TEMPLATES
    login: list[str] = field(default_factory=lambda: ["AuthType Basic", 'AuthName "console"', "AuthBasicProvider file",
                                                      'AuthUserFile "@DIRECTORY@/admin.htpasswd"', "Require valid-user"])
    static: bool = True
    port: int | None = None  # of a virtual host of its own
    more: list[str] = field(default_factory=list)  # behind all other locations

    def lines(self, directory: Path) -> list[str]:
        """Its directives and locations; writes its password file."""
        (directory / "admin.htpasswd").write_text(CONSOLE_PASSWORDS)
        login = [line.replace("@DIRECTORY@", str(directory)) for line in self.login]
        process = [f'MiningProxyTemplates "{self.templates}"', "TypesConfig /dev/null", "AddType text/css .css",
                   "AddType text/javascript .js", "AddType image/svg+xml .svg"]
        lines = [f'<Location "{self.mount}">', "SetHandler miningproxy-admin", *login, "</Location>"]
        static = [f'Alias "{self.mount}/static" "{self.templates}/static"', f'<Location "{self.mount}/static">', "SetHandler None",
                  "Require all granted", 'Header set Cache-Control "public, max-age=31536000, immutable" "expr=%{QUERY_STRING} =~ /^v=./"',
                  "</Location>"]
        lines += (static if self.static else []) + self.more
        if self.port:
            lines = [f"Listen 127.0.0.1:{self.port}", f"<VirtualHost 127.0.0.1:{self.port}>", *lines, "</VirtualHost>"]
        return process + lines


@dataclass
class Config:
    """What differs between tests. directives are process-wide lines, host are lines beside the handler."""

    mpm: str = "event"
    children: int = 1
    most_children: int | None = None  # that a reload of the configuration may bring; httpd fixes it at its start
    threads: int = 16
    directives: list[str] = field(default_factory=list)
    host: list[str] = field(default_factory=list)
    locations: list[str] = field(default_factory=list)  # behind those of the miners, which they override
    modules: list[str] = field(default_factory=list)
    with_module: bool = True
    timeout: int = 60
    keep_alive_timeout: int = 60
    request_read_timeout: str | None = None
    tls: "TlsPort | None" = None
    console: "Console | None" = None


def _mpm_lines(config: Config) -> list[str]:
    if config.mpm == "prefork":
        count = max(config.children, 12)
        return [f"StartServers {config.children}", f"MinSpareServers {config.children}", f"MaxSpareServers {count + 1}",
                f"ServerLimit {count}", f"MaxRequestWorkers {count}", "MaxConnectionsPerChild 0"]
    total = config.children * config.threads
    # A killed child is replaced because fewer threads than MinSpareThreads are left; old children need slots
    # during a graceful restart.
    return [f"StartServers {config.children}", f"ServerLimit {4 * (config.most_children or config.children)}",
            f"ThreadsPerChild {config.threads}", f"ThreadLimit {config.threads}", f"MaxRequestWorkers {total}",
            f"MinSpareThreads {total - config.threads + 1}", f"MaxSpareThreads {total}", "MaxConnectionsPerChild 0"] + (
                # Idle keep-alive connections must not use up the child.
                ["AsyncRequestWorkerFactor 200"] if config.mpm == "event" else [])


def _load_lines(config: Config) -> list[str]:
    names = [f"mpm_{config.mpm}", *MODULES, *config.modules, *(["ssl"] if config.tls else []),
             *(CONSOLE_MODULES if config.console else [])]
    lines = [f"LoadModule {name}_module {places.libexecdir()}/mod_{name}.so" for name in names
             if f"mod_{name}.c" not in places.static_modules()]
    return lines + ([f"LoadModule miningproxy_module {places.MODULE}"] if config.with_module else [])


def _base_lines(directory: Path, port: int, config: Config) -> list[str]:
    level = "info socache_shmcb:warn" + (" miningproxy:debug" if config.with_module else "")
    lines = [f'ServerRoot "{directory}"', "ServerName 127.0.0.1", f"Listen 127.0.0.1:{port}",
             f'PidFile "{directory}/run/httpd.pid"', f'CoreDumpDirectory "{directory}/logs"',
             f'DefaultRuntimeDir "{directory}/run"', f'ErrorLog "{directory}/logs/error.log"', f"LogLevel {level}",
             'LogFormat "%P %>s %{X-Test-Id}i" test', f'CustomLog "{directory}/logs/access.log" test', f"Timeout {config.timeout}",
             f"KeepAliveTimeout {config.keep_alive_timeout}", "MaxKeepAliveRequests 0", "Protocols http/1.1"]
    lines += [f"RequestReadTimeout {config.request_read_timeout}"] if config.request_read_timeout else []
    return lines + ([f"User {places.CHILD_USER}", f"Group {places.CHILD_USER}"] if places.IS_ROOT else [])


def format_config(directory: Path, port: int, config: Config) -> str:
    """The whole file."""
    lines = _load_lines(config) + _base_lines(directory, port, config) + _mpm_lines(config) + config.directives
    lines += config.tls.lines() if config.tls else []
    handler = "\n".join(config.host) + (LOCATION if config.with_module else "")
    console = "\n".join(config.console.lines(directory)) + "\n" if config.console else ""
    return "\n".join(lines) + "\n" + handler + "\n".join([*config.locations, ""]) + console
