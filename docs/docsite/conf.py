# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of Sphinx for `make docs`."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

project = "background.jobs"
project_copyright = "The background.jobs contributors"
title = html_short_title = "background.jobs"

extensions = ["sphinx_antsibull_ext"]
highlight_language = "yaml+jinja"

html_theme = "sphinx_ansible_theme"
html_theme_options = {"documentation_home_url": "https://example.com/background/jobs/docs", "topbar_links": {}}
html_show_sphinx = False
html_show_sourcelink = False
smartquotes_action = "D"  # dashes, and no other quotation marks than in the messages

nitpicky = True
# Pages of Ansible's own documentation, which are not here.
_ELSEWHERE = (
    r"ansible_collections\.ansible\.builtin\..*",
    "action_plugins",
    "ansible_configuration_settings",
    "callback_plugins",
    "common_return_values",
)
nitpick_ignore_regex = [("std:ref", "|".join(_ELSEWHERE))]

# Pictures have whole addresses, for readers elsewhere. These pages show them from beside themselves.
_PICTURES = "/raw/main/docs/pictures/"
html_extra_path = ["../pictures"]


def _show_own_pictures(_app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for image in doctree.findall(nodes.image):
        if _PICTURES in image["uri"]:
            image["uri"] = "../" * docname.count("/") + image["uri"].rpartition("/")[2]


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", _show_own_pictures)
