"""A webhook receiver: verify, dedupe, notice gaps. Usage: SECRET=whsec_... python receiver.py PORT."""
# ruff: noqa: INP001, T201, D101, D102, E401, I001, PLR2004 - a script that fits on one screen

import base64, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))


class Receiver(BaseHTTPRequestHandler):
    seen: dict[str, int] = {}  # noqa: RUF012 - keep it on disk: the same id may come again days later

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        event_id, sent = (self.headers[f"webhook-{name}"] for name in ("id", "timestamp"))
        mac = hmac.digest(KEY, f"{event_id}.{sent}.".encode() + body, "sha256")
        genuine = f"v1,{base64.b64encode(mac).decode()}" in self.headers["webhook-signature"].split()
        if genuine and (genuine := abs(time.time() - int(sent)) < 300):
            event = json.loads(body)
            number, highest = int(event.get("epsequence", 0)), max(self.seen.values(), default=0)
            gap = f" after a gap of {number - highest - 1}" if highest and number > highest + 1 else ""
            print(
                "again" if event_id in self.seen else "new", number, event["type"], event["subject"] + gap, flush=True
            )
            self.seen[event_id] = number
        self.send_response(204 if genuine else 401)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
