"""Streams: of many values only the newest is sent, and messages are received in a loop.

`Comm` has the methods of `Streaming`. Messages leave by its `_publish`.
"""
