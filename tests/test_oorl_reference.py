"""The paper's tables in docs/reference: averages are those of the cells, odd cells are as many as the page says."""

import re

import pytest
from workflow_run import ROOT

from crosspl.io import read_csv
from crosspl.languages import known_languages

FOLDER = ROOT / "docs" / "reference"
TABLES = {"oorl_table2": ("avg", 4), "oorl_table3": ("avg", 16), "oorl_table4": ("from_avg", 4)}
SOURCES = (119, 92, 89)  # programs to translate: Python; C++ and Go; Java
NAMES = ("model", "from", "avg", "on_policy", "off_policy", "multipl_e", "from_avg")


def cells(row):
    """The numbers of a row that its average is made of, by column."""
    return {name: float(text) for name, text in row.items() if name not in NAMES and text}


@pytest.mark.parametrize("name", TABLES)
def test_averages_are_means_of_their_cells(name):
    average, count = TABLES[name]
    rows = read_csv(FOLDER / f"{name}.csv")
    assert len(rows) == count
    for row in rows:
        values = cells(row)
        assert len(values) == {"oorl_table2": 8, "oorl_table3": 10, "oorl_table4": 4}[name]
        assert sum(values.values()) / len(values) == pytest.approx(float(row[average]), abs=0.01)


def test_empty_cells_are_translations_into_the_same_pl():
    for row in read_csv(FOLDER / "oorl_table3.csv"):
        empty = [name for name, text in row.items() if not text]
        assert empty == [row["from"]] * (row["from"] in row)
        assert set(cells(row)) | {row["from"]} <= set(known_languages())


def test_the_same_rows_in_two_tables_agree_but_for_rounding():
    tables = {name: read_csv(FOLDER / f"{name}.csv") for name in TABLES}
    for model, (_, off_policy) in {"Qwen3-8B": ("", ""), "Qwen3-8B-OORL": ("REINFORCE++", "GEPO")}.items():
        [ablation] = [row for row in tables["oorl_table4"] if row["off_policy"] == off_policy and (
            row["on_policy"] or not off_policy) and bool(row["on_policy"]) == bool(off_policy)]  # fmt: skip
        [written] = [row for row in tables["oorl_table2"] if row["model"] == model]
        assert float(written["avg"]) == pytest.approx(float(ablation["multipl_e"]), abs=0.0101)
        for row in tables["oorl_table3"]:
            if row["model"] == model:
                assert float(row["avg"]) == pytest.approx(float(ablation[f"from_{row['from']}"]), abs=0.0101)


def test_odd_cells_are_as_many_as_the_page_says():
    def is_odd(value):
        return not any(abs(value - 100 * right / count) < 0.0101 for count in SOURCES for right in range(count + 1))

    rows = read_csv(FOLDER / "oorl_table3.csv")
    odd = [(row["model"], name) for row in rows for name, value in cells(row).items() if is_odd(value)]
    said = re.search(r"(\d+) of the (\d+) cells.*?(\d+) of them", (FOLDER / "README.md").read_text(), re.DOTALL)
    ours = sum(model == "Qwen3-8B-OORL" for model, _ in odd)
    assert (len(odd), sum(len(cells(row)) for row in rows), ours) == tuple(map(int, said.groups()))
