"""The hourly series of the M4 competition."""

import csv
import io
import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import zstandard

# Series that ours forecasts side by side.
LANES = 16


class Missing(Exception):
    """The archives are not there."""


@dataclass(frozen=True)
class Series:
    name: str
    past: np.ndarray
    future: np.ndarray


def hourly() -> list[Series]:
    """All series in the order of the archive."""
    test = dict(rows("Hourly-test"))
    return [Series(name, past, test[name]) for name, past in rows("Hourly-train")]


def tiles(series: list[Series]) -> list[list[Series]]:
    """As the Rust program lays them side by side: of one length, sixteen at a time."""
    found = []
    for _, alike in groupby(sorted(series, key=lambda one: len(one.past)), lambda s: len(s.past)):
        all_alike = list(alike)
        found += [all_alike[at : at + LANES] for at in range(0, len(all_alike), LANES)]
    return found


def rows(of: str) -> list[tuple[str, np.ndarray]]:
    beside = Path(__file__).resolve().parents[4] / "shared/data"
    path = Path(os.environ.get("PLIMSOLL_DATA", beside)) / f"m4/{of}.csv.zst"
    if not path.exists():
        raise Missing(f"{path} is not there")
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    lines = list(csv.reader(io.StringIO(text)))[1:]
    return [(name, np.array([float(cell) for cell in cells if cell])) for name, *cells in lines]
