"""Groups of equivalent and inequivalent programs as the token ids that GEPO is computed on.

In: rows of results/groups/{form}.jsonl.gz, the problems they are of, a tokenizer, a protocol. Out: crosspl.rl.gepo
groups, and how many were too long. A program of the form `ir` answers the question to translate the group's source
program; of the form `programs` it answers the problem's statement in its own PL.
"""

from crosspl.chat import encoded
from crosspl.errors import UserError
from crosspl.protocol import ask, gold_answer, said
from crosspl.rl.gepo import Group
from crosspl.translation import as_problem, pair


def preference_groups(rows, problems, tokenizer, protocol, max_length, where):
    """Return (groups, number of those left out because an answer with its prompt has more than `max_length` tokens).

    Raises a UserError when no group is left.
    """
    by_id = {problem["id"]: problem for problem in problems}
    groups, long = [], 0
    for row in rows:
        sides = [[tokens(one, row, by_id[row["problem"]], tokenizer, protocol) for one in row[side]]
                 for side in ("winners", "losers")]  # fmt: skip
        if max(len(prompt) + len(answer) for side in sides for prompt, answer in side) > max_length:
            long += 1
        else:
            groups.append(Group(*sides))
    if not groups:
        raise UserError(
            f"{where}: none of the {len(rows)} groups has answers of at most rl.off_policy.max_length = {max_length} "
            "tokens, so there is nothing to prefer: set it higher, or choose another form of groups"
        )
    return groups, long


def tokens(one, row, problem, tokenizer, protocol):
    """Return (token ids of the prompt, token ids of the answer with its end) of a winner or loser."""
    language, code = one["language"], one["code"]
    if row["source"]:
        problem = as_problem(problem, pair(problem, row["source"]["code"], row["source"]["language"], language))
    prompt, answer = ask(problem, language, protocol), gold_answer(problem, language, code, protocol)
    if answer is None:
        raise UserError(f"group {row['id']}: a program in {language} does not begin as the problem does there")
    asked = encoded(tokenizer, [prompt])["input_ids"][0].tolist()
    said_in = tokenizer(said(answer), add_special_tokens=False)["input_ids"]
    return asked, [*said_in, tokenizer.eos_token_id]
