"""Read one huge JSON object entry by entry: {"key": value, "key": value, …} of many gigabytes.

In: a file. Out: (where, key, value), one at a time, so that memory holds one value and not the file. A truncated or
malformed file is a UserError that names the file and the entry. Bytes that are not UTF-8 become what
crosspl.importers.reading.is_text finds.
"""

import json
import re

from crosspl import record
from crosspl.errors import UserError

CHUNK = 1 << 20
CUT_OFF = 16  # an error so near to the end of what was read may be gone when more is read
SPACE = re.compile(r"[ \t\n\r]*")


def entries(path):
    """Yield (where, key, value) for each entry of the object that the file at `path` is."""
    record.read(path)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            yield from Text(path, stream).entries()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None


class Text:
    """A window on the file: `text` from `at` on is not yet parsed."""

    def __init__(self, path, stream):
        self.path, self.stream, self.text, self.at, self.number = path, stream, "", 0, 0

    def entries(self):
        """Yield the entries in turn."""
        self.take("{")
        while self.next_sign() != "}" or self.number:
            self.number += 1
            key = self.value()
            if not isinstance(key, str):
                raise self.error("its key is not a text")
            self.take(":")
            yield f"{self.path}, entry {self.number}", key, self.value()
            if self.take(",", "}") == "}":
                break
        else:
            self.take("}")
        if self.next_sign():
            raise self.error("there is more after its end")

    def next_sign(self):
        """Return the next character that is not space, without taking it; "" at the end of the file."""
        while True:
            self.at = SPACE.match(self.text, self.at).end()
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def take(self, *signs):
        """Take one of `signs` and return it."""
        sign = self.next_sign()
        if not sign:
            raise self.error("truncated")
        if sign not in signs:
            raise self.error(f"not JSON: {' or '.join(signs)} expected, {sign!r} found")
        self.at += 1
        return sign

    def value(self):
        """Take one value and return it, reading as much more as it needs."""
        self.next_sign()
        while True:
            try:
                value, end = json.JSONDecoder().raw_decode(self.text, self.at)
            except ValueError as error:
                if not self.is_cut_off(error):
                    raise self.error(f"not JSON: {error}") from None
                if not self.more():
                    raise self.error("truncated") from None
                continue
            if end < len(self.text) or not self.more():  # else 12 could be the beginning of 123
                self.at = end
                return value

    def is_cut_off(self, error):
        """Return whether an error may come from the end of what was read: there, or in a text that has no end yet."""
        at = getattr(error, "pos", None)
        return at is not None and (at >= len(self.text) - CUT_OFF or error.msg.startswith("Unterminated string"))

    def more(self):
        """Read as much again as waits, so that a long value is parsed only a few times; False at the end."""
        chunk = self.stream.read(max(CHUNK, len(self.text) - self.at))
        self.text, self.at = self.text[self.at :] + chunk, 0
        return bool(chunk)

    def error(self, what):
        return UserError(f"{self.path}, entry {self.number}: {what}: get the file again")
