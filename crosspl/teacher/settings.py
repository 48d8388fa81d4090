"""Settings of a teacher, the config's block `teacher`.

In: the block. Out: the same, checked. A workflow checks its whole config; this is for who gives the block by hand.
"""

import json
from pathlib import Path

import jsonschema

from crosspl.errors import UserError

SCHEMA = Path(__file__).parent.parent.parent / "schemas" / "config.schema.json"


def check_settings(settings):
    """Return the block, or raise a UserError that names the wrong setting."""
    schema = json.loads(SCHEMA.read_text())["properties"]["teacher"] | {"type": "object"}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(settings):
        raise UserError(f"{'.'.join(['teacher', *map(str, error.absolute_path)])}: {error.message}")
    if not settings["calls"]["base_url"] and not settings["max_tokens"]:
        raise UserError("teacher.max_tokens: null leaves the length to an endpoint, and teacher.calls.base_url is null")
    return settings
