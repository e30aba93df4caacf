# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which words are names of modules.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

from ansible.plugins.loader import action_loader, module_loader


def is_module(name: str, collections: list[str] | None = None) -> bool:
    """:returns: whether there is a module, or an action, that a task may call by this name.

    A name with a dot counts as one, although its collection may not be there.

    :arg collections: those that the task searches.
    """
    if "." in name:
        return True
    loaders = (action_loader, module_loader)
    return any(loader.find_plugin_with_context(name, collection_list=collections).resolved for loader in loaders)
