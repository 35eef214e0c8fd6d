"""What `replay` does: a recording is read, and played. Not in the wheel that a kernel loads.

Lines enter by ``reading.py``, which refuses what cannot be played; ``playing.py`` posts messages as
the page.
"""
