"""What is measured: works on several pages in turns, delays, code that computes, memory, starts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from bench.sites import NOTEBOOK
from serve import serving

HERE = Path(__file__).parent
# How often a work is done in one round.
TIMES = {"small": 20, "nested": 8, "big": 4, "down": 2, "up": 2, "bulkDown": 2, "bulkUp": 2}
# Stock is slower by so much that its times hardly differ; `up` takes it ten seconds.
STOCK_TIMES = {**TIMES, "up": 1, "bulkDown": 1, "bulkUp": 1}
OF_MANY = ("down", "up")
# What is done with the inspector, too.
INSPECTED = ("small", "down", "up")
# How far apart messages come, from and to. The first is beyond the second after which the kernel
# looks for them less often.
PAUSES_MS = ((1_250, 1_500), (20, 60))


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    boots: int
    loads: int
    soak: int
    messages: int = 2_000
    crowds: tuple[int, ...] = (10, 1_000, 10_000)
    answers: int = 10
    repeats: int = 8


@dataclass(frozen=True)
class Side:
    """Something that is measured: a page, and the way its messages take."""

    name: str
    page: Page
    way: str = "comms"

    @property
    def times(self) -> dict[str, int]:
        """How often a work is done in one round."""
        return STOCK_TIMES if self.name == "stock" else TIMES

    def run(self, work: str, times: int, *args: Any) -> list[Any]:
        """Do a work several times, in the page that is in front."""
        self.page.bring_to_front()
        results: list[Any] = self.page.evaluate(
            "([work, way, times, args]) => bench.run(work, way, times, ...args)",
            [work, self.way, times, args],
        )
        return results


def say(text: str) -> None:
    """Show the progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Show, at its end, how long a part of the benchmark has taken."""
    start = time.monotonic()
    yield
    say(f"{name} took {time.monotonic() - start:.0f} s")


def new_page(browser: Browser, url: str) -> tuple[Page, float]:
    """Open a notebook in a browser that knows nothing yet, and run its cell; how long it took."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.add_init_script(path=HERE / "work.js")
    page.goto(url, wait_until="commit")
    return page, page.evaluate("bench.boot()")


def execute(page: Page, code: str) -> str:
    """Run code in the kernel of a page; what it has printed."""
    printed: str = page.evaluate("code => bench.execute(code)", code)
    return printed


def opened(browser: Browser, url: str) -> Page:
    """Open a notebook for the works."""
    page, _ = new_page(browser, url)
    execute(page, (HERE / "kernel.py").read_text("utf-8"))
    return page


def measure_boots(browser: Browser, urls: dict[str, str], boots: int) -> dict[str, list[float]]:
    """Start a notebook on each site, one after the other."""
    taken: dict[str, list[float]] = {name: [] for name in urls}
    for number in range(boots):
        # Neither always comes first.
        for name in sorted(urls, reverse=number % 2 == 0):
            page, ms = new_page(browser, urls[name])
            page.context.close()
            taken[name].append(ms)
            say(f"  boot {number + 1}/{boots}: {name} {ms:,.0f} ms")
    return taken


def measure_loads(browser: Browser, url: str, loads: int) -> list[float]:
    """Load lite_comms in a notebook; milliseconds from ``%load_ext`` to the open port."""
    taken = []
    for number in range(loads):
        page, _ = new_page(browser, url)
        taken.append(float(execute(page, "print(load_ms)")))
        page.context.close()
        say(f"  load {number + 1}/{loads}: {taken[-1]:,.0f} ms")
    return taken


def measure_works(sides: list[Side], plan: Plan) -> dict[str, dict[str, list[Any]]]:
    """Do each work on all sides, round by round; by work and side."""
    taken: dict[str, dict[str, list[Any]]] = {}
    over_comms = [side for side in sides if side.way == "comms"]

    def turn(side: Side, work: str, times: int, *args: Any) -> None:
        taken.setdefault(work, {}).setdefault(side.name, []).extend(side.run(work, times, *args))

    say("  warming up")
    for side in sides:
        for work in TIMES:
            side.run(work, 1, *([plan.messages // 10] if work in OF_MANY else []))
    for number in range(plan.rounds):
        say(f"  round {number + 1}/{plan.rounds}")
        for work in TIMES:
            for side in sides:
                if number % 2 == 0 or (side.name, work) != ("stock", "up"):
                    turn(side, work, side.times[work], *_numbers(work, plan))
        for side in over_comms:
            turn(side, "slider", 1)
    return taken


def measure_delays(side: Side, plan: Plan) -> list[dict[str, Any]]:
    """Send messages while a cell computes; how long each waits for its answer, by their pauses.

    Only our side: elsewhere all wait for the end of the cell.
    """
    delays: list[dict[str, Any]] = [
        {"pause_ms": pause, "in_library": in_library, "ms": []}
        for pause, in_library in (*((pause, False) for pause in PAUSES_MS), (PAUSES_MS[-1], True))
    ]
    for number in range(plan.rounds):
        say(f"  messages while a cell computes, {number + 1}/{plan.rounds}")
        for delay in delays:
            pauses, in_library = delay["pause_ms"], delay["in_library"]
            if number % 2 and pauses == PAUSES_MS[0]:
                continue  # it is nearly all waiting
            (taken,) = side.run("delay", 1, plan.answers, *pauses, in_library)
            delay["ms"] += taken
    return delays


def measure_cpu(page: Page, plan: Plan) -> dict[str, dict[str, list[float]]]:
    """Run Python code that computes; milliseconds by program and mode (cpu.py)."""
    taken: dict[str, dict[str, list[float]]] = {}
    execute(page, (HERE / "cpu.py").read_text("utf-8"))
    execute(page, "take_turns(0, 1)")
    for number in range(plan.rounds):
        say(f"  code that computes, {number + 1}/{plan.rounds}")
        turns = execute(page, f"print(json.dumps(take_turns({number}, {plan.repeats})))")
        for program, modes in json.loads(turns).items():
            for mode, ms in modes.items():
                taken.setdefault(program, {}).setdefault(mode, []).append(ms)
    return taken


def measure_crowds(ours: Side, floor: Side, plan: Plan) -> dict[str, dict[str, list[Any]]]:
    """Do small echoes while ever more comms are open; the floor beside them tells of the machine.

    In a page of their own: JupyterLab keeps a listener of each comm that was ever opened.
    """
    taken: dict[str, dict[str, list[Any]]] = {}
    for side in (ours, floor):
        side.run("small", 2 * TIMES["small"])
    for n in plan.crowds:
        say(f"  {n:,} open comms")
        ours.run("crowd", 1, n)
        both: dict[str, list[Any]] = {"ours": [], "floor": []}
        for _ in range(plan.rounds):
            both["ours"] += ours.run("small", TIMES["small"])
            both["floor"] += floor.run("small", TIMES["small"])
        taken[str(n)] = both
    return taken


def measure_inspector(never: Side, other: Side, plan: Plan) -> dict[str, dict[str, list[Any]]]:
    """Do works with the inspector open and closed, beside a page that has never opened it."""
    taken: dict[str, dict[str, list[Any]]] = {}
    for side in (never, other):
        for work in INSPECTED:
            side.run(work, 2, *_numbers(work, plan))
    other.page.evaluate("bench.inspect(true)")  # its code is loaded
    for number in range(plan.rounds):
        say(f"  the inspector, {number + 1}/{plan.rounds}")
        for mode, side in (("never", never), ("closed", other), ("open", other)):
            other.page.evaluate("isOpen => bench.inspect(isOpen)", mode == "open")
            for work in INSPECTED:
                ms = side.run(work, TIMES[work], *_numbers(work, plan))
                taken.setdefault(work, {}).setdefault(mode, []).extend(ms)
    return taken


def _numbers(work: str, plan: Plan) -> list[int]:
    return [plan.messages] if work in OF_MANY else []


def measure_memory(side: Side, messages: int) -> dict[str, Any]:
    """Tell what the page and the kernel hold, before and after so many messages."""
    session = side.page.context.new_cdp_session(side.page)

    def held() -> dict[str, float]:
        (kernel,) = side.run("memory", 1)
        session.send("HeapProfiler.collectGarbage")
        page = session.send("Runtime.getHeapUsage")
        return {**kernel, "page": page["usedSize"] + page.get("backingStorageSize", 0)}

    parts = 10
    side.run("soak", 1, messages // parts)  # what is made once is there
    before = held()
    for number in range(parts):
        say(f"  memory, {number + 1}/{parts} of {messages:,} messages")
        side.run("soak", 1, messages // parts)
    return {"messages": messages, "before": before, "after": held()}


def measure(
    browser: Browser,
    folders: dict[str, Path],
    plan: Plan,
    *,
    isolated: bool,
    server_url: str | None,
) -> dict[str, Any]:
    """Measure everything on one kind of host."""
    with ExitStack() as stack:
        urls = {
            name: f"{stack.enter_context(serving(folder, isolated=isolated))}"
            f"notebooks/index.html?path={NOTEBOOK}"
            for name, folder in folders.items()
        }
        ours = opened(browser, urls["ours"])
        sides = [
            Side("stock", opened(browser, urls["stock"])),
            Side("ours", ours),
            Side("floor", ours, "floor"),
        ]
        loaded = urls.pop("loaded", None)
        if loaded:
            sides.insert(2, Side("loaded", opened(browser, loaded)))
        if server_url:
            sides.append(Side("server", opened(browser, server_url)))
        with part("the works"):
            works = measure_works(sides, plan)
        with part("memory"):
            memory = measure_memory(sides[1], plan.soak)
        for side in sides:
            side.page.context.close()
        page = opened(browser, urls["ours"])
        alone = Side("ours", page)
        with part("messages while a cell computes"):
            delays = measure_delays(alone, plan)
        with part("code that computes"):
            cpu = measure_cpu(page, plan)
        with part("open comms"):
            crowds = measure_crowds(alone, Side("floor", page, "floor"), plan)
        page.context.close()
        with part("the inspector"):
            never, other = (Side("ours", opened(browser, urls["ours"])) for _ in range(2))
            inspector = measure_inspector(never, other, plan)
            for side in (never, other):
                side.page.context.close()
        with part("starts of notebooks"):
            boots = measure_boots(browser, urls, plan.boots)
        with part("loading in a notebook"):
            loads = measure_loads(browser, loaded, plan.loads) if loaded else []
    return {
        "loads": loads,
        "works": {**works, "boot": boots},
        "crowds": crowds,
        "memory": memory,
        "delays": delays,
        "inspector": inspector,
        "cpu": cpu,
    }
