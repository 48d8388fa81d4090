"""x"""


def check_groups(rows, where):
    return list(rows)
