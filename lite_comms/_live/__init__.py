"""Messages and Stop in the middle of synchronous code: when, where, and what waits meanwhile.

The port enters by `signals.Signals`, and hands over the functions to call. Nothing in here
knows what a message is, or what a comm is.
"""
