#!/usr/bin/env python3
"""What freshness costs: a look at the anchor, and one program's commands beside another's.

    scripts/bench/keys/freshness.py [--worker .build/release/test-worker] [--tasks 10000] [--rounds 100]
        [--before AI-TEAM --after AI-TEAM]

The worker opens one vault's database with and without its anchor, in turn. With two programs, one that
keeps a root of the pages and one that does not, both make a home of their own with the same tasks, and do the
same in turn: a task more, which ends with a checkpoint, and a backup after each. Prints means of the middle half, of the clock and of
the processor's time, which says more on a busy machine.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
        began, before = time.monotonic(), processor_seconds()
        subprocess.run(
            [self.program, "--home", self.home, *words, "--json"], input=given, check=True,
            capture_output=True, text=True, env={**os.environ, "AI_TEAM_KEY_FILE": str(self.key)})
        return time.monotonic() - began, processor_seconds() - before


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
            for kind, clock in enumerate(("by the clock", "of the processor")):
                before, after = (statistics.mean(sorted(run[kind] for run in times[what, name])[
                    options.rounds // 4:options.rounds * 3 // 4 + 1]) for name in ("before", "after"))
                print(f"{what}, {clock}: {before * 1e3:.1f} ms before, {after * 1e3:.1f} ms after "
                      f"({after / before:.3f})")


main()
