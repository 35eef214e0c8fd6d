"""What was measured, as a table, as a plot, and in the README."""

from __future__ import annotations

from pathlib import Path
from statistics import median, quantiles
from typing import Any

LABELS = {
    "small": "echo of a small message",
    "nested": "echo of 2,000 nested rows",
    "big": "echo of 10 MB",
    "down": "{messages:,} messages, kernel → page",
    "up": "{messages:,} messages, page → kernel",
    "bulkDown": "100 MB in 10 pieces, kernel → page",
    "bulkUp": "100 MB in 10 pieces, page → kernel",
    "slider": "the last of 200 slider moves, answered after",
    "boot": "start of a notebook, to its first output",
}


def labels(results: dict[str, Any]) -> dict[str, str]:
    """Name the works of a run."""
    messages = results["made"]["plan"]["messages"]
    return {work: label.format(messages=messages) for work, label in LABELS.items()}


SIDES = {
    "stock": "stock",
    "ours": "lite_comms",
    "loaded": "loaded in a notebook",
    "floor": "floor",
    "server": "server",
}
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"


def rounded(value: Any) -> Any:
    """Leave out digits that no clock has told."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def table(results: dict[str, Any]) -> str:
    """Write the tables of all hosts, with what they were measured with."""
    made, sizes = results["made"], results["sizes"]
    parts = []
    for host, measured in results["hosts"].items():
        parts += [
            f"On {_HOSTS[host]}:",
            _works(measured["works"], labels(results)),
            _others(measured),
            _inspected(measured),
            _live(measured),
        ]
    parts.append(
        f"Downloaded once: the kernel's wheel, {sizes['wheel'] / 1000:.1f} kB, and "
        f"{sizes['page'] / 1000:.1f} kB of the page's JavaScript, gzipped; with the inspector, "
        f"when it is opened, {sizes['inspector'] / 1000:.1f} kB more."
    )
    parts.append(
        f"{made['browser']}, jupyterlite-core {made['jupyterlite-core']}, "
        f"jupyterlite-pyodide-kernel {made['jupyterlite-pyodide-kernel']}; "
        f"{made['machine']}; {made['date']}."
    )
    return "\n\n".join(parts) + "\n"


_HOSTS = {
    "plain": "a static host without special headers",
    # Mended by work.js.
    "isolated": "a host with cross-origin isolation (stock with `Atomics.waitAsync` mended, "
    "or it hangs now and then)",
}


def _works(works: dict[str, Any], labels: dict[str, str]) -> str:
    sides = [side for side in SIDES if side in works["small"]]
    head = ["median (p95), ms", *(SIDES[side] for side in sides), "stock / ours", "ours / floor"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for work, label in labels.items():
        taken = {side: times(values) for side, values in works[work].items()}
        cells = [shown(taken[side]) if side in taken else "" for side in sides]
        ours = median(taken["ours"])
        floor = f"{ours / median(taken['floor']):.2f}" if "floor" in taken else ""
        rows.append([label, *cells, f"{median(taken['stock']) / ours:.3g}", floor])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _others(measured: dict[str, Any]) -> str:
    works, memory = measured["works"], measured["memory"]
    crowds = ", ".join(
        f"{median(taken['ours']):.2f} ms with {int(n):,}" for n, taken in measured["crowds"].items()
    )
    handled = {
        side: median(value["handled"] for value in values)
        for side, values in works["slider"].items()
    }
    before, after = memory["before"], memory["after"]
    grown = ", ".join(
        f"{name} {after[key] - before[key]:+,.0f} bytes"
        for name, key in _MEMORY.items()
        if before[key] is not None
    )
    loads = measured["loads"]
    loaded = f"`%load_ext` opens the port on a stock site in {shown(loads)} ms. " if loads else ""
    return (
        f"{loaded}A small echo by the number of open comms: {crowds}. "
        f"Of the 200 moves of the slider "
        f"{', '.join(f'{SIDES[side]} handled {n:.0f}' for side, n in handled.items())}. "
        f"After {memory['messages']:,} messages more: {grown}; "
        f"Python objects {after['objects'] - before['objects']:+,}."
    )


_MEMORY = {"the page's heap": "page", "Python's heap": "heap", "page and worker": "agent"}


def _inspected(measured: dict[str, Any]) -> str:
    """Tell what the inspector costs: a page's time with it, over that of one that never had it."""
    costs = "; ".join(
        f"{_INSPECTED[work]} {shown(taken['never'])} ms, with the inspector closed again "
        f"{median(taken['closed']) / median(taken['never']):.2f} times as long, open "
        f"{median(taken['open']) / median(taken['never']):.2f} times"
        for work, taken in measured["inspector"].items()
    )
    return f"On a page that has never opened the inspector: {costs}."


_INSPECTED = {
    "small": "a small echo takes",
    "down": "the messages to the page",
    "up": "those to the kernel",
}


def slowdowns(cpu: dict[str, dict[str, list[float]]], mode: str) -> dict[str, float]:
    """By how many percent each program is slower in this mode, the median over the rounds."""
    return {
        program: 100
        * (median(a / b for a, b in zip(taken[mode], taken["nothing"], strict=True)) - 1)
        for program, taken in cpu.items()
    }


def _live(measured: dict[str, Any]) -> str:
    delays = ", ".join(
        "{} ms when messages come {:,} to {:,} ms apart".format(
            shown(delay["ms"]), *delay["pause_ms"]
        )
        + (" and a library that is written in Python takes nearly all the time" * in_library)
        for delay in measured["delays"]
        for in_library in [delay.get("in_library", False)]
    )
    live, stop = (slowdowns(measured["cpu"], mode) for mode in ("live", "stop"))
    most = max(live, key=live.__getitem__)
    return (
        f"While a cell computes, a message from the page is answered after {delays}; "
        f"stock answers after the cell. "
        f"Python code that computes is slower by {median(live.values()):.1f}%, with Stop only "
        f"by {median(stop.values()):.1f}%, the medians of {len(live)} programs; "
        f"most of all {most.replace('_', ' ')}, by {live[most]:.1f}%."
    )


def times(values: list[Any]) -> list[float]:
    """Take the milliseconds of a work; of a slider, until the page has its answer."""
    return [value["page"] if isinstance(value, dict) else value for value in values]


def shown(values: list[float]) -> str:
    """Write a median and a 95th percentile."""
    p95 = quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    digits = 2 if median(values) < 10 else 0
    return f"{median(values):,.{digits}f} ({p95:,.{digits}f})"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the medians of the first host, readable on a light and on a dark page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    works = next(iter(results["hosts"].values()))["works"]
    colors = {"stock": "#d97706", "ours": "#2563eb", "floor": "#8b949e", "server": "#16a34a"}
    sides = [side for side in colors if side in works["small"]]
    drawn = [work for work in LABELS if work not in ("boot", "slider")]
    names = [labels(results)[work] for work in drawn]
    height = 0.8 / len(sides)
    ink = "#7d8590"
    style: Any = {
        "font.family": "sans-serif",
        "svg.fonttype": "none",
        "svg.hashsalt": "lite_comms",
        "text.color": ink,
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "xtick.color": ink,
        "ytick.color": ink,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot()
        for number, side in enumerate(sides):
            medians = [median(works[work][side]) for work in drawn]
            places = [row + (number - (len(sides) - 1) / 2) * height for row in range(len(drawn))]
            axes.barh(places, medians, height * 0.9, label=SIDES[side], color=colors[side])
        axes.set(yticks=range(len(drawn)), yticklabels=names)
        axes.invert_yaxis()
        axes.set(xscale="log", xlabel="milliseconds, median")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, ncols=len(sides), loc="lower center", bbox_to_anchor=(0.3, 1))
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def write_readme(path: Path, text: str) -> None:
    """Put the table between its two marks."""
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise RuntimeError(f"{path} has no {BEGIN} … {END}")
    path.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", "utf-8")
