"""Streams: of many values only the newest is sent, and messages wait to be received.

`Comm` has the methods of `Streaming` and `Pulling`. Messages leave by its `_publish`.
"""
