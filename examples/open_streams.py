#!/usr/bin/env python3
"""Opens many streams of changes on a running demo server, changes something, and says how long it takes until all are told.

    examples/open_streams.py [COUNT] [http://127.0.0.1:8080]

Needs nothing but Python 3.9; `ulimit -n` has to allow COUNT open files.
"""

import json
import socket
import sys
import time
import urllib.parse
import urllib.request

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SERVER = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8080"
ADDRESS = urllib.parse.urlsplit(SERVER)


def post(path, body, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(SERVER + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def open_stream(token):
    stream = socket.create_connection((ADDRESS.hostname, ADDRESS.port or 80), timeout=30)
    head = f"GET /v1/events/stream HTTP/1.1\r\nHost: {ADDRESS.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    stream.sendall(head.encode())
    return stream


def read_to(stream, word):
    text = b""
    while word not in text:
        piece = stream.recv(65536)
        if not piece:
            sys.exit(f"a stream ended before {word.decode()}: {text[-300:].decode(errors='replace')}")
        text += piece


login = {"tenant": "demo", "email": "admin@demo.test", "password": "fulcrum-demo"}
token = post("/v1/auth/login", login)["access_token"]
began = time.time()
streams = [open_stream(token) for _ in range(COUNT)]
for stream in streams:
    read_to(stream, b"event: ready")
print(f"{COUNT} streams are open after {time.time() - began:.2f} s")
for number in range(3):
    name = f"给所有人 {number} {time.time()}"
    post("/v1/customers", {"kind": "company", "name": name}, token)
    began = time.time()
    for stream in streams:
        read_to(stream, name.encode())
    print(f"all are told of a new customer after {time.time() - began:.2f} s")
