"""The table of means, and what it is in JSON."""

from dataclasses import asdict, dataclass, field

import numpy as np

from .peers import Done

NAIVE = ["plimsoll seasonal naive(24)", "statsforecast SeasonalNaive"]


class Different(Exception):
    """What must be the same is not."""


@dataclass
class Method:
    beside: str | None
    done: list[Done] = field(default_factory=list)

    def mean(self, of: str) -> float:
        return float(np.mean([getattr(one, of) for one in self.done]))


@dataclass
class Table:
    """Every method, by its name, in the order of the first turn."""

    methods: dict[str, Method] = field(default_factory=dict)

    def add(self, name: str, beside: str | None, done: list[Done]) -> None:
        self.methods.setdefault(name, Method(beside)).done.extend(done)

    def add_rust(self, methods: list[dict]) -> None:
        for method in methods:
            beside = method.get("beside", {}).get("name")
            self.add(method["name"], beside, [Done(**one) for one in method["series"]])

    def series(self) -> int:
        return max(len(method.done) for method in self.methods.values())

    def check(self) -> None:
        """Both programs must have seen the same series and mean the same by an error."""
        pairs = [self.methods[name].done for name in NAIVE if name in self.methods]
        for ours, theirs in zip(*pairs, strict=True) if len(pairs) == 2 else []:
            same = abs(ours.mase - theirs.mase) < 1e-9 and abs(ours.smape - theirs.smape) < 1e-9
            if ours.series != theirs.series or not same:
                raise Different(f"the naive forecasts differ: {ours}, {theirs}")

    def as_json(self) -> list[dict]:
        return [
            {
                "name": name,
                "beside": method.beside,
                "milliseconds_per_series": method.mean("milliseconds"),
                "mase": method.mean("mase"),
                "smape": method.mean("smape"),
                "series": [asdict(one) for one in method.done],
            }
            for name, method in self.methods.items()
        ]

    def __str__(self) -> str:
        rows = [
            ["method", "ms / series", "MASE", "sMAPE", "times as long", "as", "its MASE"],
            ["---", "---:", "---:", "---:", "---:", "---", "---:"],
        ]
        for name, method in self.methods.items():
            time = method.mean("milliseconds")
            row = [name, f"{time:.3f}", f"{method.mean('mase'):.3f}", f"{method.mean('smape'):.2f}"]
            ours = self.methods.get(method.beside or "")
            if ours:
                ratio = time / ours.mean("milliseconds")
                row += [f"{ratio:.1f}", method.beside, f"{ours.mean('mase'):.3f}"]
            rows.append(row + [""] * (len(rows[0]) - len(row)))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)
