#!/bin/bash
set -euo pipefail
cd "$(dirname "$0")/.."
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libsqlite3-dev libssl-dev libarchive-dev libzstd-dev python3-venv >/dev/null
swift build -c release --build-tests
swift test -c release --skip-build
