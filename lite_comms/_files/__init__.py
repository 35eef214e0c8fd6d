"""Files of the page, as Python's own.

What may enter: Blobs and Files, as `pyodide.ffi` gives them.
What may leave: binary files.
"""
