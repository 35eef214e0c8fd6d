"""The worker's end of the port: comm messages past the kernel's queue, in one order.

A frame of the page enters by ``port.js``; one of the kernel leaves by it. The other end is
``port.ts`` on the page, and PROTOCOL.md says what goes between them.
"""
