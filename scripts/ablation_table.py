"""What removing the PL direction changes: pass@1 of models intact, ablated, and ablated along a random direction.

In: verdicts/{checkpoint}.jsonl.gz and verdicts/ablated/{language,random}/{checkpoint}.jsonl.gz. Out: ablation.csv.
"""

import argparse

from crosspl.ablation_table import ABLATION_COLUMNS, KINDS, ablation_rows
from crosspl.checkpoints import after_name
from crosspl.errors import UserError, run_command
from crosspl.io import write_csv
from crosspl.passk import READINGS, read_cells

ROLES = ("source", "sft", "unseen")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", required=True, metavar="DIR")
    parser.add_argument("--inits", required=True, nargs="+", help="inits of the models after RL")
    parser.add_argument("--source", required=True, help="PL of their RL")
    parser.add_argument("--seeds", required=True, nargs="+", type=int)
    parser.add_argument("--layer", required=True, type=int, help="where the direction was removed")
    parser.add_argument("--roles", required=True, nargs="+", metavar="PL=ROLE", help="evaluated PLs")
    parser.add_argument("--reading", choices=READINGS, default="sampled")
    parser.add_argument("--draws", type=int, required=True)
    parser.add_argument("--bootstrap-seed", type=int, required=True)
    parser.add_argument("--mark", default="")
    parser.add_argument("--output", required=True, metavar="CSV")
    args = parser.parse_args(argv)
    roles = read_roles(args.roles)
    rows = []
    for init in args.inits:
        names = [after_name(init, args.source, seed) for seed in args.seeds]
        folders = {kind: "" if kind == "intact" else f"ablated/{kind}/" for kind in KINDS}
        cells = {
            kind: {folder + name: read_cells(f"{args.verdicts}/{folder}{name}.jsonl.gz") for name in names}
            for kind, folder in folders.items()
        }
        label = {"init": init, "source": args.source, "seeds": len(names), "layer": args.layer, "mark": args.mark}
        rows += [label | row for row in ablation_rows(cells, roles, args.reading, args.draws, args.bootstrap_seed)]
    write_csv(args.output, ABLATION_COLUMNS, rows)


def read_roles(texts):
    """Return {PL: role} of texts PL=ROLE."""
    roles = dict(text.partition("=")[::2] for text in texts)
    for language, role in roles.items():
        if role not in ROLES:
            raise UserError(f"--roles: {language!r} has role {role!r}; write {language}=ROLE, ROLE {', '.join(ROLES)}")
    return roles


if __name__ == "__main__":
    run_command(main)
