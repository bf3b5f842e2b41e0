#!/bin/bash
# usage: scripts/install.sh [--prefix DIR]   (default /usr/local)
# Builds a release of ai-team and puts the stripped program and the shell completions in place.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

prefix=/usr/local
case "${1:-}" in
    --prefix) prefix=${2:?--prefix needs a directory} ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    "") ;;
    *) sed -n '2,3s/^# //p' "$0"; exit 64 ;;
esac

install_packages "${build_packages[@]}" binutils
say "Building"
swift build -c release --static-swift-stdlib --product ai-team
program=$(swift build -c release --static-swift-stdlib --show-bin-path)/ai-team

say "Installing below $prefix"
install -D -m 755 --strip "$program" "$prefix/bin/ai-team"
for shell in bash zsh fish; do
    case $shell in
        bash) file=$prefix/share/bash-completion/completions/ai-team ;;
        zsh) file=$prefix/share/zsh/site-functions/_ai-team ;;
        fish) file=$prefix/share/fish/vendor_completions.d/ai-team.fish ;;
    esac
    mkdir -p "$(dirname "$file")"
    "$program" completions "$shell" > "$file"
done
"$prefix/bin/ai-team" --version
