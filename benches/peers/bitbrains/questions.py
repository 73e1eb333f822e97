"""The questions, as options of `plimsoll query` and in SQL, and how their numbers are compared."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

# The metrics, by the headers' order in the files, and a threshold that parts of the VMs exceed.
METRICS = {
    "cpu_cores": 2.0,
    "cpu_capacity_provisioned": 6_000.0,
    "cpu_usage_mhz": 1_000.0,
    "cpu_usage_percent": 50.0,
    "memory_capacity_provisioned": 4_000_000.0,
    "memory_usage": 500_000.0,
    "disk_read_throughput": 100.0,
    "disk_write_throughput": 50.0,
    "network_received_throughput": 10.0,
    "network_transmitted_throughput": 10.0,
}

ZONE = "Europe/Amsterdam"

# SQL of each aggregate of values `v`, whose mean in their step is `m`. Sums are compensated (Kahan),
# and a standard deviation is taken in two passes, so that the peer's rounding is next to no part of
# what is compared: its own `stddev_pop` is off by 6e-9 where a VM hardly moves. Where it does not
# move at all the deviation is 0, which the rounding of the mean would hide. A quantile is
# interpolated between two samples (type 7), as ours is.
SQL = {
    "min": "min(v)",
    "max": "max(v)",
    "count": "count(v)",
    "first": "arg_min(v, time)",
    "last": "arg_max(v, time)",
    "sum": "fsum(v)",
    "mean": "favg(v)",
    "stddev": "if(min(v) = max(v), 0, sqrt(fsum((v - m) * (v - m)) / count(v)))",
    "p95": "quantile_cont(v, 0.95)",
}

# Those that are samples, or numbers of them: equal bit by bit. The others are rounded on the way.
EXACT = {"min", "max", "count", "first", "last"}

# Start of the step that a row is of, in seconds since 1970.
HOUR = "time - time % 3600"
DAY = "time - time % 86400"


def months_of_zone(first: tuple[int, int], count: int) -> str:
    """SQL of the start of a time's month by the clocks of the zone; DuckDB alone knows no zones."""
    edges = []
    for month in range(first[1] - 1, first[1] - 1 + count):
        start = datetime(first[0] + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(ZONE))
        edges.append(int(start.timestamp()))
    cases = " ".join(f"WHEN time >= {edge} THEN {edge}" for edge in reversed(edges))
    return f"CASE {cases} END"


@dataclass(frozen=True)
class Question:
    """What is asked of every metric."""

    name: str
    options: tuple[str, ...]
    step: str
    by_vm: bool = True
    keep: bool = False

    def aggregates(self) -> list[str]:
        """Of several VMs at once the first and the last sample are no question: many are sampled
        in the same second.
        """
        return [name for name in SQL if self.by_vm or name not in {"first", "last"}]

    def ours(self, metric: str) -> list[str]:
        """Arguments of `plimsoll query`."""
        keep = ["--where", f"> {METRICS[metric]!r}"] if self.keep else []
        by = [] if self.by_vm else ["--by", ""]
        return [metric, "--agg", ",".join(self.aggregates()), *self.options, *by, *keep]

    def sql(self, metric: str) -> str:
        """Columns: VM or -1, start of the step, every aggregate, and the sum of magnitudes."""
        vm = "vm" if self.by_vm else "-1"
        keep = f"WHERE {metric} > {METRICS[metric]!r}" if self.keep else ""
        rows = f"SELECT {vm} AS vm, time, {self.step} AS step, {metric} AS v FROM samples {keep}"
        rows = f"SELECT *, favg(v) OVER (PARTITION BY vm, step) AS m FROM ({rows})"
        columns = ", ".join(f"{SQL[name]} AS {name}" for name in self.aggregates())
        return (
            f"SELECT vm, step, {columns}, fsum(abs(v)) AS magnitude FROM ({rows}) "
            "GROUP BY vm, step ORDER BY vm, step"
        )


# The months of the traces, and some around them: a time outside fails to agree.
MONTHS = months_of_zone((2013, 5), 6)

QUESTIONS = [
    Question("by VM and hour", ("--step", "1h"), HOUR),
    Question("by VM and day", ("--step", "1d"), DAY),
    Question("by VM and month in Amsterdam", ("--step", "month", "--zone", ZONE), MONTHS),
    Question("by VM", (), "0"),
    Question("of all VMs by hour", ("--step", "1h"), HOUR, by_vm=False),
    Question("by VM and hour, above a threshold", ("--step", "1h"), HOUR, keep=True),
    Question("of all VMs by day, above a threshold", ("--step", "1d"), DAY, by_vm=False, keep=True),
]
