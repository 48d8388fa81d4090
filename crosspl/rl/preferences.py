"""Groups of equivalent and inequivalent programs as the token ids that GEPO is computed on.

In: rows of results/groups/{form}.jsonl.gz, the problems they are of, a tokenizer, a protocol. Out: crosspl.rl.gepo
groups, and how many were left out and why. A program of the form `ir` answers the question to translate the group's
source program; of the form `programs` it answers the problem's statement in its own PL.
"""

from collections import Counter

from crosspl.chat import encoded, example, is_chat
from crosspl.errors import UserError
from crosspl.protocol import ask, gold_answer, opening
from crosspl.rl.gepo import Group
from crosspl.translation import as_problem, pair


def preference_groups(rows, problems, tokenizer, protocol, max_length, where):
    """Return (groups, {"groups_too_long", "groups_not_said": how many were left out}).

    Too long: an answer with its prompt has more than `max_length` tokens. Not said: no prompt asks for it, or a program
    does not begin as its prompt does. Raises a UserError when no group is left, or one is of no known problem.
    """
    by_id = {problem["id"]: problem for problem in problems}
    groups, left_out = [], Counter(groups_too_long=0, groups_not_said=0)
    for row in rows:
        if row["problem"] not in by_id:
            raise UserError(
                f"{where}: group {row['id']} is of problem {row['problem']}, which is not among the problems"
            )
        sides = [[tokens(one, row, by_id[row["problem"]], tokenizer, protocol) for one in row[side]]
                 for side in ("winners", "losers")]  # fmt: skip
        answers = [answer for side in sides for answer in side]
        if None in answers:
            left_out["groups_not_said"] += 1
        elif max(len(prompt) + len(answer) for prompt, answer in answers) > max_length:
            left_out["groups_too_long"] += 1
        else:
            groups.append(Group(*sides))
    if not groups:
        raise UserError(
            f"{where}: none of the {len(rows)} groups can be learned from: {left_out['groups_too_long']} have answers "
            f"of more than {max_length} tokens (rl.off_policy.max_length, or the model's context), "
            f"{left_out['groups_not_said']} have answers that no prompt asks for: change the block groups in the config"
        )
    return groups, dict(left_out)


def tokens(one, row, problem, tokenizer, protocol):
    """Return (token ids of the prompt, token ids of the answer with its end) of a winner or loser.

    None where no prompt asks for it, or where it does not begin as the prompt does.
    """
    language, code = one["language"], one["code"]
    if row["source"]:
        problem = as_problem(problem, pair(problem, row["source"]["code"], row["source"]["language"], language))
    elif problem["statement"] is None and opening(problem, language) is None:
        return None
    prompt, answer = ask(problem, language, protocol), gold_answer(problem, language, code, protocol)
    if answer is None:
        return None
    if is_chat(prompt):
        learned = example(tokenizer, prompt, answer)
        start = learned["labels"].count(-100)
        return learned["input_ids"][:start], learned["input_ids"][start:]
    asked = encoded(tokenizer, [prompt])["input_ids"][0].tolist()
    said_in = tokenizer(answer, add_special_tokens=False)["input_ids"]
    return asked, [*said_in, tokenizer.eos_token_id]
