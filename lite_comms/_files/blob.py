"""The bytes of a Blob, read by the worker itself: no message to the page, no `await`.

One of the modules that talk to the worker.
"""

from __future__ import annotations

import errno
import io
from typing import TYPE_CHECKING, Any

from js import FileReaderSync
from pyodide.ffi import JsException

if TYPE_CHECKING:
    from collections.abc import Buffer

# So many bytes at most are in JavaScript's memory besides Python's own.
_PIECE_NBYTES = 2**24


class BlobReader(io.RawIOBase):
    """An unbuffered binary file over a Blob.

    Parameters
    ----------
    blob : JsProxy of a Blob
        The Blob. A File's name becomes the file's ``name``.
    """

    mode = "rb"
    name: str  # that of a File; a Blob has none

    def __init__(self, blob: Any) -> None:
        self._blob = blob
        self._size = int(blob.size)
        self._position = 0
        self._reader = FileReaderSync.new()
        self._name = getattr(blob, "name", None)
        if self._name is not None:
            self.name = self._name

    def readable(self) -> bool:
        """Return True."""
        self._checkClosed()
        return True

    def seekable(self) -> bool:
        """Return True."""
        self._checkClosed()
        return True

    def tell(self) -> int:
        """Return the position."""
        self._checkClosed()
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Change the position, and return it; it may lie behind the end."""
        self._checkClosed()
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        if whence not in starts:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence!r}")
        position = starts[whence] + offset
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        self._position = position
        return position

    def readinto(self, buffer: Buffer) -> int:
        """Read into a buffer; return how many bytes, less than asked for if it is large."""
        self._checkClosed()
        with memoryview(buffer) as given, given.cast("B") as view:
            end = min(self._size, self._position + min(view.nbytes, _PIECE_NBYTES))
            nbytes = end - self._position
            if nbytes <= 0:
                return 0
            with view[:nbytes] as part:
                self._copy(self._position, end, part)
        self._position = end
        return nbytes

    def _copy(self, start: int, end: int, to: memoryview) -> None:
        try:
            read = self._reader.readAsArrayBuffer(self._blob.slice(start, end))
        except JsException as error:
            raise OSError(
                errno.EIO, f"bytes {start} to {end} cannot be read: {error}", self._name
            ) from error
        read.assign_to(to)

    def readall(self) -> bytes:
        """Read the rest."""
        whole = io.BytesIO()
        while piece := self.read(_PIECE_NBYTES):
            whole.write(piece)
        return whole.getvalue()

    def close(self) -> None:
        """Close it; the Blob is let go."""
        super().close()
        self._blob = None
