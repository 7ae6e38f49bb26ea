"""Thousands of mail servers that hang, some that work, and the DNS that knows them, in one process.

``python -m bench.hung_servers PORT DARK``: the servers have the addresses 127.STAGE.x.y on the same
port. The domain ``mute12.test`` has its server at the stage ``mute``, which takes connections and
says nothing; ``dark`` servers drop connections (``DARK`` of them); ``silent`` domains get no answer
from the DNS. Each recipient of mail that arrives at ``well`` is written to stdout, with the time.
"""

import asyncio
import json
import socket
import sys
import time
from contextlib import ExitStack
from typing import Final, cast

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

STAGES: Final = {
    "well": 10, "mute": 20, "ehlo": 21, "mail": 22, "content": 23, "drip": 24, "dark": 30,
}  # fmt: skip
DRIP: Final = 30.0
"""Seconds between two octets of a greeting."""


def address_of(stage: str, number: int) -> str:
    """Return the address of a server."""
    return f"127.{STAGES[stage]}.{number // 250}.{number % 250 + 1}"


class Dns(asyncio.DatagramProtocol):
    """Answers for MX of ``STAGEn.test``, and A of ``mx.STAGEn.test``."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        print(json.dumps({"asked": f"{kind} {name}"}), flush=True)
        host = name.removeprefix("mx.").removesuffix(".test")
        stage = host.rstrip("0123456789")
        if stage == "silent":
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if stage in STAGES and kind == "MX":
            answer = dns.rrset.from_text(question.name, 300, "IN", "MX", f"10 mx.{name}.")
            response.answer.append(answer)
        elif stage in STAGES and kind == "A":
            where = address_of(stage, int(host.removeprefix(stage) or 0))
            response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", where))
        self._transport.sendto(response.to_wire(), addr)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection, up to the stage of its address."""
    number = int(writer.get_extra_info("sockname")[0].split(".")[1])
    stage = next(name for name, each in STAGES.items() if each == number)
    try:
        await _talk(reader, writer, stage)
    except (OSError, EOFError):
        pass
    finally:
        writer.close()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stage: str) -> None:
    if stage == "mute":
        await reader.read()
        return
    while stage == "drip":
        writer.write(b"2")
        await asyncio.sleep(DRIP)
    writer.write(b"220 here ESMTP\r\n")
    recipients: list[str] = []
    while line := await reader.readline():
        verb = line.split()[0].upper().decode() if line.split() else ""
        if verb.lower()[:4] == stage:
            await reader.read()
            return
        if verb == "RCPT":
            recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
        elif verb == "DATA":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            if stage == "content":
                await reader.read()
                return
            for each in recipients:
                print(json.dumps({"arrived": each, "at": time.monotonic()}), flush=True)
            recipients = []
        writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 OK\r\n")
        if verb == "QUIT":
            return


def listen(address: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket that shares its port with others."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((address, port))
    sock.listen(backlog)
    return sock


def darken(stack: ExitStack, address: str, port: int) -> None:
    """Let an address drop all further connections, because its backlog is full."""
    stack.enter_context(listen(address, port, 0))
    for _ in range(2):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)
        client.connect_ex((address, port))


async def main(port: int, dark: int) -> None:
    """Serve until the process is ended."""
    with ExitStack() as stack:
        wild = listen("0.0.0.0", port, 4096)
        for number in range(dark):
            darken(stack, address_of("dark", number), port)
        await asyncio.get_running_loop().create_datagram_endpoint(
            Dns, local_addr=("127.0.0.1", port)
        )
        server = await asyncio.start_server(serve, sock=wild, backlog=4096, limit=1 << 24)
        print(json.dumps({"ready": True}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
