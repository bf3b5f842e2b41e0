#!/usr/bin/env python3
"""Prints what a bucket costs, from requests that the program made and counted itself.

    swift build -c release
    scripts/bench/backup/cost.py [--program .build/release/ai-team] [--megabytes 256]

A home with random files beside it is shipped to moto (scripts/test.sh makes .build-venv with it), which does what R2
does with conditions and ETags: a first backup, one with a hundredth more, one without changes, a check, one document
fetched alone, a prune. What grows with the bytes (packs, and a request of every listing for 1,000 objects) is then
scaled to 1, 10 and 1,000 GB. Prices are Cloudflare R2's.
"""
import argparse
import contextlib
import json
import math
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# Dollars: a GB and month beyond 10 GB; a million of requests that write or list, beyond one million a month; a
# million that read, beyond ten.
STORAGE, FREE_STORAGE = 0.015, 10
WRITE, FREE_WRITE = 4.50, 1_000_000
READ, FREE_READ = 0.36, 10_000_000
DAYS, PAGE, GB = 30, 1000, 10**9


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


@contextlib.contextmanager
def server():
    """A server on loopback with an empty bucket; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [f"{ROOT}/.build-venv/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            time.sleep(0.1)
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(urllib.request.Request(f"{address}/bucket", method="PUT")).close()
                break
        yield address
    finally:
        process.terminate()
        process.wait()


class Home:
    def __init__(self, program, place, address):
        self.program, self.path, self.key = program, f"{place}/home", f"{place}/key"
        self.remote = ["--remote", "s3://bucket/vault"]
        names = {"ENDPOINT": address, "REGION": "us-east-1", "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret"}
        self.environment = {**os.environ, **{"AI_TEAM_S3_" + name: value for name, value in names.items()}}
        self.run("init", "--name", "cost")

    def run(self, *words):
        command = [self.program, "--home", self.path, "--key-file", self.key, "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            raise SystemExit(f"{words}: exit {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def cloud(self, *words):
        return self.run("backup", "cloud", *words, *self.remote)


def measure(program, megabytes):
    """Requests of each deed, and the mean size of a pack."""
    with tempfile.TemporaryDirectory(prefix="ai-team-cost-") as place, server() as address:
        home, files = Home(program, place, address), f"{place}/files"
        os.mkdir(files)

        def grow(name, size):
            with open(f"{files}/{name}", "wb") as file:
                for _ in range(size):
                    file.write(os.urandom(1 << 20))

        grow("first", megabytes)
        with open(f"{place}/note.md", "w") as file:
            file.write("a document\n")
        home.run("kb", "upload", f"{place}/note.md")
        home.cloud("init")
        first = home.run("backup", "create", files)
        found = {"first": home.cloud()}
        grow("second", max(1, megabytes // 100))
        home.run("backup", "create", files)
        found["day"] = home.cloud()
        home.run("backup", "create", files)
        found["unchanged"] = home.cloud()
        found["nothing"] = home.cloud()
        found["verify"] = home.cloud("verify")
        document = home.run("kb", "list")[0]["id"]
        found["document"] = home.cloud(
            "pull", first["backup_id"], "--only", document, "--target", f"{place}/out")
        found["prune"] = home.cloud("prune", "--keep-last", "1", "--yes")
        packs = [os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(f"{home.path}/data/backups/p")
                 for n in names]
        full = sorted(packs)[len(packs) // 2:]
        return {name: one["requests"] for name, one in found.items()}, found, sum(full) / len(full)


def table(counts, found, pack):
    """Rows of a table in Markdown. Each deed is what was measured, less its packs and its one page of a listing."""
    fixed = counts["day"] - (found["day"]["uploaded"] - 1) - 1
    print("| stored | first shipment | a day | a month | verify | prune, 2 listings | a month |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for stored in (1, 10, 1000):
        packs, new = math.ceil(stored * GB / pack), math.ceil(stored * GB / 100 / pack)
        pages = math.ceil((packs + DAYS) / PAGE)
        first, day = fixed + packs + pages, fixed + new + pages
        prune = counts["prune"] - 2 + 2 * pages
        month = DAYS * day + 4 * prune
        price = STORAGE * max(0, stored - FREE_STORAGE) + WRITE * max(0, month - FREE_WRITE) / 1e6
        print(f"| {stored:,} GB | {first:,} | {day:,} | {month:,} | {pages:,} | {prune:,} | ${price:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/ai-team")
    parser.add_argument("--megabytes", type=int, default=256)
    options = parser.parse_args()
    counts, found, pack = measure(os.path.abspath(options.program), options.megabytes)
    print(f"measured with {options.megabytes} MiB of random files: packs of {pack / 1e6:.1f} MB, requests "
          + ", ".join(f"{name} {count}" for name, count in counts.items()))
    table(counts, found, pack)


if __name__ == "__main__":
    main()
