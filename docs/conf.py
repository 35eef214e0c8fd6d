"""The documentation site: ``make docs`` builds it, offline, into ``_docs/``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "_sphinx"))

project = "lite_comms"
author = "lite_comms contributors"
project_copyright = author
version = release = json.loads((ROOT / "frontend/package.json").read_text("utf-8"))["version"]

extensions = [
    "jupyterlite_sphinx",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    # In _sphinx/.
    "demo",
    "drawings",
    "elsewhere",
    "notebooks",
    "page_api",
]
exclude_patterns = ["_contents", "_sphinx", "page-api/README.md", "try"]
nitpicky = True
highlight_language = "none"  # indented blocks show what a program prints

# Fences and headings, as GitHub shows them.
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 6
# Links to notebooks of the demo, which demo.py puts beside the pages.
myst_url_schemes = {
    **dict.fromkeys(("http", "https", "mailto")),
    "demo": {"url": "lite/notebooks/index.html?path={{path}}"},
}
suppress_warnings = ["myst.header"]  # of the README's parts and the changelog, which start lower

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have them, in words
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "lite_comms"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_js_files = [("docs.js", {"defer": "defer"})]
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_sidebars: dict[str, list[str]] = {
    page: []
    for page in ("benchmark", "gallery", "how-it-works", "index", "search", "try", "tutorial")
}
html_copy_source = False
html_theme_options = {
    "logo": {"text": "lite_comms"},
    "navbar_end": ["theme-switcher"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "navigation_with_keys": False,
}

# As in hatch_readme.py: the workflow that deploys the site names the repository.
SERVER, REPOSITORY = (os.environ.get(f"GITHUB_{key}", "") for key in ("SERVER_URL", "REPOSITORY"))
if SERVER and REPOSITORY:
    html_theme_options |= {
        "icon_links": [
            {
                "name": "The repository",
                "url": f"{SERVER}/{REPOSITORY}",
                "icon": "fa-brands fa-github",
            }
        ],
        "navbar_end": ["theme-switcher", "navbar-icon-links"],
    }

# What a program prints is not copied.
copybutton_selector = "div:not(.highlight-none) > div.highlight > pre"

jupyterlite_bind_ipynb_suffix = False

# For `make docs-links` only, which needs the network.
linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_ignore = ["lite/"]
