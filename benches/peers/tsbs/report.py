"""The table of medians, and what it is in JSON."""

from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from .ours import FORMS

# Milliseconds of VictoriaMetrics on such a machine, of another day: 1,000 hosts, 24 h, warm, the
# median of 5. They include about 1 ms of HTTP over loopback.
VICTORIA_METRICS = {
    "single-groupby-1-1-1": 1.6,
    "single-groupby-1-1-12": 1.5,
    "single-groupby-1-8-1": 1.6,
    "single-groupby-5-1-1": 2.7,
    "single-groupby-5-1-12": 3.2,
    "single-groupby-5-8-1": 4.8,
    "cpu-max-all-1": 3.6,
    "cpu-max-all-8": 8.5,
    "double-groupby-1": 57.0,
    "double-groupby-5": 251.0,
    "double-groupby-all": 535.0,
    "lastpoint": 604.0,
    "fleet-by-hour": 68.0,
    "fleet-p95": 299.0,
}


@dataclass(frozen=True)
class Line:
    """One question: the milliseconds of every run of ours, form by form, and of every peer."""

    name: str
    samples: int
    ours: dict[str, list[float]]
    peers: dict[str, list[float]]

    def best(self) -> float:
        """The least median of the peers that ran here."""
        return min(median(runs) for runs in self.peers.values())

    def as_json(self) -> dict:
        def short(runs: list[float]) -> dict:
            return {"median_ms": median(runs), "p95_ms": float(np.percentile(runs, 95))}

        best = self.best()
        return asdict(self) | {
            "summary": {who: short(runs) for who, runs in (self.ours | self.peers).items()},
            "samples_per_second": {
                who: self.samples * 1e3 / median(runs)
                for who, runs in (self.ours | self.peers).items()
            },
            "ratio_to_best_peer": {form: best / median(runs) for form, runs in self.ours.items()},
            "victoria_metrics_ms_elsewhere": VICTORIA_METRICS.get(self.name),
        }


def table(lines: list[Line]) -> str:
    """Medians in ms; ratios say how many times as fast as the best peer we were."""
    peers = list(lines[0].peers) if lines else []
    head = ["query", *FORMS, *peers, "VM*", *(f"best peer / {form}" for form in FORMS)]
    rows = [head]
    for line in lines:
        ours = [median(line.ours[form]) for form in FORMS]
        theirs = [median(line.peers[peer]) for peer in peers]
        other = VICTORIA_METRICS.get(line.name)
        numbers = [f"{ms:.3f}" for ms in ours] + [f"{ms:.2f}" for ms in theirs]
        numbers.append("" if other is None else f"{other:.1f}")
        rows.append([line.name, *numbers, *(f"{line.best() / ms:.1f}" for ms in ours)])
    rules = ["---"] + ["---:"] * (len(head) - 1)
    text = "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rules, *rows[1:]])
    note = "* VictoriaMetrics, 1,000 hosts x 24 h, of another day; with about 1 ms of HTTP."
    return f"{text}\n\n{note}"
