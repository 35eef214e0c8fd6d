"""A Blob as a binary file, on a stand-in for the worker's JavaScript."""

from __future__ import annotations

import csv
import errno
import io
import subprocess
import sys
import zipfile
from array import array
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from lite_comms import open_blob


class FakeJsError(Exception):
    """What Pyodide raises for an exception of JavaScript."""


class FakeBlob:
    """A Blob of a page; `reads` has the slices that were read."""

    def __init__(self, content: bytes, reads: list[tuple[int, int]] | None = None) -> None:
        self.content = content
        self.reads: list[tuple[int, int]] = [] if reads is None else reads
        self.problem = ""

    @property
    def size(self) -> int:
        return len(self.content)

    def slice(self, start: int, end: int) -> FakeBlob:
        self.reads.append((start, end))
        part = FakeBlob(self.content[start:end])
        part.problem = self.problem
        return part


class FakeFile(FakeBlob):
    name = "numbers.csv"


class FakeArrayBuffer:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def assign_to(self, to: memoryview) -> None:
        assert (to.format, to.nbytes) == ("B", len(self._content))
        to[:] = self._content


class FakeFileReaderSync:
    @classmethod
    def new(cls) -> FakeFileReaderSync:
        return cls()

    def readAsArrayBuffer(self, blob: FakeBlob) -> FakeArrayBuffer:  # noqa: N802
        if blob.problem:
            raise FakeJsError(blob.problem)
        return FakeArrayBuffer(blob.content)


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    js, pyodide, ffi = ModuleType("js"), ModuleType("pyodide"), ModuleType("pyodide.ffi")
    js.FileReaderSync = FakeFileReaderSync  # type: ignore[attr-defined]
    ffi.JsException = FakeJsError  # type: ignore[attr-defined]
    for module in (js, pyodide, ffi):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield
    sys.modules.pop("lite_comms._files.blob", None)


def test_it_is_read_whole() -> None:
    with open_blob(FakeBlob(b"some bytes")) as file:
        assert (file.read(), file.read()) == (b"some bytes", b"")


def test_an_empty_one_has_nothing_to_read() -> None:
    blob = FakeBlob(b"")
    with open_blob(blob) as file:
        assert (file.read(), file.read(1), blob.reads) == (b"", b"", [])


def test_small_reads_share_one_piece() -> None:
    blob = FakeBlob(bytes(1_000_000))
    with open_blob(blob) as file:
        pieces = [file.read(1000) for _ in range(3)]
    assert (pieces, blob.reads) == ([bytes(1000)] * 3, [(0, 262_144)])


def test_no_piece_is_larger_than_16_mb() -> None:
    blob = FakeBlob(bytes(40_000_000))
    with open_blob(blob) as file:
        whole = file.read()
    assert (len(whole), blob.reads) == (
        40_000_000,
        [(0, 16_777_216), (16_777_216, 33_554_432), (33_554_432, 40_000_000)],
    )


def test_a_read_of_many_pieces_returns_all_that_was_asked_for() -> None:
    with open_blob(FakeBlob(bytes(40_000_000))) as file:
        assert len(file.read(39_000_000)) == 39_000_000


def test_it_is_sought_in() -> None:
    with open_blob(FakeBlob(b"0123456789")) as file:
        assert file.seekable()
        seen = [
            (file.seek(4), file.read(2), file.tell()),
            (file.seek(-3, io.SEEK_END), file.read(1), file.tell()),
            (file.seek(1, io.SEEK_CUR), file.read(), file.tell()),
            (file.seek(20), file.read(), file.tell()),
        ]
    assert seen == [(4, b"45", 6), (7, b"7", 8), (9, b"9", 10), (20, b"", 20)]


@pytest.mark.parametrize(
    ("offset", "whence", "problem"),
    [
        (-1, io.SEEK_SET, "negative seek position -1"),
        (-11, io.SEEK_END, "position -1"),
        (0, 5, "5"),
    ],
)
def test_a_position_that_is_none_is_refused(offset: int, whence: int, problem: str) -> None:
    with open_blob(FakeBlob(b"0123456789")) as file, pytest.raises(ValueError, match=problem):
        file.raw.seek(offset, whence)


def test_it_reads_into_memory_of_any_type() -> None:
    numbers = array("i", [0, 0, 0])
    with open_blob(FakeBlob(array("i", [1, 2]).tobytes())) as file:
        raw: Any = file.raw
        assert raw.readinto(numbers) == 8
    assert numbers.tolist() == [1, 2, 0]


def test_it_is_for_reading_only() -> None:
    with open_blob(FakeBlob(b"")) as file:
        assert (file.readable(), file.writable()) == (True, False)
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")


def test_a_file_has_its_name_and_a_blob_has_none() -> None:
    assert (open_blob(FakeFile(b"")).name, open_blob(FakeFile(b"")).mode) == ("numbers.csv", "rb")
    assert not hasattr(open_blob(FakeBlob(b"")), "name")


def test_a_closed_one_is_not_read_and_lets_the_blob_go() -> None:
    file = open_blob(FakeBlob(b"0123456789"))
    raw: Any = file.raw
    file.close()
    file.close()
    assert (file.closed, raw._blob) == (True, None)
    for use in (file.read, file.tell, file.readable, lambda: file.seek(0), raw.readall, raw.tell):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_file_that_was_changed_is_an_os_error_that_names_it_and_loses_no_place() -> None:
    blob = FakeFile(b"0123456789")
    with open_blob(blob) as file:
        blob.problem = "NotReadableError: The requested file could not be read"
        with pytest.raises(OSError, match=r"bytes 0 to 10 .* NotReadableError: ") as caught:
            file.read(2)
        assert (caught.value.errno, caught.value.filename) == (errno.EIO, "numbers.csv")
        assert isinstance(caught.value.__cause__, FakeJsError)
        blob.problem = ""
        assert file.read(2) == b"01"


@pytest.mark.parametrize("value", [None, 3, b"bytes", "text", [1], {"size": 1}, open])
def test_what_is_no_blob_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=rf"File or Blob of the page, not {type(value).__name__}$"):
        open_blob(value)


def test_a_bytesio_that_stands_for_a_blob_can_be_opened_again() -> None:
    class Numbers(io.BytesIO):
        name = "numbers.csv"

    blob = Numbers(b"0123")
    blob.seek(2)
    for _ in range(2):
        with open_blob(blob) as file:
            assert (file.name, file.read()) == ("numbers.csv", b"0123")

    assert blob.tell() == 2


def test_bytes_of_a_test_stand_for_a_blob() -> None:
    with open_blob(io.BytesIO(b"0123")) as file:
        assert (file.read(1), file.seek(-1, io.SEEK_END), file.read()) == (b"0", 3, b"3")


def test_text_is_read_line_by_line() -> None:
    blob = FakeFile("größe,n\nä,1\nö,2\n".encode())
    with io.TextIOWrapper(open_blob(blob), "utf-8", newline="") as text:
        assert [*csv.DictReader(text)] == [{"größe": "ä", "n": "1"}, {"größe": "ö", "n": "2"}]


def test_one_member_of_an_archive_is_read_without_the_others() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("first", bytes(5_000_000))
        archive.writestr("second", b"hello")
        archive.writestr("third", bytes(5_000_000))
    blob = FakeBlob(packed.getvalue())
    with open_blob(blob) as file, zipfile.ZipFile(file) as archive:
        assert archive.read("second") == b"hello"
    assert sum(end - start for start, end in blob.reads) < 2_000_000


@pytest.mark.skipif(sys.platform == "emscripten", reason="Pyodide has no processes")
def test_what_reads_blobs_is_imported_with_the_first_one() -> None:
    code = "import sys, lite_comms; print('lite_comms._files.blob' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
