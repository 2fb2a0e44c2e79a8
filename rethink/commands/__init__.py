"""What the commands of the `rethink` command line do, by subject.

Plugins are loaded and datasets followed before any of them, since options list the names of what
can be asked for.
"""

import contextlib

from core.catalogue import added, plugins
from core.run.errors import RethinkError
from core.settings import get_settings

with contextlib.suppress(RethinkError):  # a setting that is not allowed is told by the command
    root = get_settings().root
    plugins.load(root)
    added.follow(root)
