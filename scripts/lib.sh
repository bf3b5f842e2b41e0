# What the scripts share; sourced, not run. Debian 12 with Swift is all that they ask for.

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

fail() { printf '\nFAILED: %s\n' "$*" >&2; exit 1; }

# install_packages NAME…   installs what is missing, and touches nothing when all is there
install_packages() {
    local missing=()
    local name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$name")
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    say "Installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
}

# Libraries and headers of the build; the linker lld comes with Swift.
build_packages=(libsqlite3-dev libssl-dev libarchive-dev libzstd-dev libcurl4-openssl-dev)

# python_environment PACKAGE…   the project's own Python (.build-venv) with these packages, for tests and demonstrations
python_environment() {
    if [ "$(cat .build-venv/.packages 2>/dev/null)" = "$*" ]; then return; fi
    install_packages python3-venv
    say "Python environment (.build-venv)"
    [ -x .build-venv/bin/python ] || /usr/bin/python3 -m venv .build-venv
    .build-venv/bin/pip install --quiet "$@"
    printf '%s' "$*" > .build-venv/.packages
}
