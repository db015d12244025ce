#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The third party of a guest that migrates.

peer.py talk PORT    one TCP connection: send numbered lines, expect numbered
                     lines; ends when the guest says "end", and says how many
peer.py watch IFACE... say "IFACE MAC" for each announcement (RARP) that arrives
peer.py bulk-from PORT MB, bulk-to PORT MB  take MB megabytes from the guest or send
                     them, say how many a second
peer.py flood PORT MB  send MB megabytes of numbered lines as fast as they go

Numbers start at 10000000, so that each line has 9 bytes.
"""
import select
import socket
import sys
import threading
import time

FIRST = 10000000


def accept(port):
    server = socket.create_server(("", port))
    conn, _ = server.accept()
    return conn


def talk(port):
    conn = accept(port)
    sent = [0]

    def send():
        try:
            while True:
                lines = range(FIRST + sent[0], FIRST + sent[0] + 20)
                conn.sendall("".join(f"{n}\n" for n in lines).encode())
                sent[0] += 20
                time.sleep(0.1)
        except OSError:
            pass

    threading.Thread(target=send, daemon=True).start()
    expected = FIRST
    for line in conn.makefile():
        if line == "end\n":
            break
        if line != f"{expected}\n":
            raise SystemExit(f"line {expected - FIRST} is {line!r}")
        expected += 1
    else:
        raise SystemExit(f"the connection ended after {expected - FIRST} lines")
    print(f"{sent[0]} lines to the guest, {expected - FIRST} from it in order")
    if not sent[0] or expected == FIRST:
        raise SystemExit("nothing was said")


def flood(port, megabytes):
    conn = accept(port)
    step = 1 << 16
    for start in range(0, (megabytes << 20) // 9, step):
        lines = range(FIRST + start, FIRST + start + step)
        conn.sendall("".join(f"{n}\n" for n in lines).encode())
    conn.close()


def bulk(port, megabytes, from_guest):
    conn = accept(port)
    left = megabytes << 20
    start = time.monotonic()
    if from_guest:
        while left > 0 and (got := len(conn.recv(1 << 16))):
            left -= got
    else:
        conn.sendall(bytes(left))
        left = 0
        conn.shutdown(socket.SHUT_WR)
        # The guest's end of the connection closes when it has read everything.
        conn.recv(1)
    if left > 0:
        raise SystemExit(f"{left} bytes are missing")
    print(f"{megabytes / (time.monotonic() - start):.2f}")


def watch(interfaces):
    ETH_P_RARP = 0x8035
    socks = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_RARP))
             for _ in interfaces]
    for sock, name in zip(socks, interfaces):
        sock.bind((name, ETH_P_RARP))
    while True:
        for sock in select.select(socks, [], [])[0]:
            frame, address = sock.recvfrom(2048)
            # Of a VLAN, the interface sees the frame too that it takes off its tag.
            if frame[:6] == b"\xff" * 6 and frame[12:14] == b"\x80\x35":
                print(address[0], frame[6:12].hex(":"), flush=True)


if sys.argv[1] == "talk":
    talk(int(sys.argv[2]))
elif sys.argv[1].startswith("bulk-"):
    bulk(int(sys.argv[2]), int(sys.argv[3]), sys.argv[1] == "bulk-from")
elif sys.argv[1] == "watch":
    watch(sys.argv[2:])
else:
    flood(int(sys.argv[2]), int(sys.argv[3]))
