"""A DNS server on loopback with a scripted zone: UDP, and TCP for long answers."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from gatepost.net.dial import Server
from gatepost.testing.dns import TTL, read_zone

LONGEST_DATAGRAM: Final = 512
SILENCE: Final = "silence"
"""As the value of FAIL: no answer. Every other value means SERVFAIL."""
_SOA: Final = "ns.invalid. hostmaster.invalid. 1 3600 600 86400 60"


class Nameserver(asyncio.DatagramProtocol):
    """Answers from the lines that ``testing.dns.read_zone`` reads."""

    def __init__(self, zone: str) -> None:
        self._zone = read_zone(zone)
        self.questions: list[str] = []

    def change(self, zone: str) -> None:
        """Replace the records of the names in these lines."""
        new = read_zone(zone)
        names = {name for name, _, _ in new}
        self._zone = [each for each in self._zone if each[0] not in names] + new

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # 3.11 does not derive it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.answer(data)
        if answer is None:
            return
        wire = answer.to_wire()
        if len(wire) > LONGEST_DATAGRAM:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            wire = answer.to_wire()
        self._transport.sendto(wire, addr)

    async def serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        answer = self.answer(await reader.readexactly(length))
        if answer is not None:
            wire = answer.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
        writer.close()

    def answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text(omit_final_dot=True).lower()
        self.questions.append(f"{kind} {name}")
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records: list[tuple[str, str]] = []
        wanted: list[str] = []
        for _ in range(9):
            records = [(each, value) for owner, each, value in self._zone if owner == name]
            for each, value in records:
                if each == "FAIL":
                    response.set_rcode(dns.rcode.SERVFAIL)
                    return None if value == SILENCE else response
            wanted = [value for each, value in records if each == kind]
            aliases = [value for each, value in records if each == "CNAME"]
            if wanted or not aliases:
                break
            response.answer.append(_rrset(name, "CNAME", aliases))
            name = aliases[0].rstrip(".").lower()
        if wanted:
            response.answer.append(_rrset(name, kind, wanted))
            return response
        if not records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(_rrset(name.rpartition(".")[2], "SOA", [_SOA]))
        return response


def _rrset(name: str, kind: str, values: list[str]) -> dns.rrset.RRset:
    if kind == "TXT":
        values = [
            " ".join(f'"{each[start : start + 255]}"' for start in range(0, len(each), 255))
            for each in values
        ]
    if kind in ("CNAME", "MX"):
        values = [f"{each.rstrip('.')}." for each in values]
    return dns.rrset.from_text_list(f"{name}.", TTL, "IN", kind, values)


@contextmanager
def nameserver(zone: str) -> Iterator[tuple[Server, Nameserver]]:
    """Run a server in its own thread; yield its address and the server, which keeps the
    questions."""
    started: threading.Event = threading.Event()
    made = Nameserver(zone)
    ports: list[int] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(made.serve_stream, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_datagram_endpoint(
            lambda: made, local_addr=("127.0.0.1", port)
        )
        ports.append(port)
        loops.append((loop, stop))
        started.set()
        await stop.wait()
        transport.close()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(60), "the nameserver does not start"
    try:
        yield Server("127.0.0.1", ports[0]), made
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
