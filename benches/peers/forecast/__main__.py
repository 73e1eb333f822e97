"""Plimsoll's forecasts of M4 Hourly beside statsforecast, augurs and anofox-forecast.

    make bench-forecast                      # every eighth series, about five minutes
    make bench-forecast ARGS="--every 1"     # all 414; all options: ARGS=--help

One command, one run, one machine, the same series. The methods take turns, sixteen series of one
length at a time: `plimsoll-forecast-peers` times ours and those of the Rust libraries, and then
statsforecast forecasts the same series in this process. Peers fit one series after the other, ours
sixteen side by side; a time per series is that of a turn, over its series.

Times are processor time, all threads together, from values in memory to 48 values ahead; points
only, but for "light" and "full", which are our whole pipeline with its back-test and intervals.
Everything has one thread. What statsforecast compiles and loads at its first forecast of each
model is not counted. Errors are those of M4: MASE over the mean absolute difference of values 24
steps apart, and sMAPE, both means over series. The naive forecast is in both programs, and must
come out the same.

The table has how many times as long a peer took as the method of ours that stands beside it, and
the errors of both. `--json FILE` keeps every series.
"""

import argparse
import json
import os
import sys
from pathlib import Path

# Before numpy and the peer are imported: one thread each.
for name in ["OMP", "OPENBLAS", "MKL", "NUMBA"]:
    os.environ[f"{name}_NUM_THREADS"] = "1"

from .data import Missing, hourly, tiles
from .ours import run_rust
from .peers import PEERS, Peer
from .report import Different, Table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="forecast", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--program", type=Path, required=True, help="plimsoll-forecast-peers")
    parser.add_argument("--every", type=int, default=8, help="every Nth series, from the first on")
    parser.add_argument("--methods", help="of the Rust program: names begin with one of these")
    parser.add_argument("--peers", default="", help="only these, by how their names begin")
    parser.add_argument("--rounds", type=int, default=5, help="of quick Rust methods")
    parser.add_argument("--json", type=Path, help="a file for every series")
    args = parser.parse_args()
    if args.every < 1 or args.rounds < 1:
        parser.error("--every and --rounds are 1 or more")
    return args


def measure(args: argparse.Namespace) -> Table:
    series = hourly()[:: args.every]
    wanted = tuple(args.peers.split(","))
    peers = [Peer(*peer) for peer in PEERS if peer[0].startswith(wanted)]
    for peer in peers:
        peer.warm(series[0])
    table = Table()
    for tile in tiles(series):
        print(f"{tile[0].name} and {len(tile) - 1} more", file=sys.stderr)
        table.add_rust(run_rust(args.program, tile, args.methods, args.rounds))
        for peer in peers:
            table.add(peer.name, peer.beside, [peer.forecast(one) for one in tile])
    table.check()
    return table


def main() -> int:
    args = arguments()
    before = os.getloadavg()[0]
    table = measure(args)
    after = os.getloadavg()[0]
    print(f"M4 Hourly, every {args.every}. of 414 series: {table.series()}; 48 steps ahead.")
    print(f"Load of the machine: {before:.1f} before, {after:.1f} after.\n")
    print(table)
    if args.json:
        report = {"schema_version": 1, "every": args.every, "methods": table.as_json()}
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as why:
        print(f"forecast: SKIPPED, NOTHING WAS COMPARED: {why}", file=sys.stderr)
    except (Different, OSError, RuntimeError, ValueError) as why:
        sys.exit(f"forecast: {why}")
