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
    cells = {init: read_kinds(args.verdicts, init, args.source, args.seeds) for init in args.inits}
    label = {"source": args.source, "seeds": len(args.seeds), "layer": args.layer, "mark": args.mark}
    rows = ablation_rows(cells, roles, args.reading, args.draws, args.bootstrap_seed)
    write_csv(args.output, ABLATION_COLUMNS, [label | row for row in rows])


def read_kinds(folder, init, source, seeds):
    """Return {kind: {checkpoint: cells}} of the models of one init, intact and ablated, by seed."""
    kinds = {}
    for kind in KINDS:
        prefix = "" if kind == "intact" else f"ablated/{kind}/"
        names = [prefix + after_name(init, source, seed) for seed in seeds]
        kinds[kind] = {name: read_cells(f"{folder}/{name}.jsonl.gz") for name in names}
    return kinds


def read_roles(texts):
    """Return {PL: role} of texts PL=ROLE."""
    roles = dict(text.partition("=")[::2] for text in texts)
    for language, role in roles.items():
        if role not in ROLES:
            raise UserError(f"--roles: {language!r} has role {role!r}; write {language}=ROLE, ROLE {', '.join(ROLES)}")
    return roles


if __name__ == "__main__":
    run_command(main)
