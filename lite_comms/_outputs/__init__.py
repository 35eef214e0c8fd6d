"""What is printed, displayed and raised, each under the message that caused it.

Knows the kernel's shell, and which cell runs. Comm messages do not pass through here: the
transports ask it for the parent header that a message is sent with.
"""
