"""Values that messages are made of: errors, values as JSON, comm messages, frames.

Pure: nothing in here does I/O, knows of a kernel, or imports another room. Every other
room uses these values.
"""
