"""A page in the same process, for tests of comm code.

Stands on all other rooms, as a user's test does; none of them imports it.
"""
