"""`open_blob`; what reads a Blob is imported with the first one."""

from __future__ import annotations

import io
from typing import Any

# Small enough to jump about in a file, large enough that a call of JavaScript costs little in it.
_BUFFER_NBYTES = 2**18


def open_blob(blob: Any) -> io.BufferedReader:
    """Open a File or Blob of the page for reading, without copying it.

    It is read in pieces, as they are asked for, also in the middle of synchronous code.

    Parameters
    ----------
    blob : JsProxy of a Blob
        What the page has attached to a message: one of ``msg["attachments"]``. In tests a
        ``BytesIO`` may stand for it; it can be opened several times, too.

    Returns
    -------
    io.BufferedReader
        A binary file that can be read and sought in, as ``open(path, "rb")`` returns it. Its
        ``name`` is that of a File. A read raises OSError if the content cannot be read any more,
        for example because the user has changed the file since it was chosen.

    Raises
    ------
    TypeError
        If it is no Blob.
    """
    if isinstance(blob, io.BytesIO):
        copy = io.BytesIO(blob.getvalue())
        if (name := getattr(blob, "name", None)) is not None:
            copy.name = name
        return io.BufferedReader(copy)
    if not (hasattr(blob, "slice") and hasattr(blob, "size")):
        raise TypeError(f"open_blob takes a File or Blob of the page, not {type(blob).__name__}")
    from .blob import BlobReader

    return io.BufferedReader(BlobReader(blob), _BUFFER_NBYTES)
