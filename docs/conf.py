"""How `make docs` makes a site of this folder. Nothing is fetched: fonts and scripts are the theme's own."""

from __future__ import annotations

import os
import tempfile

# The API reference imports the package, and so Airflow, which writes settings where it is at home.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow_home_"))

from airflow_provider_wedata import __version__

project = "airflow-provider-wedata"
author = "the authors of airflow-provider-wedata"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["design", "images"]  # design/ is for those who change the code
html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False

myst_heading_anchors = 3  # links to headings, as GitHub makes them
myst_enable_extensions = ["colon_fence", "deflist"]

default_role = "code"  # a docstring's `name`
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it in words
