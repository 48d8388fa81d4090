"""Power: what the experiment can see of the treatment's advantage, and how many problems and seeds it would take.

In: the verdicts of an experiment and the options that say what was run (those of scripts.transfer_table); without
verdicts, assumed SDs. Out: a printed table per control: SDs of the difference of gains between seeds, between
problems and of the rest (points), SE, MDE at power 80 % and two-sided 5 %, power for the effect, numbers needed.
"""

import argparse
import signal
import sys

from crosspl.errors import UserError, run_command
from crosspl.evaluations import contrast_values, gains, pooled, prior, role
from crosspl.plan_options import add_plan_options, plan_of, read_targets
from crosspl.power import Components, detectable, power_of, problems_needed, seeds_needed, variance_components
from crosspl.statistics import estimate

ASSUMED = (2.0, 7.0, 30.0)  # points; about what the default experiment shows at 2 completions per problem
POOLED = 5  # its inits, whose seed noise is pooled; its PLs are left out of account, as they share the trained models
SEEDS, PROBLEMS = (2, 3, 5, 10), (160, 320, 500, 1000, 2000, 5000)
HEADER = [
    "target", "role", "seed SD", "problem SD", "rest SD", "SE", "MDE", "power %", "problems needed", "seeds needed",
]  # fmt: skip
UNSEEN = "mean of unseen"


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effect", type=float, required=True, help="difference of gains to be found, in points")
    parser.add_argument("--assumed", type=float, nargs=3, default=ASSUMED, metavar=("SEED", "PROBLEM", "REST"),
                        help="without --verdicts: SDs in points")  # fmt: skip
    if {"-h", "--help", "--verdicts"} & {argument.split("=")[0] for argument in argv}:
        add_plan_options(parser)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(sys.argv[1:] if argv is None else argv)
    if not 0 < args.effect < 100:
        raise UserError(f"--effect {args.effect:g}: give points of pass@1 between 0 and 100, e.g. 3.3")
    if not hasattr(args, "verdicts"):
        print("\n".join(assumed_lines(args.assumed, args.effect)))
        return
    plan = plan_of(args)
    controls = [init for init in plan.inits if init != plan.treatment]
    if len(plan.seeds) < 2 or plan.treatment not in plan.inits or not controls:
        raise UserError(f"power needs 2 training seeds, the init {plan.treatment} and another to compare it with")
    targets = read_targets(args, plan, [args.reading])[args.reading]
    for source in plan.sources:
        for control in controls:
            print("\n".join([*control_lines(plan, targets, control, source, args.effect / 100), ""]))
    print("\n".join(legend(args.effect)))


def control_lines(plan, targets, control, source, effect):
    """Return the table of treatment minus one control, with the mean of the unseen PLs last, and its grid."""
    table, noise = [HEADER], prior(plan, targets, gains)
    unseen = [item for item in targets if role(plan, plan.treatment, source, item.language) == "unseen"]
    compared = [(item, role(plan, plan.treatment, source, item.language), noise) for item in targets]
    if len(unseen) > 1:
        together = pooled(plan, unseen, UNSEEN)
        compared.append((together, "unseen", prior(plan, [together], gains)))
    for item, kind, noise in compared:
        values = contrast_values(plan, item, plan.treatment, control, source)
        components = variance_components(values, item.families, noise)
        result = estimate(values, item.families, item.weights, (-2, 2), noise)
        table.append([item.language, kind, *numbers(components, result, effect, len(plan.seeds), item.families)])
    title = f"gain of {plan.treatment} minus gain of {control}, RL in {source}; {len(plan.seeds)} seeds, "
    return [f"{title}{len(set(item.families))} problem families", *aligned(table), *grid(components, item.language)]


def numbers(components, result, effect, seeds, families):
    """Return the texts of one line after target and role; `components` and `result` are fractions."""
    needed = problems_needed(components, effect, seeds), seeds_needed(components, effect, len(set(families)))
    return [
        *(points(sd) for sd in components[:3]), points(result.se), points(result.mde),
        f"{100 * power_of(effect, result.se, result.df):.0f}", *(str(count or "none") for count in needed),
    ]  # fmt: skip


def grid(components, name):
    """Return the MDE of seeds x problems."""
    table = [["seeds", *(f"{problems} problems" for problems in PROBLEMS)]]
    for seeds in SEEDS:
        table.append([str(seeds), *(points(detectable(components, seeds, problems)) for problems in PROBLEMS)])
    return [f"  MDE on {name}, points:", *aligned(table, 1)]


def assumed_lines(assumed, effect):
    """Return the table of needs and the grid for assumed SDs, in points."""
    if min(assumed) < 0 or not max(assumed) > 0:
        raise UserError(f"--assumed {' '.join(f'{sd:g}' for sd in assumed)}: SDs are 0 or more, and one is above 0")
    components = Components(*(sd / 100 for sd in assumed), POOLED)
    needed = {seeds: problems_needed(components, effect / 100, seeds) for seeds in SEEDS}
    return [
        "assumed SDs of the difference of gains, points: seed {:g}, problem {:g}, rest {:g}; {} inits".format(
            *assumed, POOLED
        ),
        "  problems needed: " + ", ".join(f"{count or 'none'} with {seeds} seeds" for seeds, count in needed.items()),
        *grid(components, "the difference of gains"), *legend(effect),
    ]  # fmt: skip


def points(fraction):
    """Return a fraction in points with one decimal."""
    return f"{100 * fraction:.1f}"


def aligned(table, names=2):
    """Return the lines of a table; the first `names` columns to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  " + "  ".join(text.ljust(width) if i < names else text.rjust(width)
                             for i, (text, width) in enumerate(zip(line, widths))) for line in table]  # fmt: skip


def legend(effect):
    """Return what the numbers are."""
    return [
        f"power and numbers needed: for {effect:g} points; MDE: at power 80 %; both for one two-sided test at 5 %",
        "problems needed: at these seeds; seeds needed: on these problems; none: the other number alone limits it",
        "SDs: ANOVA, negative variances as 0; the seed SD is pooled over inits and PLs where verdicts are read",
    ]


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends the command quietly
    run_command(main)
