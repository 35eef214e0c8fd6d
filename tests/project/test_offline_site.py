"""What `lite_comms.offline_site` asks for; the site that it makes is in test_elsewhere.py."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lite_comms import offline_site

pytestmark = pytest.mark.build

FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")


@pytest.fixture
def commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[list[str], dict[str, Any]]]:
    """An empty folder, in which commands are noted instead of run; npm brings a Pyodide."""
    run: list[tuple[list[str], dict[str, Any]]] = []

    def note(command: list[str], cwd: Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        config = tmp_path / "jupyter_lite_config.json"
        run.append((command, json.loads(config.read_text("utf-8")) if config.exists() else {}))
        if command[1] == "pack":
            with tarfile.open(cwd / "pyodide.tgz", "w:gz") as archive:
                for name in (*FILES, "pyodide-lock.json"):
                    data = b'{"info": 1, "packages": {"numpy": {}}}'
                    entry = tarfile.TarInfo(f"package/{name}")
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("subprocess.run", note)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return run


def test_pyodide_and_the_settings_are_there_before_the_site_is_built(
    commands: list[tuple[list[str], dict[str, Any]]], tmp_path: Path
) -> None:
    offline_site.main(["ipywidgets>=8", "humanize"])

    (pack, _), (build, config) = commands
    assert pack[:3] == ["/usr/bin/npm", "pack", "--silent"]
    assert build == [sys.executable, "-m", "jupyterlite_core", "build"]
    specs = ["comm", "humanize", "ipython", "ipywidgets>=8", "jedi", "micropip"]
    assert config == {
        "PyodideLockAddon": {
            "enabled": True,
            "specs": specs,
            "excludes_extra": ["jupyterlab-widgets", "widgetsnbextension"],
        }
    }
    listing = json.loads((tmp_path / "static/pyodide/pyodide-lock.json").read_text("utf-8"))
    assert listing == {"info": 1, "packages": {}}  # else they would come from a CDN


def test_what_is_there_already_is_kept(
    commands: list[tuple[list[str], dict[str, Any]]], tmp_path: Path
) -> None:
    config = tmp_path / "jupyter_lite_config.json"
    theirs = {"LiteBuildConfig": {"contents": ["content"]}}
    config.write_text(json.dumps({**theirs, "PyodideLockAddon": {"specs": ["numpy"]}}), "utf-8")
    offline_site.main([])
    offline_site.main([])

    assert [command[1] for command, _ in commands] == ["pack", "-m", "-m"]
    _, built = commands[-1]
    assert built.pop("LiteBuildConfig") == theirs["LiteBuildConfig"]
    assert "numpy" in built["PyodideLockAddon"]["specs"]


def test_a_package_that_is_named_again_has_the_new_version_only(
    commands: list[tuple[list[str], dict[str, Any]]],
) -> None:
    offline_site.main(["ipywidgets", "typing_extensions", "jedi==0.19"])
    offline_site.main(["ipywidgets==8.1", "Typing-Extensions[a]>=4", "./a.whl", "./b.whl"])

    specs = ["comm", "ipython", "ipywidgets==8.1", "jedi==0.19", "micropip"]
    paths = ["./a.whl", "./b.whl"]
    assert commands[-1][1]["PyodideLockAddon"]["specs"] == [
        *paths,
        "Typing-Extensions[a]>=4",
        *specs,
    ]


@pytest.mark.parametrize(
    ("settings", "output"),
    [({}, "_output"), ({"LiteBuildConfig": {"output_dir": "public"}}, "public")],
)
def test_it_says_where_the_site_is(
    commands: list[tuple[list[str], dict[str, Any]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, Any],
    output: str,
) -> None:
    (tmp_path / "jupyter_lite_config.json").write_text(json.dumps(settings), "utf-8")
    offline_site.main([])

    said = capsys.readouterr().out
    assert f"The site is in {tmp_path / output}. " in said
    assert f"http.server -d {output}\n" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "it must hold a JSON object"),
        ('{"PyodideLockAddon": null}', "PyodideLockAddon must be an object, not None"),
        ('{"PyodideLockAddon": {"specs": "ipython"}}', "specs must be a list, not 'ipython'"),
        ('{"PyodideLockAddon": {"specs": ["a", 1]}}', "specs must name packages, not 1"),
        ('{"LiteBuildConfig": []}', r"LiteBuildConfig must be an object, not \[\]"),
        ('{"LiteBuildConfig": {"output_dir": 1}}', "output_dir must be a text, not 1"),
    ],
)
def test_settings_that_cannot_be_used_are_named_and_stay(
    commands: list[tuple[list[str], dict[str, Any]]], tmp_path: Path, text: str, why: str
) -> None:
    settings = tmp_path / "jupyter_lite_config.json"
    settings.write_text(text, "utf-8")
    with pytest.raises(SystemExit, match=rf"jupyter_lite_config\.json cannot be used: {why}"):
        offline_site.main([])
    assert settings.read_text("utf-8") == text


def test_without_npm_it_says_which_files_are_needed(
    commands: list[tuple[list[str], dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SystemExit, match=r"npm is needed .* pyodide\.mjs, .*pyodide-lock\.json"):
        offline_site.main([])


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("pyodide-lock", r'pyodide-lock is missing: pip install "lite-comms\[site\]"'),
        ("jupyterlab_widgets", "could not show the widgets of ipywidgets"),
    ],
)
def test_what_is_not_installed_is_named(
    commands: list[tuple[list[str], dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    error: str,
) -> None:
    monkeypatch.setattr(offline_site, "_is_installed", lambda name: name != missing)
    with pytest.raises(SystemExit, match=error):
        offline_site.main(["ipywidgets"])
    assert commands == []


def test_what_a_command_says_is_shown_when_it_fails(
    commands: list[tuple[list[str], dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = subprocess.CompletedProcess([], 1, b"no such package", b"")
    monkeypatch.setattr("subprocess.run", lambda *args, **options: failed)
    with pytest.raises(SystemExit, match="Pyodide cannot be downloaded"):
        offline_site.main([])
    assert capsys.readouterr().err == "no such package\n"
