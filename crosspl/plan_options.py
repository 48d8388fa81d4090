"""The options that say what was run, for every command that reads the verdicts of a whole experiment.

In: a parser, then its arguments. Out: the parser with the options, then a checked Plan and its Targets.
`crosspl.experiment.table_plan` writes them.
"""

import sys

from crosspl.errors import UserError
from crosspl.evaluations import Plan, check_plan, left_out, read_checkpoints, target
from crosspl.passk import READINGS


def add_plan_options(parser):
    """Add the options of a Plan, the folder of the verdicts and the reading to `parser`."""
    parser.add_argument("--verdicts", required=True, metavar="DIR", help="folder of the verdict files")
    parser.add_argument("--inits", nargs="+", required=True, help="base and mixtures, in the order of the table")
    parser.add_argument("--sources", nargs="+", required=True, help="PLs in which RL was done from every init")
    parser.add_argument("--oracles", nargs="*", default=[], help="PLs in which RL was done from base only")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="training seeds, the same for every init")
    parser.add_argument("--languages", nargs="+", required=True, help="evaluated PLs, in the order of the table")
    parser.add_argument("--sft-languages", nargs="*", default=[], help="PLs in the SFT mixtures; others are unseen")
    parser.add_argument(
        "--init-languages", nargs="*", default=[], metavar="INIT=PL,PL", help="SFT PLs of an init that has its own"
    )
    parser.add_argument("--method", required=True, help="name of the RL method, e.g. grpo")
    parser.add_argument("--reading", choices=READINGS, default="sampled", help="completions that pass@1 is taken from")
    parser.add_argument("--treatment", default="parallel", help="init that is compared with the others")
    parser.add_argument("--margin", type=float, default=0.033, help="smallest difference of gains that matters")
    parser.add_argument("--draws", type=int, required=True, help="bootstrap draws")
    parser.add_argument("--bootstrap-seed", type=int, required=True)
    parser.add_argument("--mark", default="", help='put into every row, e.g. "plumbing only"')


def plan_of(args):
    """Return the checked Plan of parsed arguments."""
    pairs = [text.partition("=") for text in args.init_languages]
    for init, _, languages in pairs:
        if not languages:
            raise UserError(f"--init-languages: {init!r} has no PLs; write it as {init}=python,perl")
        if init not in args.inits:
            raise UserError(f"--init-languages: {init!r} is not one of --inits {' '.join(args.inits)}")
    own = {init: languages.split(",") for init, _, languages in pairs}
    known = {name: getattr(args, name) for name in Plan._fields if name != "init_languages"}
    plan = Plan(**known, init_languages=own)
    check_plan(plan)
    return plan


def read_targets(args, plan, readings, origin=None):
    """Return {reading: [Target per language]}; problems without a verdict are left out with a warning.

    origin: the PL of the programs that were translated, whose verdicts are in translation/{origin} of the folder;
    nothing is translated into itself. None: programs were written from statements.
    """
    folder, languages = f"{args.verdicts}/translation/{origin}" if origin else args.verdicts, plan.languages
    if origin:
        languages = [language for language in languages if language != origin]
        if not languages:
            raise UserError(f"nothing is translated from {origin}: --languages names no other PL")
    cells, targets = read_checkpoints(plan, folder), {}
    for reading in readings:
        if origin and (origin, reading) in cells["base"]:
            raise UserError(
                f"{folder}/base.jsonl.gz: translations from {origin} into {origin}. Sample and judge again."
            )
        targets[reading] = [target(plan, cells, language, reading) for language in languages]
        for language, count in left_out(cells, targets[reading], reading).items():
            named = f"{language} from {origin}" if origin else language
            print(f"warning: {named}: {count} problems without a verdict (JE) are in no row", file=sys.stderr)
    return targets
