"""Put tables with equal columns under one another.

In: CSV files. Out: one CSV with the columns of the first; other columns elsewhere are an error.
"""

import argparse

from crosspl.errors import UserError, run_command
from crosspl.io import read_csv, write_csv


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", metavar="CSV")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    tables = {path: read_csv(path) for path in args.tables}
    columns = list(next(rows for rows in tables.values() if rows)[0])
    for path, rows in tables.items():
        if rows and list(rows[0]) != columns:
            raise UserError(f"{path}: columns {', '.join(rows[0])}; expected {', '.join(columns)}. Delete it and rerun")
    write_csv(args.output, columns, [row for rows in tables.values() for row in rows])


if __name__ == "__main__":
    run_command(main)
