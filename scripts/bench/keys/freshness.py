#!/usr/bin/env python3
"""What freshness costs: a look at the anchor, and one program's commands beside another's.

    scripts/bench/keys/freshness.py [--worker .build/release/test-worker] [--tasks 10000] [--rounds 100]
        [--before AI-TEAM --after AI-TEAM]

The worker opens one vault's database with and without its anchor, in turn. With two programs, one that
keeps a root of the pages and one that does not, both make a home of their own with the same tasks, and do the
same in turn: a task more, which ends with a checkpoint, and a backup after each. Prints medians.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Home:
    def __init__(self, program, folder, name, tasks):
        self.program, self.home, self.key = program, folder / name, folder / (name + ".key")
        self.home.mkdir()
        self.run("init", "--key-file", self.key)
        text = "text " * 60
        lines = "".join(json.dumps({"title": f"Task {n}", "description": text}) + "\n" for n in range(tasks))
        self.run("tasks", "import", "-", given=lines)
        self.run("backup", "create")

    def run(self, *words, given=None):
        began = time.monotonic()
        subprocess.run(
            [self.program, "--home", self.home, *words, "--json"], input=given, check=True,
            capture_output=True, text=True, env={**os.environ, "AI_TEAM_KEY_FILE": str(self.key)})
        return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", default=ROOT / ".build/release/test-worker")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--before")
    parser.add_argument("--after")
    options = parser.parse_args()
    print(subprocess.run(
        [options.worker, "freshness-bench", str(options.tasks), str(options.rounds)], check=True,
        capture_output=True, text=True).stdout.strip())
    if not (options.before and options.after):
        return
    with tempfile.TemporaryDirectory() as folder:
        homes = {name: Home(getattr(options, name), pathlib.Path(folder), name, options.tasks)
                 for name in ("before", "after")}
        times = {}
        for _ in range(options.rounds):
            for what, words in (("list-tasks --limit 1", ("list-tasks", "--limit", "1")),
                                ("create-task", ("create-task", "one more")),
                                ("backup create", ("backup", "create"))):
                for name, home in homes.items():
                    times.setdefault((what, name), []).append(home.run(*words))
        for what in dict.fromkeys(what for what, _ in times):
            before, after = (statistics.median(times[what, name]) for name in ("before", "after"))
            print(f"{what}: {before * 1e3:.1f} ms before, {after * 1e3:.1f} ms after ({after / before:.3f})")


main()
