"""How Sphinx builds the site; `tools/build_docs.py` lays out the pages and calls it."""

from importlib.metadata import version as version_of

project = "imgdup_nb"
author = "the authors of imgdup_nb"
copyright = "the authors of imgdup_nb, MIT licence"
release = version = version_of("imgdup-nb")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_nb",
]
exclude_patterns = ["notebooks/tried/**", "notebooks/demo/**", "**.ipynb_checkpoints"]

# Pages: Markdown as GitHub reads it, and notebooks with the outputs that are stored in them.
nb_execution_mode = "off"
nb_mime_priority_overrides = [
    ("html", "image/png", 0),
    ("html", "text/html", 1),
    ("html", "text/plain", 30),
]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type"]

# The reference: signatures as they are written, numpy style docstrings.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
default_role = "code"  # one backtick is code in the docstrings
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
toc_object_entries_show_parents = "hide"

# The look: no third party is asked for anything, so the site works without a network.
html_theme = "furo"
html_title = "imgdup_nb"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # a browser does not read the pages found from files
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
