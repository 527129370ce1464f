"""Serves one page on this machine, read only, anew whenever what it is about has changed.

Only the loopback interface is listened on. A request names one of the addresses by which that is reached in its header `Host`,
so that a page from elsewhere whose name was made to lead here (DNS rebinding) gets nothing. There is one page and its path is
`/`: no part of a request names a file.
"""

import time
from collections.abc import Callable, Hashable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import NamedTuple

from automl_cli.core.errors import AutomlError, UserError
from automl_cli.reporting.escaping import shown

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")
"""The names by which a browser of this machine may ask for the page."""
SECONDS_BETWEEN_REFRESHES = 5
"""The time after which a browser asks again while runs go on."""
LEAST_SHARE = 4
"""A page is not made again before so many times the seconds have passed that it took: the searches need the processor."""
SECONDS_PER_REQUEST = 10.0
"""The time after which a connection is closed on which nothing is asked."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Served(NamedTuple):
    """A page as it is now: its HTML, and whether more will be added to it."""

    text: str
    goes_on: bool


class LivePage:
    """A page that is made again when what it is about has changed.

    `version` is equal as long as nothing has, and quick to tell; `make` makes the page.
    """

    def __init__(
        self, version: Callable[[], Hashable], make: Callable[[], Served], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._version = version
        self._make = make
        self._clock = clock
        self._lock = Lock()
        self._known: Hashable = None
        self._page: Served | None = None
        self._seconds = 0.0
        self._made_at = 0.0

    def now(self) -> Served:
        """Return the page, made anew where something has changed; one that takes long is made less often."""
        with self._lock:
            version, began = self._version(), self._clock()
            soon = began - self._made_at < LEAST_SHARE * self._seconds
            if self._page is None or (version != self._known and not soon):
                self._page, self._known = self._make(), version
                self._made_at = self._clock()
                self._seconds = self._made_at - began
            return self._page


class PageServer(ThreadingHTTPServer):
    """A server of one page on the loopback interface. `port` 0 takes a free one. Raises UserError where the port is taken."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, page: LivePage, port: int) -> None:
        self.page = page
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            why = error.strerror or str(error)
            raise UserError(
                f"port {port} of this machine cannot be listened on ({why.lower()}); choose another with --port; "
                "--port 0 takes a free one"
            ) from error

    @property
    def address(self) -> str:
        """Return the address of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    @property
    def hosts(self) -> frozenset[str]:
        """Return what the header `Host` of a request may be."""
        named = {f"{name}:{self.server_port}" for name in NAMES}
        return frozenset(named | set(NAMES) if self.server_port == 80 else named)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of `/`, and nothing else."""

    server: PageServer
    server_version = "automl"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = SECONDS_PER_REQUEST

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def __getattr__(self, name: str) -> object:
        """Return the answer to any other method, which the base class looks up by its name."""
        if name.startswith("do_"):
            return self._refuse_method
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the page is looked at by the one who serves it."""

    def _answer(self, *, with_body: bool) -> None:
        if self.headers.get_all("Host") is None or self.headers.get_all("Host") != [self.headers["Host"]]:
            self._send(HTTPStatus.BAD_REQUEST, "one header Host is needed\n", with_body=with_body)
        elif self.headers["Host"].lower() not in self.server.hosts:
            self._send(HTTPStatus.FORBIDDEN, "this page is for browsers of its own machine\n", with_body=with_body)
        elif self.path.partition("?")[0] != "/":
            self._send(HTTPStatus.NOT_FOUND, "there is one page, and it is at /\n", with_body=with_body)
        else:
            self._send_page(with_body=with_body)

    def _send_page(self, *, with_body: bool) -> None:
        again = {"Refresh": str(SECONDS_BETWEEN_REFRESHES)}
        try:
            page = self.server.page.now()
        except (AutomlError, OSError) as error:
            text = f"<!doctype html><meta charset='utf-8'><title>automl</title><pre>{shown(str(error))}</pre>\n"
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, text, kind="html", more=again, with_body=with_body)
            return
        self._send(HTTPStatus.OK, page.text, kind="html", more=again if page.goes_on else {}, with_body=with_body)

    def _refuse_method(self) -> None:
        self.close_connection = True  # what follows may be a body
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "the page can be read, and nothing else\n", more={"Allow": "GET, HEAD"})

    def _send(
        self,
        status: HTTPStatus,
        text: str,
        *,
        kind: str = "plain",
        more: dict[str, str] | None = None,
        with_body: bool = True,
    ) -> None:
        body = text.encode()
        self.send_response_only(status)
        about = {
            "Date": formatdate(usegmt=True),
            "Content-Type": f"text/{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
        }
        for name, value in {**about, **HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)
