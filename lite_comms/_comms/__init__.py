"""Comms and targets: what user code holds, and which callback gets a message.

User code enters by `Comm`, a transport by ``CommManager.receive``. Messages leave by the
manager's transport.
"""
