"""What "live" costs Python code that computes; run in the kernel of our side, beside kernel.py.

The programs are in the manner of pyperformance. Each runs in turns with nothing
that looks for signals, with Stop only, and live, so that whatever else the
machine does meets all three.
"""

from __future__ import annotations

import json
import random
import re
import struct
import time
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

from IPython import get_ipython

import lite_comms

MODES = ("nothing", "stop", "live")
ORDERS = list(permutations(MODES))
# The kernel looks for messages more often for about a second after the last one.
CALM_AFTER_S = 2


def plain_loop() -> int:
    """Count in a loop."""
    total = 0
    for i in range(120_000):
        total += i * i % 7
    return total


def function_calls() -> int:
    """Call a small function."""

    def add(a: int, b: int, *, c: int = 1) -> int:
        return a + b + c

    total = 0
    for i in range(120_000):
        total = add(total, i, c=2)
    return total


def recursion(n: int = 25) -> int:
    """Take a Fibonacci number, the slow way."""
    return n if n < 2 else recursion(n - 1) + recursion(n - 2)


class Account:
    """Something with methods and attributes."""

    def __init__(self) -> None:
        self.balance = 0
        self.moves = 0

    @property
    def mean(self) -> float:
        """What a move was on average."""
        return self.balance / self.moves

    def move(self, amount: int) -> None:
        """Add an amount."""
        self.balance += amount
        self.moves += 1


def methods() -> float:
    """Call methods, and read and write attributes."""
    account = Account()
    total = 0.0
    for i in range(60_000):
        account.move(i)
        total += account.mean
    return total


def n_body() -> float:
    """Move a few bodies, in floats."""
    bodies = [[i * 1.5, i * 0.5, 0.1 * i, 0.01 * i, 1.0 + i] for i in range(5)]
    for _ in range(1_600):
        for i, a in enumerate(bodies):
            for b in bodies[:i]:
                dx, dy = a[0] - b[0], a[1] - b[1]
                force = 0.001 / (dx * dx + dy * dy + 0.01) ** 1.5
                a[2] -= dx * b[4] * force
                a[3] -= dy * b[4] * force
                b[2] += dx * a[4] * force
                b[3] += dy * a[4] * force
        for body in bodies:
            body[0] += 0.001 * body[2]
            body[1] += 0.001 * body[3]
    return bodies[0][0]


ROWS = [{"id": i, "name": f"row {i}", "values": [i, i * 0.5, None, True]} for i in range(300)]


def json_dumps_and_loads() -> Any:
    """Write and read JSON."""
    for _ in range(16):
        rows = json.loads(json.dumps(ROWS))
    return rows


TEXT = " ".join(f"user{i}@host{i % 7}.example.org, {i} items;" for i in range(2_400))
ADDRESS = re.compile(r"(\w+)@(\w+)(?:\.\w+)+")


def regular_expressions() -> int:
    """Find and replace."""
    found = sum(len(match[1]) for match in ADDRESS.finditer(TEXT))
    return found + len(re.sub(r"\d+", lambda match: f"<{match[0]}>", TEXT))


def dicts_and_lists() -> int:
    """Group numbers, and look them up."""
    groups: dict[int, list[int]] = {}
    for i in range(40_000):
        groups.setdefault(i % 101, []).append(i)
    swapped = {value: key for key, values in groups.items() for value in values}
    return sum(swapped[i] for i in range(0, 40_000, 3))


SHUFFLED = random.Random(1).sample(range(15_000), 15_000)


def sorting() -> list[int]:
    """Sort by a key."""
    return sorted(SHUFFLED, key=lambda number: (number % 13, -number))


def generators() -> float:
    """Multiply by a matrix that is computed, as spectral-norm does."""
    size = 95

    def products(values: list[float]) -> Iterator[float]:
        for i in range(size):
            yield sum(
                value / ((i + j) * (i + j + 1) // 2 + i + 1) for j, value in enumerate(values)
            )

    values = [1.0] * size
    for _ in range(6):
        values = list(products(values))
    return sum(values)


def binary_data() -> int:
    """Pack and unpack bytes."""
    row = struct.Struct("<Idh")
    data = bytearray()
    for i in range(20_000):
        data += row.pack(i, i * 0.5, i % 100)
    view = memoryview(data)
    total: int = sum(number for number, _, _ in row.iter_unpack(view))
    return total + sum(view[i] for i in range(0, len(view), 8))


def string_building() -> int:
    """Put a text together, and take it apart."""
    lines = []
    text = ""
    for i in range(12_000):
        text += chr(97 + i % 26)
        lines.append(f"{i:05d}: {text[-5:].upper()}")
    return len("\n".join(lines).replace(":", " = ").split())


def numbers_to_text() -> int:
    """Write numbers: each time, Python looks for signals."""
    return sum(len(str(i)) + len(f"{i} {-i}") for i in range(26_000))


PROGRAMS: tuple[Callable[[], object], ...] = (
    plain_loop,
    function_calls,
    recursion,
    methods,
    n_body,
    json_dumps_and_loads,
    regular_expressions,
    dicts_and_lists,
    sorting,
    generators,
    binary_data,
    string_building,
    numbers_to_text,
)


def switch(signals: Any, mode: str) -> None:
    """Have nothing look for signals, or Stop only, or all that is live."""
    signals._clock.end()
    if mode != "nothing":
        signals._clock.start()
    lite_comms.live(mode == "live")


def idle(seconds: float) -> None:
    """Compute nothing for so long, in Python, so that signals are looked for."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def timed(program: Callable[[], object], repeats: int) -> float:
    """Take the milliseconds of a program that is run several times."""
    # What is due since the last mode is done, and the next time is at any moment of the program.
    idle(random.uniform(0.005, 0.045))
    start = time.perf_counter()
    for _ in range(repeats):
        program()
    return (time.perf_counter() - start) * 1000


def take_turns(number: int, repeats: int) -> dict[str, dict[str, float]]:
    """Run all programs in all modes, once; milliseconds by program and mode."""
    shell: Any = get_ipython()
    manager = shell.kernel.comm_manager
    signals = manager.transport._cells.signals
    before = signals.is_live
    taken: dict[str, dict[str, float]] = {}
    try:
        switch(signals, "live")
        idle(CALM_AFTER_S)
        if not signals._turns or not manager.comms:
            raise RuntimeError("the kernel is not live, or no comm is open")
        for place, program in enumerate(PROGRAMS):
            modes = taken[program.__name__] = {}
            # None always comes first.
            for mode in ORDERS[(number + place) % len(ORDERS)]:
                switch(signals, mode)
                modes[mode] = timed(program, repeats)
    finally:
        switch(signals, "live" if before else "stop")
    return taken
