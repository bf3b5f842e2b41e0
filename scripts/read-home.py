#!/usr/bin/env python3
"""Reads a whole home as docs/FORMAT.md describes it: ring, roster, seal, database, log and blobs.

usage: read-home.py HOME {--key-file F | --passphrase-file F} [--database OUT]

A second reader of the formats, for tests and for the curious: it prints what it verified as JSON, or stops at
the first thing that does not fit. Nothing may write to the home meanwhile; a copy will do. OUT, when given,
is the database in plain text.
"""
import argparse
import hashlib
import hmac
import json
import os
import pathlib
import sqlite3
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vaultformat import (FORMATS, Refused, Roster, base32, cobblestone, demand, expand, inflate, integer,
                         public_half, read, sha, table, u32, unbox, verify, xaes)

FORMATS |= table({
    "ring": "magic=4 format:1 suite:1 zero:2 generation:8 vault=32 device=16 incarnation:4 signer=32"
            " agreement=32 seq:8 head=32 time:8 slots[slot] handovers[handover] signing=112 exchange=112"
            " home=112 epochs[wrapped] current:4 ordered:1 formers[former] signature=64 hash=32",
    "slot": "id=16 kind:1 created:8 cost:1 salt=32 public=32 authority=32 mac=32 ephemeral=32 box=48",
    "handover": "old=32 new=32 signature=64",
    "wrapped": "number:4 wrap=112",
    "former": "keys=64 signing=112 agreement=112",
    "seal": "sequence:8 id=16 state:1 finished:1 generation:8 pages:4 floor:4 ring:8 counter:8 root=32"
            " intent=32 journal=32 zeros=38"})
PAGE, PLAIN, LOCK_PAGE, PIECE = 4096, 4048, 262_145, 1 << 18
DRAINED, OPEN = 2, 3


# "Ring, slots and roster".

def read_ring(keys):
    """The copy of the higher generation, signed by its authority."""
    rings = []
    for name in ("ring.a", "ring.b"):
        data = (keys / name).read_bytes()
        demand(sha(data[:-32]) == data[-32:] and data[:8] == b"ATKR\2\1\0\0", f"{name} is damaged or newer")
        ring = read("ring", data)
        verify(ring.signer, b"ring", data[:-96], ring.signature)
        rings.append(ring)
    return max(rings, key=lambda ring: ring.generation)


def open_slot(ring, kind, secret):
    """The root key."""
    for slot in ring.slots:
        if slot.kind != kind:
            continue
        demand((slot.cost == 0) == (kind != 1) and (kind != 1 or 15 <= slot.cost <= 20), "a cost of scrypt")
        key = secret if kind != 1 else hashlib.scrypt(
            secret, salt=slot.salt, n=1 << slot.cost, r=8, p=1, maxmem=1 << 30, dklen=32)
        private = expand(key, b"slot-x25519")
        if public_half(private) != slot.public:
            continue
        mac = hmac.digest(expand(key, b"slot-mac"), ring.vault + slot.authority, "sha256")
        demand(mac == slot.mac, "the ring is not the one that this secret belongs to")
        authority, handovers = slot.authority, {h.old: h for h in ring.handovers}
        while authority != ring.signer:
            step = handovers.pop(authority)
            verify(step.old, b"hand-over", ring.vault + step.new, step.signature)
            authority = step.new
        return unbox(private, slot.ephemeral, ring.vault, b"slot" + slot.id + bytes([kind]), slot.box)
    raise Refused("no slot has this secret", 4)


def unwrap(key, aad, wrapped):
    keys = HKDFExpand(SHA256(), 64, b"ai-team/wrap/v1\0" + wrapped[:32]).derive(key)
    demand(keys[32:] == wrapped[32:64], "a wrap under another key")
    return AESGCM(keys[:32]).decrypt(bytes(12), wrapped[64:], aad)


class Keys:
    def __init__(self, directory, kind, secret):
        self.ring = ring = read_ring(directory)
        self.vault, root = ring.vault, open_slot(ring, kind, secret)

        def opened(label, wrapped, number=0):
            return unwrap(root, b"ring-%b\0%b%b" % (label, u32(number), self.vault), wrapped)

        self.home = opened(b"home", ring.home)
        signing = Ed25519PrivateKey.from_private_bytes(opened(b"signing", ring.signing)).public_key()
        own = (signing.public_bytes_raw(), public_half(opened(b"agreement", ring.exchange)))
        demand(own == (ring.signer, ring.agreement), "the device's keys are not those of the ring")
        self.epochs = {e.number: opened(b"epoch", e.wrap, e.number) for e in ring.epochs}
        chain, wanted = [], ring.head
        for seq in reversed(range(ring.seq + 1)):
            places = [directory / "roster" / f"{seq:016x}{ending}" for ending in (".new", "")]
            found = [path.read_bytes() for path in places if path.exists()]
            chain.insert(0, next(record for record in found if sha(record) == wanted))
            wanted = chain[0][48:80]
        roster = Roster(chain)
        member = roster.members[ring.device]
        here = (roster.vault, sha(chain[-1]), member.keys)
        demand(here == (self.vault, ring.head, b"".join(own)), "the roster is another's")
        commitments = {e.number: e.commitment for e, _ in roster.epochs}
        found = {number: self.key(b"epoch-commit", number) for number in self.epochs}
        demand(found == commitments, "the epochs are not those of the roster")
        self.roster = roster

    def key(self, purpose, epoch):
        return expand(self.epochs[epoch], purpose, self.vault, epoch)


# "Seal", "Database pages" and "WAL".

def read_seal(path, keys):
    key, best = expand(keys.home, b"seal", keys.vault, 0), None
    head = b"ATSL\1\1\0\0" + hmac.digest(key, b"check", "sha256")[:4] + bytes(4)
    data = path.read_bytes()
    for slot in (data[:248], data[4096:4096 + 248]):
        if any(slot):
            demand(slot[:16] == head, "the seal is not of this home")
            nonce = slot[16:40]
            plain = xaes(key, nonce).decrypt(nonce[12:], slot[56:] + slot[40:56], slot[:16])
            seal = read("seal", plain)
            best = seal if best is None or seal.sequence > best.sequence else best
    demand(best and best.ring <= keys.ring.generation, "the ring is older than the seal")
    return best


class Database:
    """Pages by number, as SQLite sees them."""

    def __init__(self, path, keys):
        self.keys, self.seal, self.pages = keys, read_seal(path.with_name(path.name + "-seal"), keys), {}
        data = path.read_bytes()
        demand(len(data) % PAGE == 0, "the main file ends in the middle of a page")
        for at in range(0, len(data), PAGE):
            number, page = at // PAGE + 1, data[at:at + PAGE]
            if number == LOCK_PAGE:
                demand(not any(page), "the lock page is not empty")
            else:
                self.pages[number] = self.open_page(number, page)
        self.count = len(data) // PAGE
        demand(self.seal.state != DRAINED or self.count == self.seal.pages, "the main file was cut")
        log = path.with_name(path.name + "-wal")
        self.frames = self.read_log(log.read_bytes() if log.exists() else b"")

    def record(self, kind, purpose, data, trailer, clear=b"", generation=0, frame=0, page=0):
        nonce, tag, epoch = trailer[:24], trailer[24:40], integer(trailer[40:44])
        aad = b"\1\1%c\0" % kind + u32(epoch) + self.seal.id + generation.to_bytes(8, "big")
        aad += frame.to_bytes(8, "big") + u32(page) + clear
        return xaes(self.keys.key(purpose, epoch), nonce).decrypt(nonce[12:], data + tag, aad)

    def open_page(self, number, page):
        body, trailer, clear = page[:PLAIN], page[PLAIN:], b""
        demand(not any(trailer[44:]), f"page {number}: its trailer")
        if number == 1:
            key, epoch = self.keys.key(b"page", integer(trailer[40:44])), trailer[40:44]
            clear = b"ATDB\1\1\0\0" + epoch + hmac.digest(key, b"check" + self.seal.id, "sha256")[:4]
            demand(body[:16] == clear, "page 1: its clear bytes")
        plain = self.record(1, b"page", body[len(clear):], trailer, clear, page=number)
        return b"SQLite format 3\0"[:len(clear)] + plain

    def read_log(self, data):
        """Puts the frames up to the last commit over the pages; how many these are."""
        if self.seal.state != OPEN:
            return 0
        demand(data[:8] == b"ATWL\1\1\0\0" and len(data) >= 96, "the log is gone")
        generation = integer(data[8:16])
        demand(generation == self.seal.generation, "the log is of another generation")
        header = self.record(2, b"wal-header", data[64:96], data[16:64], generation=generation)
        running = integer(header[24:28]), integer(header[28:32])
        order = "big" if header[3] & 1 else "little"
        pending, committed = {}, 0
        for frame, at in enumerate(range(96, len(data) - 4175, 4176), 1):
            part = data[at:at + 4176]
            if integer(part[:8]) != generation:
                break
            head = self.record(3, b"wal-frame", part[56:80], part[8:56], generation=generation, frame=frame)
            number = integer(head[:4])
            demand(part[-4:] == head[:4], f"frame {frame}: its page number")
            plain = self.record(4, b"wal-page", part[80:4128], part[4128:], b"", generation, frame, number)
            running = checksum(running, head[:8] + plain + bytes(48), order)
            if head[8:16] != header[16:24] or running != (integer(head[16:20]), integer(head[20:24])):
                break
            pending[number] = plain
            if any(head[4:8]):
                self.pages |= pending
                self.count, committed, pending = integer(head[4:8]), frame, {}
        demand(committed >= self.seal.floor, "the log ends before the seal's floor")
        return committed

    def write(self, target):
        with open(target, "xb") as file:
            for number in range(1, self.count + 1):
                file.write(self.pages.get(number, bytes(PLAIN)) + bytes(48))


def checksum(running, data, order):
    """SQLite's checksum of a log."""
    first, second = running
    for at in range(0, len(data), 8):
        first = first + int.from_bytes(data[at:at + 4], order) + second & 0xFFFFFFFF
        second = second + int.from_bytes(data[at + 4:at + 8], order) + first & 0xFFFFFFFF
    return first, second


# "Blobs".

def read_blob(documents, keys, hash, size, epoch):
    tag = hmac.digest(keys.key(b"name", 1), b"blob" + u32(epoch) + hash, "sha256")[:20]
    name = base32(integer(tag), 32)
    context = u32(15) + b"ai-team/blob/v1" + keys.vault + u32(32) + name.encode()
    data = (documents / name[:2] / name).read_bytes()
    plain = b"".join(cobblestone(keys.key(b"blob", epoch), context, [data]))
    head, start = read("content", plain[:24]), 24 + 4 * integer(plain[4:8])
    frames = [integer(plain[at:at + 4]) for at in range(24, start, 4)]
    total = max(1024, start + head.stored)
    exponent = total.bit_length() - 1
    step = 1 << exponent - exponent.bit_length()
    padded = -(-total // step) * step
    demand(len(plain) == padded and not any(plain[start + head.stored:]), f"{name}: its padding")
    content, at = [] if head.encoding else [plain[start:start + size]], start
    for index, count in enumerate(frames):
        content.append(inflate(plain[at:at + count], min(PIECE, size - index * PIECE), PIECE))
        at += count
    content = b"".join(content)
    fits = (head.version, head.zero, head.length, len(content)) == (1, 0, size, size)
    demand(fits and sha(content) == hash, f"{name}: another content")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("home", type=pathlib.Path)
    secret = parser.add_mutually_exclusive_group(required=True)
    secret.add_argument("--key-file", type=pathlib.Path)
    secret.add_argument("--passphrase-file", type=pathlib.Path)
    parser.add_argument("--database", metavar="OUT")
    options = parser.parse_args()
    os.umask(0o077)
    if options.key_file:
        keys = Keys(options.home / "keys", 2, options.key_file.read_bytes())
    else:
        keys = Keys(options.home / "keys", 1, options.passphrase_file.read_bytes().rstrip(b"\n"))
    database = Database(options.home / "data/database/ai-agent.db", keys)
    report = {"epochs": len(keys.epochs), "members": len(keys.roster.members), "state": database.seal.state,
              "pages": database.count, "frames": database.frames, "blobs": 0}
    if options.database:
        database.write(options.database)
        uri = pathlib.Path(options.database).resolve().as_uri() + "?mode=ro&immutable=1"
        with sqlite3.connect(uri, uri=True) as db:
            report["tasks"] = db.execute("SELECT count(*) FROM task").fetchone()[0]
            for hash, size, epoch in db.execute("SELECT sha256, size, epoch FROM blob").fetchall():
                read_blob(options.home / "data/documents", keys, hash, size, epoch)
                report["blobs"] += 1
    print(json.dumps(report, separators=(",", ":")))


if __name__ == "__main__":
    try:
        main()
    except Refused as refused:
        print(refused.args[0], file=sys.stderr)
        sys.exit(refused.args[1])
