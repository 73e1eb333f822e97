"""Plimsoll and DuckDB on the traces of Bitbrains: the same questions, every number compared.

    make bench-bitbrains                                            # of the shared archives
    make bench-bitbrains ARGS="--bitbrains /data/2013-7 /data/2013-8"   # all options: ARGS=--help

The CSV files of 200 VMs are imported with `plimsoll import csv`, and loaded into a table of doubles
of DuckDB. Both are asked the same of all ten metrics, ours through `plimsoll query --format csv`.
The least, the largest, the number, the first and the last sample of each step must be the same bit
by bit. Means, standard deviations and quantiles must be within 1e-12 of the peer's, and sums: but
sums and means in which large numbers cancel are measured by what the magnitudes of the samples come
to. (No value of these traces is below 0, so that here it is the same.) A standard deviation is
measured by itself and the mean together: the rounding of that mean is all that comes out where
every sample is the same, and in SQL the answer is then 0. Printed is the largest difference relative
to the peer's number alone, where that is not 0, and of standard deviations also the other.

Any difference ends this with an error. There are no times: most of ours is the start of a process
and the printing of digits.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb

from tsbs.compare import Different

from .compare import Compared, compare
from .data import Missing, load_duckdb, months
from .ours import Plimsoll
from .questions import METRICS, QUESTIONS, Question


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bitbrains", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--plimsoll", type=Path, required=True, help="the program")
    parser.add_argument(
        "--bitbrains", type=Path, nargs="+", default=[], help="folders of CSV files, month by month"
    )
    parser.add_argument("--metrics", help="only these, separated by commas")
    parser.add_argument("--threads", type=int, default=2, help="of the peer")
    args = parser.parse_args()
    if unknown := set(args.metrics.split(",") if args.metrics else []) - set(METRICS):
        parser.error(f"{', '.join(sorted(unknown))}: the metrics are {', '.join(METRICS)}")
    return args


def ask(
    question: Question, metrics: list[str], ours: Plimsoll, peer: duckdb.DuckDBPyConnection
) -> Compared:
    """One question of every metric."""
    compared = Compared()
    for metric in metrics:
        found = peer.sql(question.sql(metric)).to_arrow_table()
        theirs = {name: found[name].to_numpy() for name in found.column_names}
        place = f"{question.name}, {metric}"
        compared.add(compare(place, ours.ask(question, metric), theirs))
    return compared


def run(args: argparse.Namespace, folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    folders = months([month.resolve() for month in args.bitbrains], data)
    ours = Plimsoll(args.plimsoll.resolve(), folder / "store", folders)
    peer = load_duckdb(folder / "peer.duckdb", folders, args.threads)
    metrics = args.metrics.split(",") if args.metrics else list(METRICS)
    [(rows, vms)] = peer.sql("SELECT count(*), count(DISTINCT vm) FROM samples").fetchall()
    if ours.samples() != rows * len(METRICS):
        raise Different(f"{ours.samples()} samples, DuckDB has {rows} rows of {len(METRICS)}")
    print(f"{vms} VMs, {rows * len(METRICS)} samples in both; {len(metrics)} metrics.")
    total = 0
    for question in QUESTIONS:
        compared = ask(question, metrics, ours, peer)
        total += compared.numbers
        print(f"{question.name:38} {compared.numbers:10} numbers agree, {compared}", flush=True)
    print(f"{total} numbers agree.")


def main() -> int:
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="bitbrains-") as folder:
        run(args, Path(folder))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as why:
        print(f"bitbrains: SKIPPED, NOTHING WAS COMPARED: {why}", file=sys.stderr)
    except (Different, OSError, RuntimeError, ValueError) as why:
        sys.exit(f"bitbrains: {why}")
