#!/usr/bin/env python3
"""Writes down every libprocess message that passes on the loopback device between a master and a driver: record.py PORT FILE

PORT is the master's. Needs the right to read packets. Ends with the first SIGINT.
"""
import base64, json, re, signal, socket, struct, sys

port, path = int(sys.argv[1]), sys.argv[2]
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
packets.bind(("lo", 0))
packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
streams, messages, peers = {}, [], set()
signal.signal(signal.SIGINT, lambda *_: packets.close())


def taken(data):
    """Takes one whole message off the front: its head, its body and what is left; None if it is not whole yet."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    body = b""
    if b"Transfer-Encoding: chunked" in head:
        while True:
            size, end, rest = rest.partition(b"\r\n")
            if not end:
                return None
            size = int(size, 16)
            if len(rest) < size + 2:
                return None
            body, rest = body + rest[:size], rest[size + 2:]
            if size == 0:
                return head, body, rest
    length = re.search(rb"Content-Length: (\d+)", head)
    length = int(length.group(1)) if length else 0
    return None if len(rest) < length else (head, rest[:length], rest[length:])


def note(source, destination, data):
    streams[source, destination] = streams.get((source, destination), b"") + data
    while message := taken(streams[source, destination]):
        head, body, streams[source, destination] = message
        if not head.startswith(b"POST /") or b"Libprocess-From: " not in head:
            continue
        sender = re.search(rb"Libprocess-From: \S+@[\d.]+:(\d+)", head)
        sender = int(sender.group(1))
        if b" /slave(1)/" in head or b"From: slave" in head or b"observer" in head:
            continue
        messages.append({"from": "master" if sender == port else "driver", "head": head.decode("latin1"),
                         "body": base64.b64encode(body).decode()})


seen = {}
while True:
    try:
        packet, address = packets.recvfrom(1 << 17)
    except (OSError, ValueError):
        break
    # The loopback device shows each packet as sent and as received.
    if address[2] == socket.PACKET_OUTGOING or packet[12:14] != b"\x08\x00" or packet[23] != 6:
        continue
    packet = packet[14:14 + struct.unpack("!H", packet[16:18])[0]]
    start = (packet[0] & 15) * 4
    source, destination, number = struct.unpack("!HHI", packet[start:start + 8])
    data = packet[start + (packet[start + 12] >> 4) * 4:]
    if packet[start + 13] & 2:
        seen[source, destination] = number + 1
        streams.pop((source, destination), None)
    if data and seen.get((source, destination), number) == number:
        seen[source, destination] = (number + len(data)) % (1 << 32)
        note(source, destination, data)
with open(path, "w") as file:
    json.dump(messages, file, indent=1)
    file.write("\n")
print(len(messages), "messages")
