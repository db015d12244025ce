#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""qmp.py SOCKET JSON... : run QMP commands, print each answer on a line."""
import json
import socket
import sys


def answer(stream):
    for line in stream:
        message = json.loads(line)
        if "return" in message or "error" in message:
            return message
    raise SystemExit("QEMU closed the connection")


with socket.socket(socket.AF_UNIX) as sock:
    sock.settimeout(60)
    sock.connect(sys.argv[1])
    qmp = sock.makefile("rw")
    qmp.readline()
    for command in ['{"execute":"qmp_capabilities"}'] + sys.argv[2:]:
        qmp.write(command + "\n")
        qmp.flush()
        reply = answer(qmp)
        if command != '{"execute":"qmp_capabilities"}':
            print(json.dumps(reply))
