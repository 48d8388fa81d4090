"""Files are complete or absent, equal byte for byte when equal in content, and a damaged one is a message."""

import gzip
import json
import time
from pathlib import Path

import pytest

from crosspl import io
from crosspl.errors import SandboxError, UserError, run_command

ROWS = [
    {"id": "a", "text": 'line\nbreak, "quotes", 世界 \u2028 \x00 \x85', "n": 1.5, "none": None, "list": [1, [2]]},
    {"id": "b", "text": ""},
]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "new/folders/rows.jsonl.gz"])
def test_rows_come_back(tmp_path, name):
    io.write_rows(tmp_path / name, ROWS)
    assert io.read_rows(tmp_path / name) == ROWS
    io.write_rows(tmp_path / name, [])
    assert io.read_rows(tmp_path / name) == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [Path(name).name]


def test_equal_content_gives_equal_bytes(tmp_path, monkeypatch):
    io.write_rows(tmp_path / "a.jsonl.gz", ROWS)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)  # gzip would write the time and the name
    io.write_rows(tmp_path / "another_name.jsonl.gz", ROWS)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "another_name.jsonl.gz").read_bytes()
    assert (tmp_path / "a.jsonl.gz").read_bytes()[4:8] == bytes(4)


@pytest.mark.parametrize("kept", [0, 1, 9, 12, 0.5, -9, -8, -1])
def test_truncated_gzip(tmp_path, kept):
    path = tmp_path / "rows.jsonl.gz"
    io.write_rows(path, ROWS * 50)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(UserError, match=r"rows\.jsonl\.gz: truncated or corrupt gzip .*Delete the file"):
        io.read_rows(path)


def test_every_flipped_byte_of_the_data_is_noticed(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    io.write_rows(path, ROWS * 20)
    data = path.read_bytes()
    for place in [0, 1, 2, *range(10, len(data))]:  # 3-9: flags, time and system, which are not the content
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with pytest.raises(UserError, match=r"rows\.jsonl\.gz"):
            io.read_rows(path)


def test_what_is_no_json_names_file_and_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1}\n\n{"id": 2}\n{"id": 3\n')
    with pytest.raises(UserError, match=r"rows\.jsonl, line 4: not JSON"):
        io.read_rows(path)
    with pytest.raises(UserError, match="not JSON"):
        io.read_json(path)


def test_missing_and_binary_files(tmp_path):
    for read in (io.read_rows, io.read_text, io.read_json, io.read_csv):
        with pytest.raises(UserError, match=r"gone\.txt: no such file"):
            read(tmp_path / "gone.txt")
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UserError, match="binary: not UTF-8"):
            read(tmp_path / "binary")


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    io.write_csv(path, ["a"], [{"a": 1}])
    old = path.read_bytes()
    with pytest.raises(ValueError, match="not_a_column"):
        io.write_csv(path, ["a"], [{"a": 2}, {"not_a_column": 3}])
    with pytest.raises(KeyboardInterrupt), io.atomic(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    with pytest.raises(TypeError):
        io.write_json(path, {"a": object()})
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_csv_cells_come_back(tmp_path):
    rows = [{"a": "x\ny, z", "b": 'say "é"\u2028\x85\x1c'}, {"a": "1", "b": ""}]
    io.write_csv(tmp_path / "table.csv", ["a", "b"], [rows[0], {"a": 1, "b": None}])
    assert io.read_csv(tmp_path / "table.csv") == rows


def test_json_keeps_the_order_of_keys(tmp_path):
    io.write_json(tmp_path / "a.json", {"z": 1, "a": {"é": [None]}})
    assert list(io.read_json(tmp_path / "a.json")) == ["z", "a"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"z": 1, "a": {"é": [None]}}


def raising(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(
    "main, status, said",
    [
        (raising(UserError("x is wrong; do y")), 2, "error: x is wrong; do y\n"),
        (raising(SandboxError("no sandbox")), 3, "error: no sandbox\n"),
        (lambda argv: Path("/dev/full").write_bytes(b"x" * 10) and None, 2, "error: the disk is full"),
        (lambda argv: None, None, ""),
        (lambda argv: 5, 5, ""),
    ],
    ids=["user error", "no sandbox", "full disk", "success", "status"],
)
def test_run_command(capsys, main, status, said):
    with pytest.raises(SystemExit) as ended:
        run_command(main, [])
    assert ended.value.code == status
    assert capsys.readouterr().err.startswith(said)


def test_errors_of_our_own_keep_their_traceback():
    for error in (ValueError("a bug"), FileNotFoundError(2, "No such file or directory")):
        with pytest.raises(type(error)):
            run_command(raising(error), [])


def test_other_programs_can_read_the_files(tmp_path):
    """The files are plain gzip, readable by anything."""
    io.write_rows(tmp_path / "rows.jsonl.gz", ROWS)
    with gzip.open(tmp_path / "rows.jsonl.gz", "rt", encoding="utf-8", newline="\n") as stream:
        assert [json.loads(line) for line in stream] == ROWS
