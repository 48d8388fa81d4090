"""What a source says of its rows before anybody has judged them: claims about programs, and rows that were left out.

In a module of its own because every experiment reads it; a format of a data set concerns those alone that import it.
"""

from typing import NamedTuple

ACCEPTED, REJECTED = "accepted", "rejected"
UNVERIFIED = "unverified"  # claimed of what a teacher wrote: nobody has said anything yet


class Drop(NamedTuple):
    """A row that was read and not kept; reason: a few words, the same for all such rows.

    kind: problem, program, or prompt: what a problem would have had for one more PL.
    """

    kind: str
    where: str
    reason: str
