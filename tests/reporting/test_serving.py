"""`automl report --serve`: one page on the loopback interface, read only, anew when a run has gone on."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.reporting.serving import LivePage, PageServer, Served
from tests.conftest import ROOT
from tests.reporting.runs import write_run

SECRET = "what stands in no page"


class Site:
    """A served page whose text and version a test sets, and how often it was made."""

    def __init__(self) -> None:
        self.version = 0
        self.text = "first"
        self.goes_on = True
        self.made = 0
        self.error: Exception | None = None

    def make(self) -> Served:
        self.made += 1
        if self.error is not None:
            raise self.error
        return Served(self.text, self.goes_on)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def server(site: Site) -> Iterator[PageServer]:
    with PageServer(LivePage(lambda: site.version, site.make), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: PageServer, method: str = "GET", path: str = "/", host: str | None = None) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{server.server_port}" if host is None else host)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found


def test_the_page_is_made_again_only_where_something_changed(server: PageServer, site: Site) -> None:
    assert [ask(server)[2] for _ in range(3)] == ["first"] * 3
    assert site.made == 1
    site.version, site.text = 1, "second"
    assert ask(server)[2] == "second"
    assert site.made == 2


def test_a_browser_asks_again_while_runs_go_on_and_then_no_more(server: PageServer, site: Site) -> None:
    assert ask(server)[1]["Refresh"] == "5"
    site.version, site.goes_on = 1, False
    assert "Refresh" not in ask(server)[1]


def test_a_page_that_takes_long_is_made_less_often() -> None:
    now, made = [0.0], []

    def make() -> Served:
        now[0] += 2.0
        made.append(now[0])
        return Served("", True)

    page = LivePage(object, make, clock=lambda: now[0])
    for _ in range(40):
        page.now()
        now[0] += 0.5
    assert 2 <= len(made) <= 3


def test_it_can_be_read_and_nothing_else(server: PageServer, site: Site) -> None:
    status, headers, body = ask(server, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "5", "")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        status, headers, body = ask(server, method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert "first" not in body


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]:{port}", "", "127.0.0.1:{port}."],
)
def test_a_request_by_another_name_gets_nothing(server: PageServer, site: Site, host: str) -> None:
    """DNS rebinding: a page from elsewhere, whose name was made to lead here, has that name in Host."""
    status, _, body = ask(server, host=host.format(port=server.server_port))
    assert status == 403
    assert "first" not in body
    assert site.made == 0


def test_a_request_by_the_names_of_this_machine_gets_the_page(server: PageServer) -> None:
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert ask(server, host=f"{name}:{server.server_port}")[0] == 200


def test_a_request_without_a_name_or_with_two_gets_nothing(server: PageServer, site: Site) -> None:
    own = f"Host: 127.0.0.1:{server.server_port}\r\n"
    for hosts in ("", own + "Host: evil.example\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert site.made == 0


@pytest.mark.parametrize(
    "path", ["/study.json", "/../secret.txt", "//secret.txt", "/%2e%2e/secret.txt", "/index.html", "secret.txt"]
)
def test_no_path_names_a_file(server: PageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    for place in (tmp_path / "secret.txt", tmp_path / "inside" / "secret.txt", tmp_path / "inside" / "study.json"):
        place.write_text(SECRET)
    status, _, body = ask(server, path=path)
    assert status == 404
    assert SECRET not in body


def test_a_query_changes_nothing_and_headers_keep_other_pages_out(server: PageServer) -> None:
    status, headers, body = ask(server, path="/?file=/etc/passwd")
    assert (status, body) == (200, "first")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


def test_what_cannot_be_read_now_is_said_as_text_and_asked_for_again(server: PageServer, site: Site) -> None:
    site.error = ArtifactError("run/<b>.jsonl:3: not JSON")
    status, headers, body = ask(server)
    assert (status, headers["Refresh"]) == (500, "5")
    assert "run/&lt;b&gt;.jsonl:3: not JSON" in body
    site.error = None
    assert ask(server)[0] == 200


def test_only_this_machine_can_connect(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_port_in_use_is_one_clear_error(server: PageServer, site: Site, tmp_path: Path, automl: Callable) -> None:
    with pytest.raises(UserError, match=rf"port {server.server_port} of this machine cannot be listened on"):
        PageServer(LivePage(lambda: 0, site.make), server.server_port)
    done = automl("report", write_run(tmp_path / "run", [0.5]), "--serve", "--port", server.server_port)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "--port 0 takes a free one" in done.stderr


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--port", "80"), "--port is about --serve; give --serve as well"),
        (("--serve", "--watch"), "--watch shows something else; give one of them"),
        (("--serve", "--json"), "--json shows something else; give one of them"),
        (("--serve", "--html"), "--html shows something else; give one of them"),
    ],
)
def test_flags_that_do_not_fit_are_refused(automl: Callable, tmp_path: Path, flags: tuple[str, ...], problem: str) -> None:
    done = automl("report", write_run(tmp_path / "run", [0.5]), *flags)
    assert (done.code, done.stdout) == (2, "")
    assert problem in done.stderr


def test_the_command_serves_the_page_of_html_until_ctrl_c(tmp_path: Path, automl: Callable) -> None:
    run = write_run(tmp_path / "run", [0.5, 0.75])
    command = [sys.executable, "-m", "automl_cli", "report", str(run), "--serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=30)
        connection.request("GET", "/")
        served = connection.getresponse().read()
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()
    automl("report", run, "--html")
    assert served == (run / "report.html").read_bytes()
