"""The package in the kernel's wheel: its modules are in one file, unpacked at the first import.

A wheel compresses each of its files by itself; together they take little more than half as much.
"""


def _unpack():
    import bz2
    import json
    from importlib import invalidate_caches
    from pathlib import Path

    package = Path(__file__).parent
    modules = json.loads(bz2.decompress((package / "modules.json.bz2").read_bytes()))
    # This file is the last one that is written: until then another import would try again.
    for name, source in modules.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    invalidate_caches()
    return compile(modules["__init__.py"], __file__, "exec")


exec(globals().pop("_unpack")())
