#!/usr/bin/env python3
"""Cuts the published vectors of Wycheproof down to the cases and fields that our tests use.

usage: import-vectors.py GIT-DIRECTORY-OF-C2SP-WYCHEPROOF

Writes Tests/CryptographyTests/Vectors/wycheproof-*.json: one line a case, hexadecimal strings.
"""
import json
import pathlib
import re
import subprocess
import sys
import zlib

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "Tests/CryptographyTests/Vectors"


def load(repository, name):
    path = f"HEAD:testvectors_v1/{name}_test.json"
    text = subprocess.run(
        ["git", "--git-dir", repository, "show", path], check=True, capture_output=True).stdout
    return json.loads(text)["testGroups"]


def store(name, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (OUTPUT / f"wycheproof-{name}.json").write_text(f"[\n{lines}\n]\n")
    print(f"{name}: {len(cases)} cases")


def pick(test, *fields):
    case = {"id": test["tcId"], "note": test["comment"], "valid": test["result"] != "invalid"}
    return case | {field: test[field] for field in fields if field in test}


def aes_gcm(groups):
    """Only what suite 1 uses: keys of 256, nonces of 96 and tags of 128 bits."""
    sizes = {"keySize": 256, "ivSize": 96, "tagSize": 128}
    return [pick(test, "key", "iv", "aad", "msg", "ct", "tag")
            for group in groups if all(group[name] == size for name, size in sizes.items())
            for test in group["tests"]]


def ed25519(groups):
    return [pick(test, "msg", "sig") | {"pk": group["publicKey"]["pk"]}
            for group in groups for test in group["tests"]]


def x25519(groups):
    return [pick(test, "public", "private", "shared") for group in groups for test in group["tests"]]


def hkdf(groups):
    return [pick(test, "ikm", "salt", "info", "size", "okm") for group in groups for test in group["tests"]]


def cobblestone(groups):
    """Most of a ciphertext is zeros: it becomes its length and the runs that are not."""
    cases = []
    for test in (test for group in groups for test in group["tests"]):
        ciphertext = zlib.decompress(bytes.fromhex(test["ct"]))
        runs = re.finditer(rb"[^\0](?:\0{0,7}[^\0])*", ciphertext)
        case = pick(test, "key", "ctx", "msgLength", "msgSha512", "flags")
        case["count"] = len(ciphertext)
        case["runs"] = [{"at": run.start(), "hex": run.group().hex()} for run in runs]
        cases.append(case)
    return cases


def main():
    repository = sys.argv[1]
    store("aes-256-gcm", aes_gcm(load(repository, "aes_gcm")))
    store("ed25519", ed25519(load(repository, "ed25519")))
    store("x25519", x25519(load(repository, "x25519")))
    store("hkdf-sha256", hkdf(load(repository, "hkdf_sha256")))
    store("hkdf-sha512", hkdf(load(repository, "hkdf_sha512")))
    store("cobblestone-256", cobblestone(load(repository, "c2sp_chunked_encryption_aes_256_gcm")))


main()
