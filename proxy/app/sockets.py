"""Listening sockets: every worker has its own on the same port (SO_REUSEPORT)."""

from __future__ import annotations

import errno
import socket

from proxy.errors import StartupError

SEND_BUFFER_BYTES = 64 * 1024
"""SO_SNDBUF of client connections: what the kernel may hold for a client that reads slowly."""

BACKLOG = 1024


def claim_port(host: str, port: int) -> socket.socket:
    """Reserve the address for this program; nothing listens on the socket.

    Raises:
        StartupError: the address is taken, or cannot be bound.
    """
    family = _family(host)
    probe = socket.socket(family, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    claimed = socket.socket(family, socket.SOCK_STREAM)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        probe.bind((host, port))
        taken = int(probe.getsockname()[1])
        probe.close()
        claimed.bind((host, taken))
    except OSError as error:
        claimed.close()
        raise _refused(host, port, error) from error
    finally:
        probe.close()
    return claimed


def listen(host: str, port: int) -> socket.socket:
    """A worker's listening socket."""
    made = socket.socket(_family(host), socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    made.setblocking(False)
    made.bind((host, port))
    made.listen(BACKLOG)
    return made


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _refused(host: str, port: int, error: OSError) -> StartupError:
    if error.errno == errno.EADDRINUSE:
        return StartupError(
            f"port {port} on {host} is taken by another program; "
            "stop it, or choose another port with --port (with make: PORT=3001 make run)"
        )
    if error.errno == errno.EACCES:
        return StartupError(f"port {port} needs privileges; choose one above 1023 with --port")
    return StartupError(f"cannot listen on {host}, port {port}: {error.strerror}")
