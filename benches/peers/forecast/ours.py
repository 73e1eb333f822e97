"""Our models, and the Rust libraries: another process, which times itself."""

import json
import os
import subprocess
from pathlib import Path

from .data import Series


def run_rust(program: Path, tile: list[Series], methods: str | None, rounds: int) -> list[dict]:
    """What every method of the program needed for these series."""
    names = ",".join(one.name for one in tile)
    command = [str(program), "--series", names, "--rounds", str(rounds), "--format", "json"]
    if methods:
        command += ["--methods", methods]
    environment = os.environ | {"RAYON_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)["methods"]
