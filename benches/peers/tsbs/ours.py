"""Plimsoll: loads two stores, one left as it was sealed and one compacted, and asks them."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .questions import Ask

FORMS = ["sealed", "compacted"]


@dataclass(frozen=True)
class Run:
    """One run: what was asked, how long it took, and the answer as a table of numbers."""

    ask: Ask
    milliseconds: float
    answer: np.ndarray


@dataclass(frozen=True)
class Asked:
    """All runs of a question on one form; the first ask is the one that is not counted."""

    warm_up: Ask
    samples: int
    runs: list[Run]


@dataclass(frozen=True)
class Plimsoll:
    """The command, and the load that it is asked about."""

    program: Path
    folder: Path
    hosts: int
    hours: int
    seed: int
    threads: int

    def command(self, *more: str) -> str:
        """Runs `plimsoll bench tsbs` on this load, and returns what it printed."""
        load = ["--hosts", str(self.hosts), "--hours", str(self.hours), "--seed", str(self.seed)]
        command = [str(self.program), "bench", "tsbs", "--format", "json", *load, *more]
        environment = os.environ | {"RAYON_NUM_THREADS": str(self.threads)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def load(self, samples: Path) -> None:
        """Loads both stores, and writes the samples for the peers."""
        sealed, compacted = (str(self.folder / form) for form in FORMS)
        self.command("--store", sealed, "--runs", "0", "--form", "sealed", "--rows", str(samples))
        self.command("--store", compacted, "--runs", "0", "--form", "compacted")

    def questions(self) -> list[str]:
        """The names of all questions that the load is large enough for."""
        report = json.loads(self.command("--store", str(self.folder / FORMS[0]), "--loaded"))
        return [query["name"] for query in report["queries"][0]["queries"]]

    def ask(self, form: str, name: str, runs: int) -> Asked:
        """Asks one question of one form."""
        file = self.folder / "answers.bin"
        store = ["--store", str(self.folder / form), "--loaded"]
        chosen = ["--queries", name, "--runs", str(runs), "--answers", str(file)]
        report = json.loads(self.command(*store, *chosen))
        query = report["queries"][0]["queries"][0]
        numbers = np.fromfile(file, dtype="<f8")
        asked, place = [], 0
        for run in query["runs"]:
            shape = (run["table"]["rows"], run["table"]["columns"])
            answer = numbers[place : place + shape[0] * shape[1]].reshape(shape)
            place += answer.size
            asked.append(Run(ask_of(run), run["milliseconds"], answer))
        if place != numbers.size:
            raise RuntimeError(f"{name}: {numbers.size} numbers in {file}, and not {place}")
        return Asked(ask_of(query["warm_up"]), query["samples"], asked)


def ask_of(run: dict) -> Ask:
    return Ask(tuple(run["hosts"]), run["start_seconds"], run["end_seconds"])
