#!/bin/bash
# Times `kb upload` of 200 MB in 10,000 files, process start to the last fsync, and the largest memory.
#   scripts/bench/upload.sh [PROGRAM [ROUNDS]]     default: .build/release/ai-team 5
# Two trees: text that compresses like documents do, and random bytes that don't. Each round has a new home.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "${1:-.build/release/ai-team}")
rounds=${2:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$work" <<'PYTHON'
import os, random, sys
rng = random.Random(1)
words = [("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(2, 12)))) for _ in range(20_000)]
for kind in ("text", "random"):
    total, files = 200_000_000, 10_000
    # Sizes like those of a real tree: many small files, few large ones; the mean is 20 kB.
    sizes = [int(rng.paretovariate(1.3) * 4000) for _ in range(files)]
    sizes = [max(1, min(4_000_000, size)) for size in sizes]
    factor = total / sum(sizes)
    for number, size in enumerate(sizes):
        folder = f"{sys.argv[1]}/{kind}/{number // 100:03d}"
        os.makedirs(folder, exist_ok=True)
        size = max(1, int(size * factor))
        if kind == "random":
            data = rng.randbytes(size)
        else:
            picked = rng.choices(words, k=size // 6 + 2)
            lines = (" ".join(picked[at:at + 12]) for at in range(0, len(picked), 12))
            data = f"# Note {number}\n\n{chr(10).join(lines)}\n".encode()[:size]
        with open(f"{folder}/{number:05d}.{'bin' if kind == 'random' else 'md'}", "wb") as out:
            out.write(data)
PYTHON
sync
python3 - "$program" "$work" "$rounds" <<'PYTHON'
import os, resource, shutil, statistics, subprocess, sys, time
program, work, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
for kind in ("text", "random"):
    tree = f"{work}/{kind}"
    total = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(tree) for f in files)
    speeds, processor, memory = [], [], 0
    for number in range(rounds):
        home = f"{work}/home-{kind}-{number}"
        options = dict(env=dict(os.environ, AI_TEAM_HOME=home), stdout=subprocess.DEVNULL, check=True)
        subprocess.run([program, "init", "--key-file", f"{work}/key-{kind}-{number}"], **options)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run([program, "--key-file", f"{work}/key-{kind}-{number}", "kb", "upload", tree], **options)
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        speeds.append(total / seconds / 1e6)
        processor.append(spent)
        print(f"{kind}: {total / 1e6:.0f} MB in {seconds:.2f} s, {speeds[-1]:.0f} MB/s, processor {spent:.2f} s", flush=True)
        # Removed only at the end: ext4 looks past every inode that was deleted in the last seconds.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{kind}: median {statistics.median(speeds):.0f} MB/s, processor {statistics.median(processor):.2f} s; "
          f"largest process so far {memory:.0f} MiB")
PYTHON
