# SPDX-License-Identifier: Apache-2.0
"""Miners behind TLS: httpd's mod_ssl in front of the same handler."""
import base64
import http.client
import json
import ssl

from fakes.ports import free_port


def test_a_miner_over_https(proxy, make_pool, authority):
    proxy.database.add_rig(make_pool())
    port = free_port()
    cert, key = authority.issue("proxy")
    proxy.httpd.config.modules.append("ssl")
    proxy.httpd.config.directives += [f"Listen 127.0.0.1:{port}", "SSLSessionCache shmcb:tls(512000)"]
    proxy.httpd.config.host += [
        f"<VirtualHost 127.0.0.1:{port}>", "SSLEngine on", f'SSLCertificateFile "{cert}"', f'SSLCertificateKeyFile "{key}"', "</VirtualHost>"]
    proxy.start()
    trusting = ssl.create_default_context(cafile=str(authority.ca))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=10)
    user = base64.b64encode(f"rig1:{proxy.miner().password}".encode()).decode()
    connection.request("POST", "/", '{"method":"getwork","params":[],"id":7}', {"Authorization": f"Basic {user}"})
    reply = json.loads(connection.getresponse().read())
    assert reply["id"] == 7 and len(reply["result"]["data"]) == 256
    connection.close()
