"""Measures the memory that connections and large messages need."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.load import Load, idle_connections, run
from bench.process import memory_kib, peak_kib, reset_peak
from bench.report import Promise
from bench.servers import Server, gatepost

CONNECTIONS = 1000
KIB_PER_CONNECTION = 60
LARGE = Load(20, connections=20, size=30_000_000, secure=True)
BYTE_BUDGET_MIB = 64
OVERHEAD_MIB = 48
"""Buffers of 20 TLS connections, the page cache of the store, and slack of the interpreter."""


def idle(server: Server) -> Promise:
    """Return the memory of an idle signed-in TLS connection, among a thousand of them."""
    with idle_connections(server, 20):
        pass  # what the first connections load or allocate once is not part of the cost of others
    time.sleep(0.5)
    before = memory_kib(server.pid)
    with idle_connections(server, CONNECTIONS) as standing:
        time.sleep(0.5)
        each = (memory_kib(server.pid) - before) / max(standing, 1)
    if standing < CONNECTIONS:
        each = float("inf")
    name = f"{server.name}: idle signed-in TLS connection, of {standing}"
    return Promise(name, each, KIB_PER_CONNECTION, "KiB")


def large_messages(server: Server) -> Promise:
    """Return the memory that 20 clients add which send 30 MB each at the same time."""
    reset_peak(server.pid)
    before = peak_kib(server.pid)
    run(server, LARGE)
    grown = (peak_kib(server.pid) - before) / 1024
    name = f"{server.name}: 20 clients sending 30 MB at once"
    return Promise(name, grown, BYTE_BUDGET_MIB + OVERHEAD_MIB, "MiB")


def promises(home: Path) -> Iterator[Promise]:
    """Yield the results, with new relays, so that nothing of other runs is included."""
    for workers in (1, 2):
        with ExitStack() as stack:
            server = stack.enter_context(gatepost(home / f"memory-{workers}", "acs", workers))
            yield idle(server)
            yield large_messages(server)
