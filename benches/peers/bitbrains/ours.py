"""Plimsoll: imports the files, and answers as tables of numbers."""

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from pyarrow import csv

from .questions import Question


def run(command: list[str]) -> bytes:
    """What a command prints. One that fails, or leaves lines out, is an error."""
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode().strip()}")
    return done.stdout


class Plimsoll:
    """A store of all files."""

    def __init__(self, program: Path, store: Path, months: list[Path]) -> None:
        self.program, self.store = str(program), str(store)
        command = [self.program, "import", "csv", "--store", self.store]
        run([*command, "--host-from-file", "--time-unit", "s", *map(str, months)])

    def samples(self) -> int:
        stat = run([self.program, "stat", "--store", self.store, "--format", "json"])
        return json.loads(stat)["samples"]

    def ask(self, question: Question, metric: str) -> dict[str, np.ndarray]:
        """Of each aggregate rows of VM or -1, start of the step, value; in this order."""
        command = [self.program, "query", "--store", self.store, *question.ours(metric)]
        table = csv.read_csv(io.BytesIO(run([*command, "--format", "csv"])))
        answers = {}
        for name in question.aggregates():
            rows = table.filter(pc.equal(table["aggregate"], name))
            value = rows["value"].to_numpy().astype(np.float64)
            vm = rows["host"].to_numpy() if question.by_vm else np.full(len(rows), -1)
            # One step for all begins where the store does; a peer has nothing to compare it with.
            step = rows["time_nanos"].to_numpy() // 1_000_000_000
            step = step if question.options else np.zeros(len(rows))
            answer = np.column_stack([vm, step, value])
            if name == "count":
                # A step without a sample has a count, and in SQL no row.
                answer = answer[value > 0]
            answers[name] = answer[np.lexsort((answer[:, 1], answer[:, 0]))]
        return answers
