"""Requests: a question that the other end of a comm answers, in both directions.

They are ordinary comm messages with a mark in their metadata, as PROTOCOL.md says ("Requests").
Both ends use this room: `Comm`, and the page's end that tests have. A marked message enters by
`Requesting._handle_marked`; messages leave by the `_post` of the class that uses it.
"""
