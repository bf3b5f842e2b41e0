#!/usr/bin/env python3
"""The formats of docs/FORMAT.md, "Cryptography", once more: with Python's cryptography, from the page alone.

usage: vectors.py write          rewrite Tests/CryptographyTests/Vectors/format.json
       vectors.py print          print what it would write
       vectors.py make SEED N    print N random vectors of each kind
       vectors.py open           read vectors (JSON) from standard input, print what is in each, or null

The inputs of `write` are counters and so reproducible; nothing here is a secret.
"""
import hashlib
import json
import pathlib
import random
import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

FILE = pathlib.Path(__file__).resolve().parent.parent / "Tests/CryptographyTests/Vectors/format.json"
ZERO_NONCE = bytes(12)
CHUNK = 16384


# The constructions.

def purpose_key(secret, purpose, vault, epoch):
    info = b"ai-team/" + purpose.encode() + b"\0" + vault + epoch.to_bytes(4, "big")
    return HKDFExpand(SHA256(), 32, info).derive(secret)


def wrap_keys(key, salt):
    both = HKDFExpand(SHA256(), 64, b"ai-team/wrap/v1\0" + salt).derive(key)
    return both[:32], both[32:]


def wrap(key, salt, aad, secret):
    single, commitment = wrap_keys(key, salt)
    return salt + commitment + AESGCM(single).encrypt(ZERO_NONCE, secret, aad)


def unwrap(key, aad, wrapped):
    single, commitment = wrap_keys(key, wrapped[:32])
    if commitment != wrapped[32:64]:
        raise ValueError("commitment")
    return AESGCM(single).decrypt(ZERO_NONCE, wrapped[64:], aad)


def box_key(private, public, recipient, ephemeral, salt, info):
    shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    bound = b"ai-team/seal/v1\0" + recipient + ephemeral + info
    return HKDF(SHA256(), 32, salt, bound).derive(shared), bound


def public_half(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def box(ephemeral, recipient, salt, info, secret):
    key, bound = box_key(ephemeral, recipient, recipient, public_half(ephemeral), salt, info)
    return AESGCM(key).encrypt(ZERO_NONCE, secret, bound)


def unbox(recipient, ephemeral, salt, info, sealed):
    key, bound = box_key(recipient, ephemeral, public_half(recipient), ephemeral, salt, info)
    return AESGCM(key).decrypt(ZERO_NONCE, sealed, bound)


def sign(seed, domain, message):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(domain.encode() + b"\0" + message)


def xaes_key(key, nonce):
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    k1 = int.from_bytes(encrypt(bytes(16)), "big") << 1
    if k1 >> 128:
        k1 = k1 & (1 << 128) - 1 ^ 0x87
    blocks = (bytes([0, counter, 0x58, 0]) + nonce[:12] for counter in (1, 2))
    return b"".join(encrypt((int.from_bytes(block, "big") ^ k1).to_bytes(16, "big")) for block in blocks)


def cobblestone(key, context, salt, message):
    """Written from the specification; `cryptography` has no way to set the salt."""
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    keys = HKDFExpand(SHA512(), 76, info).derive(key)
    base, parts = int.from_bytes(keys[32:44], "big"), [salt, keys[44:]]
    for index in range(len(message) // CHUNK + 1):
        nonce = (base ^ index).to_bytes(12, "big")
        parts.append(AESGCM(keys[:32]).encrypt(nonce, message[index * CHUNK:(index + 1) * CHUNK], None))
    return b"".join(parts)


def cobblestone_library(key, context, message):
    encryptor = Cobblestone256Encryptor(key, context)
    return encryptor.update(message) + encryptor.finalize()


# Vectors of each kind, from any source of bytes and numbers.

def vectors(source, number, kind, count):
    made = {
        "purpose": lambda: make_purpose(source, number), "wrap": lambda: make_wrap(source, number),
        "box": lambda: make_box(source, number), "signature": lambda: make_signature(source, number),
        "xaes": lambda: make_xaes(source, number),
        "cobblestone": lambda: make_cobblestone(source, number),
    }[kind]
    return [{"kind": kind} | {name: value.hex() if isinstance(value, bytes) else value
                              for name, value in made().items()} for _ in range(count)]


def make_purpose(source, number):
    secret, vault, epoch = source(32), source(32), number(1 << 32)
    purpose = ["name", "epoch-commit", "prev-epoch", "slot-x25519", "database"][number(5)]
    key = purpose_key(secret, purpose, vault, epoch)
    return {"secret": secret, "purpose": purpose, "vault": vault, "epoch": epoch, "key": key}


def make_wrap(source, number):
    key, salt, aad, secret = source(32), source(32), source(number(80)), source(1 + number(64))
    wrapped = wrap(key, salt, aad, secret)
    return {"key": key, "salt": salt, "aad": aad, "secret": secret, "wrap": wrapped}


def make_box(source, number):
    recipient, ephemeral = source(32), source(32)
    salt, info, secret = source(32), source(number(80)), source(32)
    sealed = box(ephemeral, public_half(recipient), salt, info, secret)
    return {"recipient": recipient, "recipientPublic": public_half(recipient), "ephemeral": ephemeral,
            "ephemeralPublic": public_half(ephemeral), "salt": salt, "info": info, "secret": secret,
            "box": sealed}


def make_signature(source, number):
    seed, message, domain = source(32), source(number(200)), "ai-team/test/v%d" % number(10)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"seed": seed, "publicKey": public, "domain": domain, "message": message,
            "signature": sign(seed, domain, message)}


def make_xaes(source, number):
    key, nonce, aad, message = source(32), source(24), source(number(60)), source(number(5000))
    sealed = AESGCM(xaes_key(key, nonce)).encrypt(nonce[12:], message, aad)
    return {"key": key, "nonce": nonce, "aad": aad, "message": message, "sealed": sealed}


def make_cobblestone(source, number):
    key, salt, context = source(32), source(24), source(number(80))
    message = source([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, number(60000)][number(7)])
    return {"key": key, "salt": salt, "context": context, "message": message,
            "sealed": cobblestone(key, context, salt, message)}


KINDS = ["purpose", "wrap", "box", "signature", "xaes"]


def fixed():
    """The committed vectors: every input is SHA-512 of a counter."""
    counter = 0

    def block():
        nonlocal counter
        counter += 1
        return hashlib.sha512(b"ai-team vectors %d" % counter).digest()

    def source(count):
        return b"".join(block() for _ in range((count + 63) // 64))[:count]

    def number(limit):
        return int.from_bytes(block(), "big") % limit

    cases = [case for kind in KINDS[:4] for case in vectors(source, number, kind, 4)]
    cases += vectors(source, lambda limit: number(min(limit, 100)), "xaes", 2)
    for size in (0, 1, 300):
        key, salt, context, message = source(32), source(24), source(size % 50), source(size)
        sealed = cobblestone(key, context, salt, message)
        cases.append({"kind": "cobblestone", "key": key.hex(), "salt": salt.hex(), "context": context.hex(),
                      "message": message.hex(), "sealed": sealed.hex()})
    return cases


def random_vectors(seed, count):
    generator = random.Random(seed)
    cases = [case for kind in KINDS + ["cobblestone"]
             for case in vectors(generator.randbytes, generator.randrange, kind, count)]
    for case in cases:
        if case["kind"] == "cobblestone" and generator.randrange(2):
            key, context, message = (bytes.fromhex(case[name]) for name in ("key", "context", "message"))
            case["sealed"] = cobblestone_library(key, context, message).hex()
            case["salt"] = case["sealed"][:48]
    return cases


def opened(case):
    """What a reader finds in a vector; raises when there is nothing authentic."""
    value = {name: bytes.fromhex(text) for name, text in case.items()
             if name not in ("kind", "purpose", "domain", "epoch")}
    kind = case["kind"]
    if kind == "purpose":
        return purpose_key(value["secret"], case["purpose"], value["vault"], case["epoch"])
    if kind == "wrap":
        return unwrap(value["key"], value["aad"], value["wrap"])
    if kind == "box":
        return unbox(value["recipient"], value["ephemeralPublic"], value["salt"], value["info"], value["box"])
    if kind == "signature":
        public = Ed25519PublicKey.from_public_bytes(value["publicKey"])
        public.verify(value["signature"], case["domain"].encode() + b"\0" + value["message"])
        return value["message"]
    if kind == "xaes":
        nonce = value["nonce"]
        return AESGCM(xaes_key(value["key"], nonce)).decrypt(nonce[12:], value["sealed"], value["aad"])
    decryptor = Cobblestone256Decryptor(value["key"], value["context"])
    return decryptor.update(value["sealed"]) + decryptor.finalize()


def try_open(case):
    try:
        return opened(case).hex()
    except (InvalidTag, InvalidSignature, ValueError):
        return None


def dump(cases):
    return "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n"


def main():
    command = sys.argv[1:2]
    if command == ["write"]:
        FILE.write_text(dump(fixed()))
    elif command == ["print"]:
        sys.stdout.write(dump(fixed()))
    elif command == ["make"] and len(sys.argv) == 4:
        sys.stdout.write(dump(random_vectors(int(sys.argv[2]), int(sys.argv[3]))))
    elif command == ["open"]:
        json.dump([try_open(case) for case in json.load(sys.stdin)], sys.stdout)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
