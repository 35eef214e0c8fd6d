"""What a release publishes, looked at from outside; and what a site makes of it."""

from __future__ import annotations

import ast
import bz2
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tokenize
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

import lite_comms
from conftest import ROOT, Distributions

pytestmark = pytest.mark.build

VERSION: str = json.loads((ROOT / "frontend/package.json").read_text("utf-8"))["version"]
WHEEL_NAME = f"lite_comms-{VERSION}-py3-none-any.whl"
DIST_INFO = f"lite_comms-{VERSION}.dist-info"
DATA = f"lite_comms-{VERSION}.data/data"
EXTENSION = f"{DATA}/share/jupyter/labextensions/lite-comms"
STARTUP = f"{DATA}/etc/ipython/startup/00-lite-comms.py"
MODULES = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lite_comms").rglob("*.py")}
SCRIPTS = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lite_comms").rglob("*.js")}
PAGE = "lite_comms/_transports/port/page.js.bz2"
INIT = "lite_comms/__init__.py"
PACKED = "lite_comms/modules.json.bz2"

ONLY_ON_HOSTS = {
    "lite_comms/py.typed",
    "lite_comms/_transports/port/page.py",
    "lite_comms/_testing/player/__init__.py",
    "lite_comms/_testing/player/matches.py",
    "lite_comms/_testing/player/playing.py",
    "lite_comms/_testing/player/reading.py",
    "lite_comms/_transports/server.py",
    "lite_comms/offline_site.py",
    PAGE,
}
# The page's half is brought by the kernel where the page lacks it. Of this 2.7 kB are requests,
# streams, and the page's own Comm, 0.8 kB attachments, 0.4 kB the limit of depth and locks, 0.4 kB
# what a site allows to scripts, 0.2 kB the failures of callbacks, 0.3 kB limits of holding,
# of requirejs and of what counts as a saved script.
PAGE_LIMIT_BYTES = 25_600

# The module that a host page loads, as a server compresses it.
HOST_MODULE_LIMIT_BYTES = 4_000

# What is loaded at every kernel start. Requests and streams are 3,400 of it, attachments 800,
# targets for host pages 700, traces 1,400; what keeps deep data and deep tracebacks from it 1,400;
# parents of streams and displays, and the session, 2,400; figures 800; that no module is long 400.
KERNEL_WHEEL_LIMIT_BYTES = 49_900


@pytest.fixture(scope="session")
def host(distributions: Distributions) -> zipfile.ZipFile:
    return zipfile.ZipFile(distributions.wheel)


@pytest.fixture(scope="session")
def kernel_bytes(host: zipfile.ZipFile) -> bytes:
    return host.read(f"{EXTENSION}/static/pypi/{WHEEL_NAME}")


@pytest.fixture(scope="session")
def kernel(kernel_bytes: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(kernel_bytes))


def metadata(wheel: zipfile.ZipFile) -> list[tuple[str, str]]:
    return message_from_bytes(wheel.read(f"{DIST_INFO}/METADATA")).items()


def package(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    return {name: wheel.read(name) for name in wheel.namelist() if name.startswith("lite_comms/")}


IMPORT = """
import lite_comms
print(lite_comms.__file__, lite_comms.__doc__, sorted(vars(lite_comms)))
print(*sorted(lite_comms.__all__))
"""


@pytest.fixture(scope="session")
def unpacked(kernel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the kernel's wheel, after its package was imported."""
    folder = tmp_path_factory.mktemp("kernel")
    kernel.extractall(folder)
    assert names_after_import(folder) == names_after_import(folder)  # unpacked, and as unpacked
    return folder


def names_after_import(folder: Path) -> str:
    return subprocess.check_output([sys.executable, "-c", IMPORT], cwd=folder, text=True)


@pytest.fixture(scope="session")
def lean(unpacked: Path) -> dict[str, bytes]:
    """What is in the kernel's package then."""
    paths = [path for path in (unpacked / "lite_comms").rglob("*.*") if path.suffix != ".pyc"]
    return {path.relative_to(unpacked).as_posix(): path.read_bytes() for path in paths}


def test_version_stands_once_and_is_everywhere(
    distributions: Distributions, host: zipfile.ZipFile, kernel: zipfile.ZipFile
) -> None:
    extension = json.loads(host.read(f"{EXTENSION}/package.json"))
    assert {
        "host wheel": distributions.wheel.name,
        "sdist": distributions.sdist.name,
        "host metadata": dict(metadata(host))["Version"],
        "kernel metadata": dict(metadata(kernel))["Version"],
        "extension": extension["version"],
        "Python": lite_comms.__version__,
    } == {
        "host wheel": WHEEL_NAME,
        "sdist": f"lite_comms-{VERSION}.tar.gz",
        "host metadata": VERSION,
        "kernel metadata": VERSION,
        "extension": VERSION,
        "Python": VERSION,
    }


def split(source: bytes, *, is_package: bool) -> tuple[str, dict[str, str | None]]:
    """Split a module into its code, with where all begins, and the docstrings that help() shows."""
    tree = ast.parse(source)
    public = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            doc = ast.get_docstring(node)
            if isinstance(node, ast.Module):
                if is_package:
                    public["the package"] = doc
            elif not node.name.startswith("_"):
                public[node.name] = doc
            if doc is not None:
                del node.body[0]
    code = ast.dump(tree, include_attributes=True)
    # What consists of a docstring only ends elsewhere without it.
    return re.sub(r", end_\w+=\d+", "", code), public


def test_both_wheels_have_the_same_modules(host: zipfile.ZipFile, lean: dict[str, bytes]) -> None:
    assert set(package(host)) == {*MODULES, *SCRIPTS, "lite_comms/py.typed", PAGE}
    for script in SCRIPTS:  # but for comments, which leave their lines
        text = host.read(script).decode()
        assert lean[script].decode() == re.sub(r"(?m)^ *//.*$", "", text)
        assert "//" not in lean[script].decode()
    assert set(package(host)) ^ set(lean) == {*ONLY_ON_HOSTS, PACKED}


@pytest.mark.parametrize("name", sorted(MODULES - ONLY_ON_HOSTS))
def test_both_wheels_have_the_same_code_in_the_same_places_and_public_docstrings_begin_alike(
    name: str, host: zipfile.ZipFile, lean: dict[str, bytes]
) -> None:
    is_package = name == INIT
    code, lean_docs = split(lean[name], is_package=is_package)
    full, docs = split(host.read(name), is_package=is_package)
    assert code == full
    values = [value for value in vars(lite_comms).values() if callable(value)]
    classes = [base for value in values if isinstance(value, type) for base in value.__mro__]
    exported = {value.__module__ for value in (*values, *classes)}
    is_public = is_package or name.removesuffix(".py").replace("/", ".") in exported
    assert lean_docs == {
        name: doc and (re.split(r"\n+\w[\w ]*\n-{3,}", doc)[0] if is_public else "")
        for name, doc in docs.items()
    }


def test_the_package_of_the_kernel_wheel_is_unpacked_by_its_import_and_leaves_no_name(
    unpacked: Path, kernel: zipfile.ZipFile
) -> None:
    assert set(package(kernel)) == {INIT, PACKED}
    path, names = names_after_import(unpacked), names_after_import(ROOT)
    assert path.replace(str(unpacked), "") == names.replace(str(ROOT), "")


def test_an_import_that_was_cut_off_is_done_again(kernel: zipfile.ZipFile, tmp_path: Path) -> None:
    kernel.extractall(tmp_path)
    blocked = tmp_path / "lite_comms/_wire"
    blocked.write_text("no folder")
    with pytest.raises(subprocess.CalledProcessError):
        names_after_import(tmp_path)
    blocked.unlink()
    assert names_after_import(tmp_path).split()[-1] == max(lite_comms.__all__)


def test_kernel_wheel_has_no_comments(lean: dict[str, bytes]) -> None:
    tokens = [
        token
        for name, source in lean.items()
        if name != PACKED
        for token in tokenize.tokenize(io.BytesIO(source).readline)
    ]
    assert [token.string for token in tokens if token.type == tokenize.COMMENT] == []


def test_license_is_beside_the_kernel_wheel(host: zipfile.ZipFile) -> None:
    assert host.read(f"{EXTENSION}/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_kernel_wheel_has_the_package_and_a_startup_file_alone(kernel: zipfile.ZipFile) -> None:
    others = set(kernel.namelist()) - set(package(kernel))
    assert others == {
        STARTUP,
        f"{DIST_INFO}/METADATA",
        f"{DIST_INFO}/RECORD",
        f"{DIST_INFO}/WHEEL",
    }


def test_kernel_wheel_needs_comm_alone(kernel: zipfile.ZipFile) -> None:
    assert [value for key, value in metadata(kernel) if key == "Requires-Dist"] == ["comm>=0.2.1"]


def test_kernel_wheel_is_small(kernel_bytes: bytes) -> None:
    assert len(kernel_bytes) <= KERNEL_WHEEL_LIMIT_BYTES


def test_the_page_half_that_a_notebook_brings_is_small_and_fetches_nothing(
    host: zipfile.ZipFile,
) -> None:
    packed = host.read(PAGE)
    assert len(packed) <= PAGE_LIMIT_BYTES
    script = bz2.decompress(packed)
    assert re.findall(rb"https?://[^\"'`]*", script) == []


def test_the_module_for_host_pages_is_small_and_stands_alone(host: zipfile.ZipFile) -> None:
    module = host.read(f"{EXTENSION}/static/host.js")
    assert len(gzip.compress(module)) <= HOST_MODULE_LIMIT_BYTES
    assert re.findall(rb"\bimport\b|https?://", module) == []
    assert re.findall(rb"export\{[^}]*\}", module)[0].endswith(b" as connect}")


def test_the_bridge_to_host_pages_is_not_in_what_a_notebook_brings(host: zipfile.ZipFile) -> None:
    assert b"lite_comms_bridge" not in bz2.decompress(host.read(PAGE))
    assert b"lite_comms_bridge" in host.read(f"{EXTENSION}/static/host.js")


def test_startup_file_is_one_expression_that_binds_no_name(kernel: zipfile.ZipFile) -> None:
    (statement,) = ast.parse(kernel.read(STARTUP)).body
    assert (
        ast.unparse(statement) == "__import__('lite_comms._install.start')._install.start.start()"
    )


def test_host_wheel_installs_no_startup_file(host: zipfile.ZipFile) -> None:
    assert [name for name in host.namelist() if "startup" in name] == []


def test_index_lists_the_kernel_wheel_alone(host: zipfile.ZipFile, kernel_bytes: bytes) -> None:
    index = json.loads(host.read(f"{EXTENSION}/static/pypi/all.json"))
    assert {name: list(project["releases"]) for name, project in index.items()} == {
        "lite-comms": [VERSION]
    }
    (release,) = index["lite-comms"]["releases"][VERSION]
    assert (release["url"], release["digests"]["sha256"], release["size"]) == (
        f"./{WHEEL_NAME}",
        hashlib.sha256(kernel_bytes).hexdigest(),
        len(kernel_bytes),
    )


def test_extension_names_its_package_and_its_index(host: zipfile.ZipFile) -> None:
    extension = json.loads(host.read(f"{EXTENSION}/package.json"))
    install = json.loads(host.read(f"{EXTENSION}/install.json"))
    assert extension["piplite"] == {"wheelDir": "static/pypi"}
    assert (install["packageManager"], install["packageName"]) == ("python", "lite-comms")
    assert f"{EXTENSION}/{extension['jupyterlab']['_build']['load']}" in host.namelist()


def test_sdist_has_the_sources_and_nothing_built(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        *MODULES,
        *SCRIPTS,
        *(str(path.relative_to(ROOT)) for path in (ROOT / "frontend/src").rglob("*.ts")),
        "LICENSE",
        "README.md",
        "frontend/package-lock.json",
        "frontend/package.json",
        "hatch_build.py",
        "kernel_startup.py",
        "kernel_unpack.py",
        "pyproject.toml",
    }
    built = ("_site/", "build/", "frontend/lib/", "frontend/node_modules/", "static/")
    assert needed - names == set()
    assert [name for name in names if name.startswith(built)] == []


def site_settings(site: Path) -> dict[str, Any]:
    config = json.loads((site / "jupyter-lite.json").read_text("utf-8"))["jupyter-config-data"]
    assert isinstance(config, dict)
    return config


def test_a_site_elsewhere_has_the_extension(foreign_site: Path) -> None:
    extensions = site_settings(foreign_site)["federated_extensions"]
    (ours,) = [extension for extension in extensions if extension["name"] == "lite-comms"]
    assert (foreign_site / "extensions/lite-comms" / ours["load"]).is_file()


def test_a_site_elsewhere_lists_the_kernel_wheel(foreign_site: Path, kernel_bytes: bytes) -> None:
    settings = site_settings(foreign_site)["litePluginSettings"]
    urls = settings["@jupyterlite/pyodide-kernel-extension:kernel"]["pipliteUrls"]
    index = "./extensions/lite-comms/static/pypi/all.json"
    assert [url.partition("?")[0] for url in urls].count(index) == 1
    wheels = list(foreign_site.rglob("lite_comms-*.whl"))
    assert [path.relative_to(foreign_site).as_posix() for path in wheels] == [
        f"extensions/lite-comms/static/pypi/{WHEEL_NAME}"
    ]
    assert wheels[0].read_bytes() == kernel_bytes


def test_the_site_is_deployed_only_after_the_tests() -> None:
    workflow = (ROOT / ".github/workflows/site.yml").read_text("utf-8")
    jobs = re.split(r"^  (\w+):\n", workflow.partition("\njobs:\n")[2], flags=re.MULTILINE)
    needs = dict(zip(jobs[1::2], jobs[2::2], strict=True))

    assert "uses: ./.github/workflows/ci.yml" in needs["test"]
    assert "needs: test" in needs["build"]
    assert "needs: build" in needs["deploy"]
