"""The process that lite_comms runs in: which kernel it is, whose code runs, what is replaced.

Imports `_wire` only, and nothing that talks to the worker. The rooms above ask it; it calls
none of them.
"""
