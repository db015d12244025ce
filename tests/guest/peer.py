#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The third party of a guest that migrates.

peer.py talk PORT    one TCP connection: send numbered lines, expect numbered
                     lines; ends when the guest says "end", and says how many
peer.py flood PORT MB  send MB megabytes of numbered lines as fast as they go

Numbers start at 10000000, so that each line has 9 bytes.
"""
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


if sys.argv[1] == "talk":
    talk(int(sys.argv[2]))
else:
    flood(int(sys.argv[2]), int(sys.argv[3]))
