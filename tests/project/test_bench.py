"""The benchmark measures: each number that its table needs is there."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.report import BEGIN, END, LABELS, labels, write_readme
from conftest import ROOT


def numbers(value: Any) -> Iterator[float]:
    """Find all numbers in it."""
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif isinstance(value, (int, float)):
        yield value


@pytest.mark.browser
def test_a_short_run_measures_every_work_on_every_side(tmp_path: Path) -> None:
    results, plot = tmp_path / "results.json", tmp_path / "plot.svg"
    options = ["--smoke", "--hosts", "plain", "--results", str(results), "--plot", str(plot)]
    run = [sys.executable, "-m", "bench.run", *options]
    table = subprocess.run(run, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    measured = json.loads(results.read_text("utf-8"))
    works = measured["hosts"]["plain"]["works"]
    assert {work: sorted(works[work]) for work in LABELS} == {
        work: {
            "boot": ["ours", "stock"],
            "slider": ["loaded", "ours", "stock"],
        }.get(work, ["floor", "loaded", "ours", "stock"])
        for work in LABELS
    }
    assert len(measured["hosts"]["plain"]["loads"]) == 1
    assert all(taken for sides in works.values() for taken in sides.values())
    assert list(measured["hosts"]["plain"]["crowds"]) == ["10", "20", "30"]
    inspector = measured["hosts"]["plain"]["inspector"]
    assert list(inspector) == ["small", "down", "up"]
    assert {tuple(taken) for taken in inspector.values()} == {("never", "closed", "open")}
    delays, cpu = measured["hosts"]["plain"]["delays"], measured["hosts"]["plain"]["cpu"]
    assert [(delay["pause_ms"], delay["in_library"], len(delay["ms"])) for delay in delays] == [
        ([1250, 1500], False, 2),
        ([20, 60], False, 2),
        ([20, 60], True, 2),
    ]
    assert len(cpu) >= 10
    assert {tuple(sorted(taken)) for taken in cpu.values()} == {("live", "nothing", "stop")}
    assert {len(ms) for taken in cpu.values() for ms in taken.values()} == {1}
    assert "While a cell computes, a message from the page is answered after " in table
    assert all(map(math.isfinite, numbers(measured)))
    assert [label for label in labels(measured).values() if f"| {label} | " not in table] == []
    assert plot.read_text("utf-8").rstrip().endswith("</svg>")


def test_the_table_replaces_the_one_in_the_readme(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "utf-8")
    write_readme(readme, "new\n")
    assert readme.read_text("utf-8") == f"above\n{BEGIN}\n\nnew\n\n{END}\nbelow\n"


def test_a_readme_without_a_place_for_the_table_is_an_error(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("above\n", "utf-8")
    with pytest.raises(RuntimeError, match="has no <!-- benchmark -->"):
        write_readme(readme, "new\n")
