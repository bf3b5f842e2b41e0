#!/usr/bin/env python3
"""Sync beside rclone: requests, bytes, seconds.

    scripts/bench/sync/run.py [--program .build/release/ai-team] [--tasks 100000]

Two homes of one vault meet in a directory (the program counts its requests by itself). Measured: an idle
poll, a push of ten changes, a pull of twenty segments, a first push and pull of many tasks, and the first sync of a
device that joins afterwards. Beside it rclone brings the same records, one file each, to an encrypted (crypt) directory and back, as somebody without a sync
protocol would. The second home was recovered from a backup made before there was anything to get.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Home:
    """One machine."""

    def __init__(self, program, folder, name):
        self.program, self.home, self.key = program, folder / name, folder / (name + ".key")
        self.home.mkdir()

    def run(self, *words, given=None):
        """The JSON that a command prints, its seconds and its processor seconds."""
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [self.program, "--home", self.home, *words, "--json"], input=given, capture_output=True, text=True,
            env={**os.environ, "AI_TEAM_KEY_FILE": str(self.key)})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{words}: {done.stderr}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        out = json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else {}
        return out, time.monotonic() - began, cpu


def task(number):
    return {
        "title": f"Task {number}: 檢查第 {number % 977} 個頁面的登入流程",
        "description": f"Look at page {number % 977} and write down what a user of plan {number % 13} sees.",
        "priority": ["low", "medium", "high"][number % 3], "tags": [f"team-{number % 17}"]}


def lines(first, count):
    numbers = range(first, first + count)
    return "".join(json.dumps(task(number), ensure_ascii=False) + "\n" for number in numbers)


def show(what, out, seconds, cpu):
    print(f"{what:34} {out['requests']:>8} {out['bytes_up']:>12,} {out['bytes_down']:>12,} "
          f"{seconds:>8.2f} {cpu:>8.2f}")


def ours(program, folder, tasks):
    a, b = Home(program, folder, "a"), Home(program, folder, "b")
    remote = "file://" + str(folder / "bucket")
    made, _, _ = a.run("init", "--key-file", a.key)
    code = folder / "code"
    code.write_text(made["recovery_code"])
    code.chmod(0o600)
    a.run("sync", "remote", "set", remote)
    a.run("backup", "create")
    a.run("backup", "cloud")
    b.run("init", "--recover", remote, "--recovery-code-file", code, "--key-file", b.key, "--yes")
    b.run("sync", "remote", "set", remote)
    a.run("sync", "both")
    b.run("sync", "both")
    print(f"{'':34} {'requests':>8} {'bytes up':>12} {'bytes down':>12} {'seconds':>8} {'cpu':>8}")
    a.run("sync", "both")
    show("idle poll", *a.run("sync", "both"))
    a.run("tasks", "import", "-", given=lines(0, 10))
    before = set((folder / "bucket/sync/v1/s").rglob("*"))
    show("push of 10 tasks", *a.run("sync", "push"))
    new = [f for f in (folder / "bucket/sync/v1/s").rglob("*") if f.is_file() and f not in before]
    print(f"{'  its segment':34} {'':>8} {sum(f.stat().st_size for f in new):>12,}")
    b.run("sync", "both")
    for number in range(20):
        a.run("create-task", f"one more {number}")
        a.run("sync", "push")
    show("pull of 20 segments", *b.run("sync", "pull"))
    a.run("tasks", "import", "-", given=lines(10, tasks))
    show(f"first push of {tasks:,} tasks", *a.run("sync", "push"))
    show(f"first pull of {tasks:,} tasks", *b.run("sync", "pull"))
    invitation, _, _ = a.run("device", "invite", "--role", "writer", "--auto-approve")
    c = Home(program, folder, "c")
    c.run("device", "join", invitation["token"], "--remote", remote, "--key-file", c.key, "--no-wait")
    a.run("sync", "both")
    c.run("device", "join", invitation["token"], "--no-wait")
    show(f"cold start with {tasks:,} tasks", *c.run("sync", "remote", "set", remote))
    totals = [home.run("stats")[0]["tasks"]["total"] for home in (a, b, c)]
    print("tasks in the three homes: " + ", ".join(f"{total:,}" for total in totals))


def rclone(folder, tasks):
    program = ROOT / ".build-venv/bin/rclone"
    if not program.exists():
        print("rclone is missing (scripts/test.sh installs it); nothing to compare with")
        return
    source, back = folder / "records", folder / "back"
    source.mkdir()
    for number in range(tasks):
        (source / f"task-{number:06}.json").write_text(json.dumps(task(number), ensure_ascii=False))
    secret = subprocess.run([program, "obscure", "password"], capture_output=True, text=True).stdout.strip()
    env = {**os.environ, "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_C_TYPE": "crypt",
           "RCLONE_CONFIG_C_REMOTE": str(folder / "crypt"), "RCLONE_CONFIG_C_PASSWORD": secret}
    for what, words in [("first sync there", (source, "c:")), ("first sync back", ("c:", back)),
                        ("idle sync", (source, "c:"))]:
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([program, "sync", *words, "--transfers", "8"], env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{'rclone ' + what:34} {'':>8} {'':>12} {'':>12} {time.monotonic() - began:>8.2f} {cpu:>8.2f}")
    files = [f for f in (folder / "crypt").rglob("*") if f.is_file()]
    print(f"rclone left {len(files):,} objects, {sum(f.stat().st_size for f in files):,} bytes: each a PUT, "
          f"and a listing of {-(-len(files) // 1000)} requests for every look")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / ".build/release/ai-team", type=pathlib.Path)
    parser.add_argument("--tasks", default=100_000, type=int)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-sync-"))
    try:
        ours(options.program, folder, options.tasks)
        rclone(folder, options.tasks)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
