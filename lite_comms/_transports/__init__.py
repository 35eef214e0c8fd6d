"""What carries comm messages between the kernel and the page.

A `CommMessage` enters by ``Transport.send``; a message from the page leaves by ``receive``
of the `Receiver` that the transport is connected with.
"""
