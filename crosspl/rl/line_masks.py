"""Masks of tokens whose lines no test executed (StepCoder's FGO), for the answers of a generation.

In: a judge, the problems, answers as texts and token ids. Out: 0 or 1 per token. Where a program has no trace, such as
one that is not compiled, all its tokens count.
"""

from itertools import pairwise

from crosspl.executed_lines import token_mask, unexecuted_lines
from crosspl.problems import judge_row
from crosspl.protocol import opening, program_of, said


class LineMasks:
    """tests: of each problem, those of the reward."""

    def __init__(self, judge, problems, language, tests, protocol, tokenizer):
        self.judge, self.language, self.tests, self.protocol, self.tokenizer = (
            judge,
            language,
            tests,
            protocol,
            tokenizer,
        )
        self.by_id = {problem["id"]: problem for problem in problems}

    def __call__(self, examples, completions, token_ids):
        """Return one list of 0 and 1 per answer."""
        asked = [self.by_id[example["problem"]] for example in examples]
        texts = [said(completion) for completion in completions]
        codes = [program_of(text, problem, self.language, self.protocol).code for text, problem in zip(texts, asked)]
        rows = [judge_row(problem, self.language, code, str(number), self.tests)
                for number, (problem, code) in enumerate(zip(asked, codes))]  # fmt: skip
        different = {(row["code"], problem["id"]): row for row, problem in zip(rows, asked)}
        known = dict(zip(different, unexecuted_lines(self.judge, list(different.values()))))
        return [
            self._mask(text, code, problem, known[code, problem["id"]], ids)
            for text, code, problem, ids in zip(texts, codes, asked, token_ids)
        ]

    def _mask(self, text, code, problem, unexecuted, ids):
        begun = "" if self.protocol["style"] == "chat" else opening(problem, self.language) or ""
        own = code[len(begun) :]
        offsets = places(self.tokenizer, ids, text)
        return token_mask(own, text, offsets, unexecuted, text.find(own) if own else -1, begun.count("\n"))


def places(tokenizer, ids, text):
    """Return (begin, end) of each token in the text of an answer; tokens that are no text are empty."""
    pieces = tokenizer.batch_decode([[token] for token in ids], skip_special_tokens=True)
    if "".join(pieces) != text:  # characters that are cut over several tokens, blanks that are dropped
        whole = [tokenizer.decode(ids[:end], skip_special_tokens=True) for end in range(len(ids) + 1)]
        ends = [min(len(said), len(text)) for said in whole]
        return list(pairwise(ends))
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return list(pairwise(ends))
