"""The server of the demo and of the browser's tests behaves as a static host."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import ROOT
from serve import ISOLATION, serving

pytestmark = pytest.mark.server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("the page", "utf-8")
    (site / "some.wasm").write_bytes(b"\0asm")
    (tmp_path / "outside.txt").write_text("not for the web", "utf-8")
    return site


def get(url: str) -> http.client.HTTPResponse:
    """Ask for a URL with its path as it is: urllib would take `..` out."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.putrequest("GET", url[url.index(parts.netloc) + len(parts.netloc) :])
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_plain_site_has_no_isolation_headers(folder: Path) -> None:
    with serving(folder) as url:
        response = get(url)
    assert (response.status, {name: response.getheader(name) for name in ISOLATION}) == (
        200,
        dict.fromkeys(ISOLATION),
    )


def test_isolated_site_has_isolation_headers(folder: Path) -> None:
    with serving(folder, isolated=True) as url:
        response = get(url)
    assert {name: response.getheader(name) for name in ISOLATION} == ISOLATION


def test_wasm_has_the_type_that_browsers_compile_while_it_loads(folder: Path) -> None:
    with serving(folder) as url:
        assert get(f"{url}some.wasm").getheader("Content-Type") == "application/wasm"


@pytest.mark.parametrize("prefix", ["/sub/path/", "sub/path"])
def test_folder_stands_under_its_prefix(folder: Path, prefix: str) -> None:
    with serving(folder, prefix=prefix) as url:
        assert urlsplit(url).path == "/sub/path/"
        assert get(f"{url}index.html").status == 200


@pytest.mark.parametrize("path", ["/", "/index.html", "/sub/", "/sub/pathindex.html"])
def test_nothing_stands_outside_the_prefix(folder: Path, path: str) -> None:
    with serving(folder, prefix="/sub/path/") as url:
        assert get(url.replace("/sub/path/", path)).status == 404


@pytest.mark.parametrize("prefix", ["/", "/sub/"])
@pytest.mark.parametrize("path", ["../outside.txt", "%2e%2e/outside.txt", "no/../../outside.txt"])
def test_nothing_outside_the_folder_is_served(folder: Path, prefix: str, path: str) -> None:
    with serving(folder, prefix=prefix) as url:
        assert get(url + path).status == 404


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_another_port_is_taken_when_one_is_in_use(folder: Path, taken_port: int) -> None:
    command = [sys.executable, str(ROOT / "serve.py"), str(folder), "--port", str(taken_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[3]
        try:
            assert get(url).status == 200
        finally:
            server.terminate()
    assert urlsplit(url).port != taken_port
