"""The tests that ipywidgets ships in its package, with our comms under its widgets.

The comm package ships none, neither in its wheel nor in its sdist.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.server


def test_the_tests_of_ipywidgets_pass_on_our_comms(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    plugins = ["tests.ipywidgets_plugin", "no:cacheprovider", "no:asyncio", "no:playwright"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--pyargs", "ipywidgets", "--rootdir", str(tmp_path)),
            *(f"-p{plugin}" for plugin in plugins),
            f"--junitxml={report}",
        ],
        cwd=tmp_path,  # away from this project's settings and conftest.py
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    (suite,) = ET.parse(report).getroot()
    assert [suite.get(kind) for kind in ("failures", "errors", "skipped")] == ["0", "0", "0"]
    assert int(suite.get("tests") or 0) >= 300
    (reached,) = [line for line in done.stdout.splitlines() if line.startswith("reached the page")]
    assert int(reached.split()[3]) >= 2000  # else its widgets were not on our comms
    assert reached.split()[4:] == ["comm_close", "comm_msg", "comm_open"]
