#!/bin/sh
# usage: build-info.sh PACKAGE OUTPUT   (the build calls it; see Plugins/BuildInfo)
# Writes OUTPUT/BuildInfo.swift with the commit and the day of the build, and only when the commit changed.
set -eu
commit=$(git -C "$1" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
file=$2/BuildInfo.swift
if [ -f "$file" ] && grep -q "\"$commit\"" "$file"; then exit 0; fi
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%d)
cat > "$file" <<SWIFT
/// Written by scripts/build-info.sh.
enum BuildInfo {
    static let commit = "$commit"
    static let date = "$date"
}
SWIFT
