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

# demonstration WORDS…   the program (AI_TEAM_PROGRAM, or one that is built), a folder $work that goes at the end, and
# what is said then
demonstration() {
    proven=$*
    work=$(mktemp -d)
    trap 'status=$?; rm -rf "$work"; end_demonstration "$status"' EXIT
    unset AI_TEAM_HOME AI_TEAM_KEY_FILE AI_TEAM_PASSPHRASE AI_TEAM_PASSPHRASE_FILE
    if [ -n "${AI_TEAM_PROGRAM:-}" ]; then return; fi
    install_packages "${build_packages[@]}"
    say "Building ai-team (the first time takes some minutes)"
    swift build -c release --static-swift-stdlib --product ai-team
    AI_TEAM_PROGRAM=$(swift build -c release --static-swift-stdlib --show-bin-path)/ai-team
}

end_demonstration() {
    if [ "$1" = 0 ]; then printf '\nRESULT: OK, %s\n' "$proven"; else printf '\nRESULT: FAILED\n' >&2; fi
}

# field NAME   reads one member of a JSON object on standard input
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# loopback_bucket SCRIPT PREFIX   a server of the tests: where it is goes into the environment and into $remote
loopback_bucket() {
    coproc bucket { exec .build-venv/bin/python "Tests/ObjectStorageTests/Servers/$1"; }
    read -r greeting <&"${bucket[0]}"
    greeting=${greeting//\": \"/\":\"}
    AI_TEAM_S3_ENDPOINT=$(field endpoint <<< "$greeting") AI_TEAM_S3_ACCESS_KEY_ID=$(field key <<< "$greeting")
    AI_TEAM_S3_SECRET_ACCESS_KEY=$(field secret <<< "$greeting")
    export AI_TEAM_S3_ENDPOINT AI_TEAM_S3_ACCESS_KEY_ID AI_TEAM_S3_SECRET_ACCESS_KEY
    remote=s3://$(field bucket <<< "$greeting")/$2
}
