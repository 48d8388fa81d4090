"""Numbers as people read them: percent, points, intervals; a missing number is a dash and never 0.

In: the texts of CSV cells (fractions). Out: texts, or floats with NaN where a cell is empty.
"""

import math

MISSING = "–"


def number(text):
    """Return a CSV cell as a float, NaN for an empty cell or a text that is no number."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def spread(row, value, low, high):
    """Return the (value, low, high) of a row as floats, NaN where empty."""
    return number(row.get(value)), number(row.get(low)), number(row.get(high))


def decimal(value, digits=1, sign=False):
    """Return a float or CSV cell with `digits` decimals, a true minus sign and no negative zero."""
    value = number(value)
    if not math.isfinite(value):
        return MISSING
    return f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def percent(value):
    """Return a fraction as percent with one decimal."""
    return decimal(100 * number(value))


def points(value):
    """Return a signed difference of fractions in percentage points with one decimal."""
    return decimal(100 * number(value), sign=True)


def plain(value):
    """Return a number with two decimals: correlations, shares of an oracle's gain, cosines."""
    return decimal(value, 2)


def p_value(text):
    """Return a p-value with four decimals; the tables write 0.0001 for anything below."""
    value = number(text)
    return MISSING if math.isnan(value) else "≤ 0.0001" if value <= 1e-4 else f"{value:.4f}"


def count(text):
    """Return a whole number, or a dash."""
    value = number(text)
    return f"{value:.0f}" if math.isfinite(value) else MISSING


def with_interval(row, value, low, high, form=points):
    """Return "+1.2 [−0.3, +2.7]" of three cells; only the value where there is no interval."""
    if any(math.isnan(number(row.get(name))) for name in (low, high)):
        return form(row.get(value))
    return f"{form(row.get(value))} [{form(row[low])}, {form(row[high])}]"


def one_space(rows):
    """Return the rows of one metric and layer: retrieval, the middle layer. The choice looks at no result."""
    rows = [row for row in rows if row.get("metric", "retrieval") == "retrieval"] or rows
    layers = sorted({row.get("layer", "") for row in rows}, key=number)
    return [row for row in rows if row.get("layer", "") == layers[len(layers) // 2]] if layers else []
