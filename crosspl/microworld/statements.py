"""The microworld's English: three paraphrases per operation, from common to very rare.

In: a program tree and a random generator. Out: a statement such as
`keep numbers less than 7, multiply each by 5, print the maximum`.
Training data use mostly the common phrase; the reinforcement-learning and evaluation splits draw all three equally
often, so part of what is to be learned is language-independent understanding of the statement.
"""

PHRASES = {
    "even": ("keep even numbers", "drop the odd numbers", "retain multiples of two"),
    "odd": ("keep odd numbers", "drop the even numbers", "retain numbers that two does not divide"),
    "div": ("keep numbers divisible by {k}", "drop numbers that are no multiple of {k}", "retain what {k} divides"),
    "gt": ("keep numbers greater than {k}", "drop numbers that do not exceed {k}", "retain everything above {k}"),
    "lt": ("keep numbers less than {k}", "drop numbers from {k} upwards", "retain everything below {k}"),
    "add": ("add {k} to each", "increase each by {k}", "shift all up by {k}"),
    "sub": ("subtract {k} from each", "decrease each by {k}", "shift all down by {k}"),
    "mul": ("multiply each by {k}", "scale each by {k}", "make each {k} times as large"),
    "sq": ("square each", "multiply each by itself", "raise all to the second power"),
    "mod": ("take each modulo {k}", "replace each by its remainder by {k}", "reduce all mod {k}"),
    "sort": ("sort ascending", "order from small to large", "arrange by increasing value"),
    "rsort": ("sort descending", "order from large to small", "arrange by decreasing value"),
    "rev": ("reverse the list", "turn the list around", "read it backwards"),
    "tail": ("drop the first element", "skip the first one", "leave out the head"),
    "take": ("take the first {k}", "keep only {k} from the start", "cut after {k} elements"),
    "sum": ("print the sum", "output the total", "report what they add up to"),
    "max": ("print the maximum", "output the largest", "report the greatest value"),
    "min": ("print the minimum", "output the smallest", "report the least value"),
    "len": ("print the count", "output how many there are", "report the length"),
    "last": ("print the last element", "output the final one", "report the element at the end"),
    "all": ("print all", "output the whole list", "report every element"),
}


def statement(ast, shares, random):
    """Return the statement of `ast`, each phrase drawn with the probabilities `shares` (common, rare, very rare)."""
    return ", ".join(random.choices(PHRASES[op], shares)[0].format(k=k) for op, k in ast)
