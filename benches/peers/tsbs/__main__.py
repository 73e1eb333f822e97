"""The queries of TSBS cpu-only, and four over the whole fleet, on Plimsoll and on its peers.

    make bench-queries                                  # 100 hosts, 24 h
    make bench-queries ARGS="--hosts 1000 --runs 20"    # all options: ARGS=--help

One command, one run, one machine. `plimsoll bench tsbs` loads the benchmark's fleet into two
stores, one left as it was sealed and one compacted, and writes the samples to a file. The same
samples go into DuckDB, once in order of time and once in order of hosts, and into ClickHouse
(chdb), a MergeTree in order of host and time; values are 64-bit floats
everywhere. Then the systems take turns, question by question:
each is asked `--runs` times, for the hosts and the windows that our command drew, after one run
that is not counted. Everything is read once before, so nothing waits for a disk.

What is timed is the question until its answer is there whole: our frames or rows, a table of Arrow
in DuckDB, the bytes of one in chdb. SQL is parsed and planned within that time, and so is our
selector. Everything has `--threads` threads; peers run inside this process, Plimsoll inside its
own. Every answer of every run is compared: the largest, the least, counts, sums of whole numbers
and single samples must be equal, means and quantiles within 1e-12.

The table has medians in milliseconds, and how many times as long the best peer took. The figures
of VictoriaMetrics are constants from another day. `--json FILE` keeps every run.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from .compare import Different, check
from .compare import table as as_table
from .ours import FORMS, Asked, Plimsoll
from .peers import Peer, load_chdb, load_duckdb
from .questions import question
from .report import Line, table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tsbs", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--plimsoll", type=Path, required=True, help="the program")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=10, help="of each question")
    parser.add_argument("--threads", type=int, default=2, help="of every system")
    parser.add_argument("--queries", help="only these, separated by commas")
    parser.add_argument("--json", type=Path, help="a file for every run's milliseconds")
    parser.add_argument("--folder", type=Path, help="a new folder to work in, kept afterwards")
    args = parser.parse_args()
    if args.runs < 1 or args.threads < 1:
        parser.error("--runs and --threads are 1 or more")
    return args


def timed(peer: Peer, name: str, asked: Asked) -> list[float]:
    """Asks a peer what we were asked, and compares the answers."""
    peer.run(question(name, asked.warm_up, peer.table, peer.dialect).sql)
    times = []
    for run in asked.runs:
        answer = question(name, run.ask, peer.table, peer.dialect)
        started = time.perf_counter()
        found = peer.run(answer.sql)
        times.append((time.perf_counter() - started) * 1e3)
        theirs = as_table(peer.arrow(found), answer, run.ask)
        check(peer.name, name, run.answer, theirs, answer.exact)
    return times


def ask_all(name: str, ours: Plimsoll, peers: list[Peer], runs: int) -> Line:
    """One question, of everything in turn."""
    asked = {form: ours.ask(form, name, runs) for form in FORMS}
    sealed, compacted = (asked[form] for form in FORMS)
    for one, other in zip(sealed.runs, compacted.runs, strict=True):
        check("the compacted store", name, one.answer, other.answer, exact=True)
    mine = {form: [run.milliseconds for run in asked[form].runs] for form in FORMS}
    theirs = {peer.name: timed(peer, name, sealed) for peer in peers}
    return Line(name, sealed.samples, mine, theirs)


def measure(args: argparse.Namespace, folder: Path) -> list[Line]:
    samples = folder / "rows.bin"
    load = {"hosts": args.hosts, "hours": args.hours, "seed": args.seed}
    ours = Plimsoll(args.plimsoll.resolve(), folder, threads=args.threads, **load)
    print("loading", file=sys.stderr)
    ours.load(samples)
    peers: list[Peer] = [*load_duckdb(folder, samples, args.hosts, args.hours, args.threads)]
    peers.append(load_chdb(folder, args.threads))
    for peer in peers:
        peer.warm()
    names = args.queries.split(",") if args.queries else ours.questions()
    lines = []
    for name in names:
        print(name, file=sys.stderr)
        lines.append(ask_all(name, ours, peers, args.runs))
    return lines


def main() -> int:
    args = arguments()
    before = os.getloadavg()[0]
    if args.folder:
        args.folder.mkdir(parents=True)
        lines = measure(args, args.folder.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="tsbs-") as folder:
            lines = measure(args, Path(folder))
    after = os.getloadavg()[0]
    print(f"{args.hosts} hosts, {args.hours} h, seed {args.seed}, {args.threads} threads.")
    print(f"Medians of {args.runs} runs in ms. Load of the machine: {before:.1f} before, ", end="")
    print(f"{after:.1f} after.\n")
    print(table(lines))
    if args.json:
        names = ["hosts", "hours", "seed", "runs", "threads"]
        options = {name: getattr(args, name) for name in names}
        report = {"schema_version": 1, **options, "queries": [line.as_json() for line in lines]}
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Different, OSError, RuntimeError, ValueError) as why:
        sys.exit(f"tsbs: {why}")
