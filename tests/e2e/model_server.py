#!/usr/bin/env python3
"""A model server in miniature for the end-to-end tests: loads for a while, then answers every POST after a while.

  model_server.py --port N [--loading S] [--service S] [--never-ready]

GET /health is 503 while it loads. A body with "stream" true is answered with ten events spread over the service time.
SIGTERM ends it at once; draining is the controller's business.
"""
import argparse
import json
import os
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVENTS = 10


def handler(options, begun):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

        def do_GET(self):
            loaded = not options.never_ready and time.monotonic() - begun >= options.loading
            self.answer(200 if loaded else 503, {"pid": os.getpid()})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if not body.get("stream"):
                time.sleep(options.service)
                self.answer(200, {"pid": os.getpid(), "prompt": body.get("prompt")})
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number in range(EVENTS):
                time.sleep(options.service / EVENTS)
                self.chunk(f'data: {{"n": {number}}}\n\n'.encode())
            self.chunk(b"data: [DONE]\n\n")
            self.chunk(b"")

        def chunk(self, data):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loading", type=float, default=0)
    parser.add_argument("--service", type=float, default=0.05)
    parser.add_argument("--never-ready", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", options.port), handler(options, time.monotonic())).serve_forever()


if __name__ == "__main__":
    main()
