"""One huge JSON object, read entry by entry: any spacing, memory that does not grow with the file.

Broken files: test_import_xcodeeval.py.
"""

import json
import tracemalloc

from crosspl.importers.json_object import entries


def test_entries_are_the_object_whatever_its_spacing(tmp_path):
    values = {
        f"k{n}": value for n, value in enumerate([1, -12345, 1.5, None, True, [], {}, '\\"}{', [["\u20ac" * 999]]])
    }
    values |= {"": "x" * 5_000_000, "€": 12}
    path = tmp_path / "object.json"
    for space in (None, 1):
        path.write_text(json.dumps(values, ensure_ascii=space is None, indent=space) + "\n")
        assert {key: value for _, key, value in entries(path)} == values
    path.write_text(" {\n} ")
    assert list(entries(path)) == []


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "object.json"
    with open(path, "w") as stream:
        stream.write("{")
        for number in range(400):
            stream.write(f'{"," if number else ""}"{number}": {json.dumps(["7" * 100_000])}')
        stream.write("}")
    tracemalloc.start()
    assert sum(len(value) for _, _, value in entries(path)) == 400
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 40_000_000 and peak < 8_000_000
