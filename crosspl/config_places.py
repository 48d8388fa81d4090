"""Where in the config files a setting stands, for messages.

In: files, later ones over earlier ones, a path of keys. Out: `file: dotted.key`.
"""

from pathlib import Path

import yaml


def where(files, path):
    """Return `file: dotted.key`, with the last given file that holds the key."""
    path = [part for part in path if not part.isdigit()]
    for file in reversed([str(f) for f in files]):
        if path and holds(file, path):
            return f"{file}: {'.'.join(path)}"
    return f"{files[0] if files else 'config'}: {'.'.join(path) or 'top level'}"


def holds(file, path):
    """Return whether a config file holds a key."""
    value = yaml.safe_load(Path(file).read_text()) if Path(file).exists() else None
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True
