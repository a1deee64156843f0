# SPDX-License-Identifier: Apache-2.0
"""Free ports below the kernel's ephemeral range.

A client that keeps connecting to a closed port inside the ephemeral range ends up, once in a while, connected to
itself; and somebody else's outgoing connection may sit on a port that a killed pool wants to have back.
"""
import itertools
import os
import socket
import threading

_FIRST, _COUNT = 20000, 12000
_lock = threading.Lock()
_offsets = itertools.count(os.getpid() * 97 % _COUNT)


def is_free(port: int) -> bool:
    """True if nobody listens there; a socket in TIME_WAIT does not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on; no two calls in this process return the same one."""
    with _lock:
        for offset in itertools.islice(_offsets, _COUNT):
            port = _FIRST + offset % _COUNT
            if is_free(port):
                return port
    raise RuntimeError(f"no free port between {_FIRST} and {_FIRST + _COUNT}")
