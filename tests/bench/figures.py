"""Numbers into figures, and figures into tables for people."""


def quantile(values, q):
    """The value that a share q of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, int(q * len(ordered) + 0.5) - 1))]


def gap_figures(gaps_ns):
    return {"count": len(gaps_ns),
            "p50_ms": _ms(quantile(gaps_ns, 0.50)), "p99_ms": _ms(quantile(gaps_ns, 0.99)),
            "max_ms": _ms(max(gaps_ns, default=None))}


def _ms(ns):
    return None if ns is None else round(ns / 1e6, 3)


def text(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(headings, rows):
    """Text columns to the left, numbers to the right."""
    cells = [[text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells)]
    numeric = [all(isinstance(row[i], (int, float, type(None))) for row in rows)
               for i in range(len(headings))]
    def line(words):
        padded = (w.rjust(n) if right else w.ljust(n)
                  for w, n, right in zip(words, widths, numeric))
        return ("  " + "  ".join(padded)).rstrip()
    return "\n".join([line(headings), line(["-" * n for n in widths])] + [line(c) for c in cells])
