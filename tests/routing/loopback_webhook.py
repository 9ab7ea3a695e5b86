"""A chat's webhook on real sockets: answers the statuses it is given, the last one for ever, and keeps what it was
sent.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LoopbackWebhook:
    """`with LoopbackWebhook([500, 200]) as chat:` takes posts at `chat.url`; `bodies` and `types` lists what came."""

    def __init__(self, statuses: list[int]) -> None:
        self.statuses, self.bodies, self.types = list(statuses), [], []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/services/T000/B000/SECRET"

    def __enter__(self) -> LoopbackWebhook:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(chat) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                chat.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                chat.types.append(self.headers["Content-Type"])
                status = chat.statuses.pop(0) if len(chat.statuses) > 1 else chat.statuses[0]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"ok" if status == 200 else b"no_service")

            def log_message(self, *_: object) -> None:
                pass

        return Handler
