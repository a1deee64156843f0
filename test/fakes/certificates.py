# SPDX-License-Identifier: Apache-2.0
"""A certificate authority that lives as long as a test run, and server certificates signed by it.

Made by the openssl command, because Python cannot sign.
"""
from pathlib import Path
import ssl
import subprocess


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A CA in a directory of its own; ca is the file that clients are to trust."""

    def __init__(self, directory: Path, name: str = "test authority"):
        self.directory = directory
        self.ca, self.key = directory / "ca.pem", directory / "ca.key"
        directory.mkdir(parents=True, exist_ok=True)
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
                 "-subj", f"/CN={name}", "-keyout", str(self.key), "-out", str(self.ca))

    def issue(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost") -> tuple[Path, Path]:
        """A server certificate for these subject names: the files of certificate and key."""
        cert, key, request = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr"))
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", str(key), "-out", str(request))
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.key), "-CAcreateserial",
                 "-days", "2", "-extfile", str(extensions), "-out", str(cert))
        return cert, key

    def context(self, name: str = "pool", names: str = "IP:127.0.0.1,DNS:localhost") -> ssl.SSLContext:
        """For FakePool(tls=...)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, names))
        return context
