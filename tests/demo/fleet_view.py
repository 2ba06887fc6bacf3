"""What the fleet's demo shows: a row for each node, redrawn in place on a terminal."""

from view import View, milliseconds


class FleetView(View):
    def __init__(self, out):
        super().__init__(out)
        self.moves = []
        self._respawns = {}
        self._gaps = {}

    def title(self, given):
        print(f"\n  {self._bold('Mayfly')} spreads a pool over three nodes for about "
              f"{given.seconds:g} s and the time that slots take to move. Ctrl-C ends it sooner.\n",
              file=self.out, flush=True)

    def act(self, what):
        self.moves.append([what, None])
        if not self.live:
            self.note(what)

    def spread(self, seconds):
        self.moves[-1][1] = seconds
        if not self.live:
            self.note(f"  spread after {seconds:.1f} s")

    def show(self, fleet):
        claims = fleet.claims()
        pools = {name: node.pool() for name, node in fleet.nodes.items()}
        for name, pool in pools.items():
            self._remember(name, pool)
        if not self.live:
            return self.note("  ".join(f"{name}: {self._short(claims[name], pools[name])}"
                                       for name in pools))
        rows = [self._row(name, fleet.nodes[name], claims[name], pools[name]) for name in pools]
        head = f"{'node':<6}{'':<8}{'slots claimed in etcd':<32}{'running':>8}{'respawns':>10}  gap p50"
        return self._draw([self._dim(head), *rows, "", *self._told()])

    def _remember(self, name, pool):
        """Respawns are counted by each life of a daemon."""
        if pool:
            known = self._respawns.setdefault(name, [0, 0])
            count = pool["timings"]["gap"]["count"]
            if count < known[1]:
                known[0] += known[1]
            known[1] = count
            if count:
                self._gaps[name] = pool["gap_p50_us"]

    @staticmethod
    def _short(slots, pool):
        return f"{len(slots)} slots, {pool['running'] if pool else 0} running"

    def _row(self, name, node, slots, pool):
        state = "dead" if node.is_dead else "lives"
        return (f"{name:<6}{state:<8}{' '.join(map(str, slots)):<32}"
                f"{pool['running'] if pool else 0:>8}{sum(self._respawns.get(name, [0])):>10}  "
                f"{milliseconds(self._gaps.get(name))}")

    def _told(self):
        return [what + ("" if took is None else f": {took:.1f} s") for what, took in self.moves]

    def summary(self, fleet):
        total = sum(sum(counts) for counts in self._respawns.values())
        print(file=self.out)
        for line in self._told():
            print("  " + line, file=self.out)
        gaps = ", ".join(f"{name} {milliseconds(gap)}" for name, gap in self._gaps.items())
        print(f"\n  {total} respawns; gap p50 by node: {gaps}.\n"
              "  No respawn waits for etcd: a node asks it for nothing but which slots are its own.\n",
              file=self.out, flush=True)
        return total
