"""How many groups, winners and losers are left after each stage of their making, and why the others are not.

In: counts as the stages go. Out: rows of results/groups/{form}.csv; without a reason they say what is left.
"""

from collections import Counter

COLUMNS = ("stage", "reason", *(COUNTED := ("groups", "winners", "losers")))


class Stages:
    """Counts, in the order of `names`, the stages."""

    def __init__(self, names):
        self.counts = {name: {"": Counter()} for name in names}

    def left(self, stage, **numbers):
        """Add to what is left after a stage: groups, winners, losers."""
        self.counts[stage][""].update(numbers)

    def drop(self, stage, reason, **numbers):
        """Add to what a stage dropped for a reason."""
        self.counts[stage].setdefault(reason, Counter()).update(numbers)

    def rows(self):
        """Return the rows of the table: of each stage the reasons by name, then what is left."""
        return [
            {"stage": stage, "reason": reason} | {name: found.get(name) for name in COUNTED}
            for stage, reasons in self.counts.items()
            for reason, found in [*sorted(reasons.items())[1:], ("", reasons[""])]
        ]
