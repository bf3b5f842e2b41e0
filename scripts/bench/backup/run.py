#!/usr/bin/env python3
"""Measures backups of one corpus by ai-team, restic, borg and `tar | zstd | age`, one after the other.

    apt-get install restic borgbackup age zstd
    swift build -c release
    scripts/bench/backup/run.py WORK [--scale 1.0] [--tools ai-team,restic,borg,naive] [--rounds 1]

WORK is a directory that does not exist. Each round builds the corpus, and each program makes a first backup, a second
one after the change set, an unchanged one, checks every byte, restores everything and one file. Restored trees are
compared with the source. A table in Markdown comes out: seconds of the clock, of the processor, MiB of the largest
process, and the bytes that were stored or added.

The programs back up `files/` and the SQLite file with the rows; ai-team backs up `files/` and a vault that holds the same
rows: the tasks in its tables (which have a full-text index besides), documents, vectors and logs as documents.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PHASES = ["first", "second", "unchanged", "verify", "restore", "one file"]


class Figure:
    def __init__(self, seconds, processor, memory, stored=None):
        self.seconds, self.processor, self.memory, self.stored = seconds, processor, memory, stored


def measure(command, environment=None, directory=None, output=subprocess.DEVNULL):
    """Runs a command: seconds, processor seconds of it and its children, MiB of the largest of them."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, cwd=directory,
                               stdout=output, stderr=subprocess.PIPE)
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command}: exit {process.returncode}\n{complaint.decode(errors='replace')}")
    return Figure(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def size(path):
    return sum(os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(path) for n in names)


def compare(source, restored):
    result = subprocess.run(["diff", "-r", "--no-dereference", source, restored], capture_output=True)
    if result.returncode != 0:
        raise SystemExit(f"{restored} differs from {source}:\n{result.stdout.decode(errors='replace')[:2000]}")


class Tool:
    """One program over one corpus."""

    def __init__(self, work, corpus):
        self.corpus = corpus
        self.place = os.path.join(work, self.name)
        self.sources = [corpus + "/files", corpus + "/plain.db"]
        self.target = os.path.join(work, "restored")
        os.makedirs(self.place)

    @property
    def store(self):
        return self.place

    def prepare(self):
        """What is not measured, before the first backup."""

    def change(self):
        """What is not measured, after the corpus changed."""

    def restored(self):
        """Where the corpus stands in the target."""
        return self.target + self.corpus

    def one(self):
        """The file that is restored alone."""
        return self.corpus + "/files/random/new"


class Restic(Tool):
    name = "restic"

    def run(self, *words, **more):
        return measure(["restic", "-q", "-r", self.place, *words], {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": self.place + "-cache"}, **more)

    def prepare(self):
        self.run("init")

    def backup(self):
        return self.run("backup", *self.sources)

    def verify(self):
        return self.run("check", "--read-data")

    def restore(self):
        return self.run("restore", "latest", "--target", self.target)

    def restore_one(self, path):
        with open(path, "wb") as file:
            return self.run("dump", "latest", self.one(), output=file)


class Borg(Tool):
    name = "borg"
    number = 0

    def run(self, *words, **more):
        environment = {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": self.place + "-base", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        return measure(["borg", *words], environment, **more)

    def prepare(self):
        self.run("init", "-e", "repokey-blake2", self.place)

    def backup(self):
        self.number += 1
        return self.run("create", "-C", "lz4", f"{self.place}::b{self.number}", *self.sources)

    def verify(self):
        return self.run("check", "--verify-data", self.place)

    def restore(self):
        os.makedirs(self.target)
        return self.run("extract", f"{self.place}::b{self.number}", directory=self.target)

    def restore_one(self, path):
        with open(path, "wb") as file:
            return self.run("extract", "--stdout", f"{self.place}::b{self.number}", self.one()[1:], output=file)


class Naive(Tool):
    name = "naive"
    number = 0

    def run(self, line, **more):
        return measure(["bash", "-o", "pipefail", "-c", line], **more)

    def prepare(self):
        self.key = self.place + "-key"
        subprocess.run(["age-keygen", "-o", self.key], check=True, capture_output=True)
        self.recipient = subprocess.run(["age-keygen", "-y", self.key], check=True, capture_output=True, text=True).stdout.strip()

    def backup(self):
        self.number += 1
        words = " ".join(self.sources)
        return self.run(f"tar -C / -cf - {words} 2>/dev/null | zstd -q -3 -T0 | age -r {self.recipient} > {self.place}/{self.number}")

    def plain(self):
        return f"age -d -i {self.key} {self.place}/{self.number} | zstd -q -d"

    def verify(self):
        return self.run(f"{self.plain()} > /dev/null")

    def restore(self):
        os.makedirs(self.target)
        return self.run(f"{self.plain()} | tar -C {self.target} -xf -")

    def restore_one(self, path):
        return self.run(f"{self.plain()} | tar -xOf - {self.one()[1:]} > {path}")


class AITeam(Tool):
    name = "ai-team"

    def run(self, *words, **more):
        program = os.environ.get("AI_TEAM_PROGRAM", ROOT + "/.build/release/ai-team")
        return measure([program, *words], {"AI_TEAM_HOME": self.home, "AI_TEAM_KEY_FILE": self.place + "-key"}, **more)

    @property
    def store(self):
        return self.home + "/data/backups"

    def prepare(self):
        self.home = self.place + "/home"
        self.run("init", "--key-file", self.place + "-key")
        self.run("tasks", "import", self.corpus + "/vault/tasks.jsonl")
        self.upload()

    def upload(self):
        self.run("kb", "upload", *(f"{self.corpus}/vault/{name}" for name in ("docs", "vectors", "logs")))

    def change(self):
        self.run("tasks", "import", self.corpus + "/vault/changed.jsonl")
        self.upload()

    def backup(self):
        return self.run("backup", "create", self.corpus + "/files")

    def last(self):
        return sorted(os.listdir(self.store))

    def newest(self):
        path = self.place + "-list"
        with open(path, "wb") as file:
            self.run("backup", "list", "--json", output=file)
        import json
        with open(path, encoding="utf8") as file:
            return json.load(file)[-1]["id"]

    def verify(self):
        return self.run("backup", "verify", self.newest(), "--data")

    def restore(self):
        return self.run("backup", "restore", self.newest(), "--target", self.target)

    def restored(self):
        return self.target + "/files" + self.corpus

    def restore_one(self, path):
        figure = self.run("backup", "restore", self.newest(), "--only", "files" + self.one(), "--target", path + "-tree")
        shutil.move(f"{path}-tree/files{self.one()}", path)
        return figure


def settle():
    """Nothing of the phase before is still on its way to the disk."""
    os.sync()
    time.sleep(3)


def round_of(tools, work, scale, seed):
    """Measures all tools over one corpus: the first phase of each, then the change, then the others."""
    corpus = os.path.join(work, "corpus")
    script = os.path.join(HERE, "corpus.py")
    subprocess.run([sys.executable, script, "build", corpus, "--scale", str(scale), "--seed", str(seed)], check=True)
    figures = {}
    running = [tool(work, corpus) for tool in tools]
    for tool in running:
        tool.prepare()
        settle()
        before = size(tool.store)
        figures[tool.name, "first"] = tool.backup()
        figures[tool.name, "first"].stored = size(tool.store) - before
    subprocess.run([sys.executable, script, "mutate", corpus, "--seed", str(seed)], check=True)
    for tool in running:
        tool.change()
        for phase in ("second", "unchanged"):
            settle()
            before = size(tool.store)
            figures[tool.name, phase] = tool.backup()
            figures[tool.name, phase].stored = size(tool.store) - before
        settle()
        figures[tool.name, "verify"] = tool.verify()
        settle()
        figures[tool.name, "restore"] = tool.restore()
        compare(corpus + "/files", tool.restored() + "/files")
        shutil.rmtree(tool.target)
        settle()
        figures[tool.name, "one file"] = tool.restore_one(work + "/one")
        compare(tool.one(), work + "/one")
        os.unlink(work + "/one")
    settle()
    start = time.perf_counter()
    subprocess.run(["cp", "-r", corpus + "/files", corpus + "/copy"], check=True)
    print(f"corpus: {size(corpus + '/files') / 1e6:.0f} MB of files, {os.path.getsize(corpus + '/plain.db') / 1e6:.0f} MB of SQLite;"
          f" cp -r of the files: {time.perf_counter() - start:.1f} s\n")
    return figures


def table(names, rounds):
    print("| program | phase | seconds | processor | MiB | MB stored |")
    print("|---|---|--:|--:|--:|--:|")
    for name in names:
        for phase in PHASES:
            found = [figures[name, phase] for figures in rounds]
            middle = lambda key: statistics.median(getattr(figure, key) for figure in found)
            stored = "" if found[0].stored is None else f"{middle('stored') / 1e6:.1f}"
            print(f"| {name} | {phase} | {middle('seconds'):.2f} | {middle('processor'):.2f} | {middle('memory'):.0f} | {stored} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tools", default="ai-team,restic,borg,naive")
    given = parser.parse_args()
    known = {tool.name: tool for tool in (AITeam, Restic, Borg, Naive)}
    tools = [known[name] for name in given.tools.split(",")]
    rounds = []
    for number in range(given.rounds):
        work = os.path.abspath(f"{given.work}/{number}")
        os.makedirs(work)
        rounds.append(round_of(tools, work, given.scale, number + 1))
        shutil.rmtree(work)
    table([tool.name for tool in tools], rounds)


if __name__ == "__main__":
    main()
