"""What the demo shows: a table that redraws in place on a terminal, plain lines elsewhere."""

import contextlib
import os
import shutil
import time

from lab.exits import had_spare

ROWS_MAX = 16
BAR_CELLS = 20
BAR_MS = 1000


def _quantile(values, q):
    ordered = sorted(values)
    return ordered[int(q * (len(ordered) - 1))] if ordered else None


def _spread(p50_us, p99_us):
    return f"p50 {milliseconds(p50_us)}, p99 {milliseconds(p99_us)}"


def milliseconds(us):
    return "-" if us is None else f"{us / 1000:.1f} ms" if us < 100_000 else f"{us / 1e6:.2f} s"


class View:
    def __init__(self, out):
        self.out = out
        self.live = out.isatty()
        self.colour = self.live and not os.environ.get("NO_COLOR")
        self.period_s = 0.2 if self.live else 1.0
        self._drawn = 0
        self._cursor_hidden = False

    # ---- words ------------------------------------------------------------------------------

    def _paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def _bold(self, text):
        return self._paint("1", text)

    def _dim(self, text):
        return self._paint("2", text)

    def note(self, text):
        print("  " + text, file=self.out, flush=True)

    def title(self, given):
        print(f"\n  {self._bold('Mayfly')} keeps {given.workers} short-lived containers alive for "
              f"{given.seconds:g} s. Ctrl-C ends it sooner.\n", file=self.out, flush=True)

    @contextlib.contextmanager
    def step(self, what):
        start = time.monotonic()
        if self.live:
            print(f"  … {what}", end="", file=self.out, flush=True)
        try:
            yield
        except BaseException:
            if self.live:
                print(file=self.out)
            raise
        done = f"  {self._paint('32', '✓')} {what}" + self._dim(f"  {time.monotonic() - start:.1f} s")
        print(("\r\x1b[K" if self.live else "") + done, file=self.out, flush=True)

    # ---- the live part ----------------------------------------------------------------------

    def begin(self, pool_text):
        print(file=self.out)
        for line in pool_text.splitlines():
            print("      " + self._dim(line), file=self.out)
        print(file=self.out, flush=True)
        if self.live:
            self._cursor_hidden = True
            print("\x1b[?25l", end="", file=self.out)

    def show(self, pool, seconds_left):
        if not self.live:
            return self.note(self._line(pool, seconds_left))
        rows = self._table(pool, min(ROWS_MAX, max(1, shutil.get_terminal_size().lines - 10)))
        self._draw(rows + [""] + self._figures(pool) + ["", self._dim(f"{seconds_left:.0f} s to go")])

    def _draw(self, lines):
        size = shutil.get_terminal_size()
        text = "".join(f"\x1b[K  {self._cut(line, size.columns - 3)}\n" for line in lines)
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._drawn = len(lines)
        print(up + text, end="", file=self.out, flush=True)

    def end(self):
        if self._cursor_hidden:
            self._cursor_hidden = False
            print("\x1b[?25h", file=self.out, flush=True)

    @staticmethod
    def _cut(line, columns):
        """Lines with colours are short ones, made by us: only plain ones are cut."""
        return line if "\x1b" in line else line[:columns]

    @staticmethod
    def _line(pool, seconds_left):
        return (f"{seconds_left:3.0f} s to go  {pool['running']} running  "
                f"{pool['timings']['gap']['count']} respawns  {pool['respawns_per_s']:.1f}/s  "
                f"gap p50 {milliseconds(pool['gap_p50_us'])} p99 {milliseconds(pool['gap_p99_us'])}"
                f"  {pool['spares_ready']} spares  {pool['spare_hits']} hits "
                f"{pool['spare_misses']} misses")

    def _table(self, pool, rows_max):
        rows = {w["slot"]: self._worker_row(w) for w in pool["workers"]
                if w["slot"] is not None and w["exit"] is None and w["phase"] != "exited"}
        for slot in pool["empty_slots"]:
            rows.setdefault(slot["slot"], f"{slot['slot']:>4}  {slot['message']}")
        head = f"{'slot':>4}  {'worker':<20} {'revision':>8}  {'lives for':<{BAR_CELLS + 8}} respawned in"
        shown = [rows[slot] for slot in sorted(rows)][:rows_max]
        shown += [""] * (min(rows_max, pool["replicas"]) - len(shown))
        if len(rows) > rows_max:
            shown[-1] = f"{'':>4}  … and {len(rows) - rows_max + 1} more"
        return [self._dim(head)] + shown

    @staticmethod
    def _worker_row(worker):
        age_ms = worker["age_ms"] or 0
        cells = min(BAR_CELLS, age_ms * BAR_CELLS // BAR_MS)
        bar = "━" * cells + " " * (BAR_CELLS - cells)
        return (f"{worker['slot']:>4}  {worker['name']:<20} {worker['revision']:>8}  {bar} "
                f"{age_ms / 1000:4.2f} s  {milliseconds(worker['respawn_gap_us']):>11}")

    def _figures(self, pool):
        gap = _spread(pool["gap_p50_us"], pool["gap_p99_us"])
        lines = [
            f"respawns   {pool['timings']['gap']['count']}, {pool['respawns_per_s']:.1f} a second",
            f"gap        {self._bold(gap)}   the kernel tells of a worker's end → the next one runs",
            f"spares     {pool['spares_ready']} held; {pool['spare_hits']} hits, "
            f"{pool['spare_misses']} misses",
        ]
        if pool["revision"] > 1:
            new = sum(1 for w in pool["workers"]
                      if w["revision"] == pool["revision"] and w["phase"] == "running")
            lines.append(f"rollout    revision {pool['revision']} came: {new} of "
                         f"{pool['replicas']} workers are of it, each came as an old one ended")
        else:
            lines.append("")
        return lines

    # ---- the end ----------------------------------------------------------------------------

    def summary(self, pool, exits):
        timings, spares = pool["timings"], [e["gap_us"] for e in exits if had_spare(e)]
        ends = {name: count for name, count in pool["exits"].items() if count}
        rows = [
            ("respawns", f"{timings['gap']['count']}"),
            ("respawn gap", _spread(timings["gap"]["p50_us"], timings["gap"]["p99_us"])),
            ("  by a spare", f"{_spread(_quantile(spares, 0.5), _quantile(spares, 0.99))}"
                             f" ({len(spares)} of the last {len(exits)})"),
            ("", "as mayflyd sees it: from the end that the kernel tells it of, until the next runs;"),
            ("", "what workers see is some tenths of a millisecond more: ./dev bench respawn"),
            ("spares", f"{pool['spare_hits']} hits, {pool['spare_misses']} misses; making one "
                       f"took p50 {milliseconds(timings['create']['p50_us'])}, beforehand"),
            ("exits", ", ".join(f"{count} {name}" for name, count in ends.items()) or "none"),
        ]
        if pool["revision"] > 1:
            ours = pool["exits"].get("ours", 0)
            rows.append(("rollout", f"to revision {pool['revision']}; " +
                         ("no worker was cut short" if not ours else f"{ours} were stopped")))
        print(file=self.out)
        for name, value in rows:
            print(f"  {name:<13}{value}", file=self.out)
        print(f"""
  What others wait after such exits, before they start the next:
    Docker, --restart=always   0.1 s, doubling to 1 min
    Kubernetes                 10 s, doubling to 5 min, also when all goes well (exit code 0)
""", file=self.out, flush=True)
