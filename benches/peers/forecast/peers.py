"""statsforecast: each model at its defaults, with the season of a day."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from statsforecast.models import MSTL, AutoETS, DynamicOptimizedTheta, SeasonalNaive

from .data import Series

DAY, WEEK, HORIZON = 24, 168, 48

# Name, the method of ours beside it, and how it is made.
PEERS = [
    ("statsforecast SeasonalNaive", "plimsoll seasonal naive(24)", lambda: SeasonalNaive(DAY)),
    ("statsforecast AutoETS(24)", "plimsoll smoothing(24)", lambda: AutoETS(season_length=DAY)),
    (
        "statsforecast DOT(24)",
        "plimsoll theta(24)",
        lambda: DynamicOptimizedTheta(season_length=DAY),
    ),
    (
        "statsforecast MSTL + AutoETS",
        "plimsoll light",
        lambda: MSTL([DAY, WEEK], trend_forecaster=AutoETS(model="ZZN")),
    ),
]


@dataclass(frozen=True)
class Done:
    """One series: the time it took, and what the forecast was off."""

    series: str
    milliseconds: float
    mase: float
    smape: float


@dataclass(frozen=True)
class Peer:
    name: str
    beside: str
    make: Callable

    def warm(self, series: Series) -> None:
        """The first forecast loads and compiles, which is not counted."""
        self.make().forecast(y=series.past, h=HORIZON)

    def forecast(self, series: Series) -> Done:
        started = time.process_time()
        found = self.make().forecast(y=series.past, h=HORIZON)["mean"]
        milliseconds = (time.process_time() - started) * 1e3
        return Done(series.name, milliseconds, *errors(series, np.asarray(found)))


def errors(series: Series, forecast: np.ndarray) -> tuple[float, float]:
    """MASE and sMAPE, as in M4."""
    if forecast.shape != (HORIZON,) or not np.isfinite(forecast).all():
        raise RuntimeError(f"{series.name}: a forecast without all its values")
    off = np.abs(series.future - forecast)
    scale = np.abs(series.past[DAY:] - series.past[:-DAY]).mean()
    share = off / (np.abs(series.future) + np.abs(forecast))
    return float(off.mean() / scale), float(200 * share.mean())
