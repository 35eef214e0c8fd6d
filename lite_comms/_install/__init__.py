"""Applies lite_comms to a kernel, says what is active, and reverts it.

The only room that knows which transport a kernel takes, and that replaces the ways to comms
that user code knows.
"""
