"""A web server on this machine for tests of downloads: it can resume, break off, change its mind and refuse."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """What the server has, by path; `requests` lists what was asked: (path, Range header or None)."""

    def __init__(self, address):
        self.address = address
        self.files = {}
        self.requests = []
        self.ranges = True
        self.tags = True
        self.break_after = []
        self.statuses = []
        self.content_type = "application/octet-stream"
        self.headers = {}
        self.delay_s = 0.0

    def url(self, path):
        return f"{self.address}/{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site, path = self.server.site, self.path.lstrip("/").split("?")[0]
        site.requests.append((path, self.headers.get("Range")))
        threading.Event().wait(site.delay_s)
        if site.statuses and (status := site.statuses.pop(0)):
            return self._empty(status)
        if path not in site.files:
            return self._empty(404)
        content = site.files[path]
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        start = self._start(site, tag)
        if start > len(content):
            return self._empty(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if site.tags:
            self.send_header("ETag", tag)
        for name, value in site.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", site.content_type)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        upto = site.break_after.pop(0) if site.break_after else len(content)
        self.wfile.write(content[start:upto])
        if upto < len(content):
            self.close_connection = True

    def _start(self, site, tag):
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range", tag) == tag
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked and site.ranges and same else 0

    def _empty(self, status):
        self.send_response(status)
        for name, value in self.server.site.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serve() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
