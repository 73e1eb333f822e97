"""Whether two answers are the same, and by how much their rounded numbers differ."""

from dataclasses import dataclass, field

import numpy as np

from tsbs.compare import TOLERANCE, Different

from .questions import EXACT


@dataclass
class Compared:
    """How many numbers were compared, and of each aggregate that is rounded the largest relative
    difference.
    """

    numbers: int = 0
    worst: dict[str, float] = field(default_factory=dict)

    def add(self, more: "Compared") -> None:
        self.numbers += more.numbers
        for name, worst in more.worst.items():
            self.worst[name] = max(worst, self.worst.get(name, 0.0))

    def __str__(self) -> str:
        parts = [f"{name} {worst:.1e}" for name, worst in self.worst.items()]
        return "largest relative difference: " + ", ".join(parts)


def compare(place: str, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> Compared:
    """Fails at the first number that differs by more than it may."""
    keys = np.column_stack([theirs["vm"], theirs["step"]]).astype(np.float64)
    compared = Compared()
    for name, answer in ours.items():
        if not np.array_equal(answer[:, :2], keys):
            raise Different(f"{place}: {name} has other steps: {other_steps(answer[:, :2], keys)}")
        mine, other = answer[:, 2], np.asarray(theirs[name], dtype=np.float64)
        if name in EXACT:
            same = np.ascontiguousarray(mine).view(np.int64) == other.view(np.int64)
        else:
            apart = np.abs(mine - other)
            same = apart <= allowed(name, other, theirs)
            relative = apart[other != 0] / np.abs(other[other != 0])
            compared.worst[name] = float(relative.max(initial=0.0))
            if name == "stddev":
                by_mean = apart / np.maximum(other + np.abs(theirs["mean"]), 1e-300)
                compared.worst["stddev by itself and the mean"] = float(by_mean.max(initial=0.0))
        if not same.all():
            row = int(np.argmin(same))
            where = f"VM {keys[row, 0]:.0f}, second {keys[row, 1]:.0f}"
            raise Different(
                f"{place}: {name} of {where}: Plimsoll {mine[row]!r}, DuckDB {other[row]!r}; "
                f"{np.count_nonzero(~same)} of {same.size} differ"
            )
        compared.numbers += same.size
    return compared


def allowed(name: str, other: np.ndarray, theirs: dict[str, np.ndarray]) -> np.ndarray:
    """By how much a number may differ."""
    if name == "sum":
        return TOLERANCE * theirs["magnitude"]
    if name == "mean":
        return TOLERANCE * theirs["magnitude"] / np.asarray(theirs["count"], dtype=np.float64)
    if name == "stddev":
        return TOLERANCE * (other + np.abs(theirs["mean"]))
    return TOLERANCE * np.abs(other)


def other_steps(mine: np.ndarray, other: np.ndarray) -> str:
    """The first row that only one of two lists has."""
    one, two = {tuple(row) for row in mine}, {tuple(row) for row in other}
    only = sorted(one ^ two)[:1]
    return f"{len(mine)} rows, DuckDB has {len(other)}; only one has {only}"
