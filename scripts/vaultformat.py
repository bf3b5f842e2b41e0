"""The records, constructions and roster of docs/FORMAT.md, from that page alone: what recover.py and
read-home.py stand on.

Needs Python 3.11, cryptography 50 and zstandard. Nothing here writes a vault's files.
"""
import functools
import hashlib
import re
import sqlite3
from types import SimpleNamespace as Record

import zstandard
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

NOT_FOUND, WRONG_CODE, REFUSED, USAGE = 3, 4, 6, 64
ALPHABET, BECH32 = "0123456789abcdefghjkmnpqrstvwxyz", "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


RANKS = [1, 2, 3, 5, 4, 6]  # roles, from those that may most


def table(formats):
    """x:4 is a number of 4 bytes, x=4 these bytes, x* a blob, x[y] a list of y, x(y) one y, x~ the rest."""
    return {name: re.findall(r"(\w+)([:=*[(~])(\w*)", text) for name, text in formats.items()}


FORMATS = table({
    "record": "magic=4 suite:1 kind:1 zero:2 vault=32 seq:8 previous=32 author=16 time:8 body* sigs[sig]",
    "sig": "role:1 signer=16 bytes=64",
    "core": "random=32 keys=64 pairs[pair] rules[rule] days:2 registrar=16 probe:1 time:8",
    "pair": "kind:1 keys=64 salt=32",
    "rule": "collection* direction:1",
    "kind 1": "core* label=144 epoch(epoch)",
    "kind 2": "keys=64 role:1 tag=32 label=144 number:4 sealed=80 rights~",
    "kind 3": "device=16 pins[pin] epoch(epoch)",
    "kind 4": "device=16 role:1 pins[pin] rights~",
    "kind 5": "epoch(epoch)",
    "kind 7": "pairs[pair] epoch(epoch)",
    "kind 8": "epoch(epoch)",
    "kind 9": "device=16 keys=64 epoch(epoch)",
    "kind 10": "device=16 incarnation:4 pins[pin]",
    "kind 11": "device=16 origin=60",
    "kind 12": "recipients[recipient]",
    "kind 13": "device=16 label=144 number:4",
    "kind 14": "number:4",
    "recipient": "key=32 number:4 label=144",
    "epoch": "number:4 ephemeral=32 boxes[box] backup=32 before=48 commitment=32",
    "box": "id=16 box=48",
    "pin": "ended:4 kind:1 stream:2 seq:8 hash=32",
    "head": "magic=4 suite:1 kind:1 reader:2 vault=32 device=16 incarnation:4 seq:8 previous=32 created:8"
            " length:8 hash=32 signature=64 rest~",
    "clear": "id=16 chain[blob] table:1 packs[pack] length:8 hash=32 epoch:4 wraps[wrap]",
    "statement": "opening=8 vault=32 device=16 incarnation:4 seq:8 record=32 time:8 id=16 pages:4 counter=8 root=32"
                 " sequence:8 files=32 signature=64",
    "prune": "id=16 chain[blob] location=16 removed[headrow] lost[lost] length:8 hash=32 epoch:4 wraps[wrap]",
    "headrow": "bytes=212",
    "lost": "device=16 ended:4 first:8 last:8",
    "blob": "bytes*",
    "pack": "id=16 length:8 hash=32 md5=16 header=56 epoch:4 wraps[wrap]",
    "wrap": "kind:1 recipient=16 ephemeral=32 box=48",
    "packed": "plain:8 frame:8 rest~",
    "body": "tags[blob] paths[blob] parent=16 counts=128 id=16 pages:4 counter=8 root=32 sequence:8"
            " full[segment] deltas[segment] documents[segment] files[segment]",
    "segment": "parts[unit] hash=32",
    "outside": "magic=4 packs[packid] runs[unit] chunks[chunk] members[member]",
    "chunk": "id=20 run:4 offset:4 length:4",
    "member": "path* kind:1 target* permissions:2 modified:8 changed:8 inode:8 size:8 continued:1 chunks[chunkrow]",
    "chunkrow": "row:4",
    "unit": "pack:4 offset:8 length:4 plain:4",
    "change": "page:4 group:4 epoch:4 nonce=24 tag=16",
    "documents": "magic=4 packs[packid] files[file]",
    "packid": "id=16",
    "file": "path* length:8 hash=32 extents[extent] versions[document]",
    "extent": "pack:4 offset:8 length:4",
    "document": "name* id* version:4 hash=32 length:8 epoch:4",
    "map": "magic=4 first:4 groups[group] rows[row]",
    "delta": "magic=4 pages:4 groups[group] changes[change]",
    "group": "id=16 offset:8 length:4 plain:4",
    "row": "group:4 epoch:4 nonce=24 tag=16",
    "pages": "magic=4 entries[entry] plain~",
    "entry": "number:4 epoch:4 nonce=24 tag=16",
    "content": "version:1 encoding:1 zero:2 count:4 length:8 stored:8"})
# The y of the points of small order.
SMALL_ORDER = {0, 1, 2**255 - 20, 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826,
               0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7}


class Refused(Exception):
    """A message and an exit code."""


def demand(condition, message, code=REFUSED):
    if not condition:
        raise Refused(message, code)


def attempt(problems, what, function, *arguments):
    """The function's result, or None and a problem more: one bad object never hides another."""
    try:
        return function(*arguments)
    except Refused as refused:
        message, code = refused.args
    except (OSError, sqlite3.Error) as error:
        message, code = str(error), 1
    except (InvalidSignature, InvalidTag, ValueError, LookupError, zstandard.ZstdError) as error:
        message, code = f"not authentic ({error!r})", REFUSED
    problems.append((code, f"{what}: {message}"))


def read(name, data):
    """Reads one of FORMATS, which must be all there is."""
    at = 0

    def take(count):
        nonlocal at
        at += count
        demand(at <= len(data), "a record is cut")
        return data[at - count:at]

    def one(name):
        record = Record()
        for field, form, size in FORMATS[name]:
            if form == "(":
                value = one(size)
            elif form == "[":
                value = [one(size) for _ in range(integer(take(4)))]
            else:
                count = len(data) - at if form == "~" else integer(take(4)) if form == "*" else int(size)
                value = integer(take(count)) if form == ":" else take(count)
            setattr(record, field, value)
        return record

    record = one(name)
    demand(at == len(data), "bytes follow the end of a record")
    return record


# Conventions and constructions.

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u32(number):
    return number.to_bytes(4, "big")


def integer(data):
    return int.from_bytes(data, "big")


def base32(value, letters):
    return "".join(ALPHABET[value >> 5 * place & 31] for place in reversed(range(letters)))


def expand(secret, purpose, vault=bytes(32), epoch=0):
    return HKDFExpand(SHA256(), 32, b"ai-team/%b\0%b%b" % (purpose, vault, u32(epoch))).derive(secret)


def public_half(seed):
    return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def unbox(seed, ephemeral, salt, info, box):
    shared = X25519PrivateKey.from_private_bytes(seed).exchange(X25519PublicKey.from_public_bytes(ephemeral))
    info = b"ai-team/seal/v1\0" + public_half(seed) + ephemeral + info
    return AESGCM(HKDF(SHA256(), 32, salt, info).derive(shared)).decrypt(bytes(12), box, info)


def verify(public, domain, message, signature):
    y = int.from_bytes(public, "little") % 2**255
    demand(y < 2**255 - 19 and y not in SMALL_ORDER, "a key that any signature fits")
    Ed25519PublicKey.from_public_bytes(public).verify(signature, b"ai-team/%b/v1\0%b" % (domain, message))


def cobblestone(key, context, pieces):
    """Yields plaintext; only after the last of it is it certain that nothing was cut."""
    decryptor = Cobblestone256Decryptor(key, context)
    for piece in pieces:
        yield decryptor.update(piece)
    yield decryptor.finalize()


def inflate(frame, length, limit):
    size = zstandard.get_frame_parameters(frame).content_size
    demand(length <= limit and size in (length, zstandard.CONTENTSIZE_UNKNOWN), "a frame of another length")
    plain = zstandard.ZstdDecompressor().decompress(frame, max_output_size=length, allow_extra_data=False)
    demand(len(plain) == length, "a frame of another length")
    return plain


def xaes(key, nonce):
    """XAES-256-GCM: the AES-256-GCM key of a nonce, to be used with its last 12 bytes."""
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    k1 = integer(encrypt(bytes(16))) << 1
    k1 ^= (k1 >> 128) * (1 << 128 | 0x87)
    halves = (integer(bytes((0, i, 0x58, 0)) + nonce[:12]) ^ k1 for i in (1, 2))
    return AESGCM(b"".join(encrypt(half.to_bytes(16, "big")) for half in halves))


# "Recovery code" and "Roster".

def pair_of(secret):
    signing, seed = expand(secret, b"recovery-ed25519"), expand(secret, b"recovery-x25519")
    keys = Ed25519PrivateKey.from_private_bytes(signing).public_key().public_bytes_raw() + public_half(seed)
    return Record(id=sha(keys)[:16], seed=seed)


def passphrase_pair(text):
    """The pair that a passphrase leads to, as a function of the records that say with which salt."""
    stretched = functools.cache(lambda salt: pair_of(hashlib.scrypt(
        text.encode(), salt=salt, n=1 << 18, r=8, p=1, dklen=32, maxmem=300 << 20)))

    def find(records):
        newest = [r.pairs for r in records if r.pairs][-1:]
        salts = [pair.salt for pairs in newest for pair in pairs.values() if pair.kind == 2]
        demand(salts, "this vault can't be recovered with its passphrase", WRONG_CODE)
        return stretched(salts[0])
    return find


def recovery_pair(text):
    """The pair that a code leads to, as a function of records that it does not need."""
    letters = re.sub(r"[\s-]", "", text.lower()).translate(str.maketrans("oil", "011"))
    demand(re.fullmatch(f"[{ALPHABET}]{{56}}", letters), "a recovery code has 56 letters", WRONG_CODE)
    code = functools.reduce(lambda value, letter: value << 5 | ALPHABET.index(letter), letters, 0)
    secret, check = code.to_bytes(35, "big")[:32], code.to_bytes(35, "big")[32:]
    fits = check == sha(b"ai-team/recovery-code/v1\0", secret)[:3]
    demand(fits, "the recovery code has a typing error", WRONG_CODE)
    pair = pair_of(secret)
    return lambda records: pair


def identity_pair(text):
    """The X25519 key pair of a recipient, from an identity file of age."""
    line = next((line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-1")), "")
    values = [BECH32.find(letter) for letter in line[16:].lower()]
    demand(len(values) == 58 and min(values) >= 0, "not an identity of age", WRONG_CODE)
    number = functools.reduce(lambda value, five: value << 5 | five, values[:52], 0)
    seed = (number >> 4).to_bytes(32, "big")
    return Record(id=sha(public_half(seed))[:16], seed=seed)


def read_record(data):
    """A record of the roster together with what its body says."""
    r = read("record", data)
    known = (r.magic, r.suite, r.zero) == (b"ATR1", 1, 0) and f"kind {r.kind}" in FORMATS
    demand(known, "a roster record that this program does not know")
    r.hash, r.device, r.pairs, r.epoch = sha(data[:-4 - 81 * len(r.sigs)]), r.author, [], None
    vars(r).update(vars(read(f"kind {r.kind}", r.body)))
    if r.kind == 1:
        core = read("core", r.core)
        r.keys, r.pairs, r.role, r.rights = core.keys, core.pairs, 1, b""
        demand(r.vault == sha(b"ai-team/vault/v1\0", r.core), "a genesis record that is not the vault's")
    salted = [pair.kind == 2 for pair in r.pairs if (pair.kind == 2) == any(pair.salt)]
    fits = len(salted) == len(r.pairs) and salted.count(True) <= 1 and (not salted or False in salted)
    demand(fits, "a list of recovery keys that can't be")
    r.pairs = {sha(pair.keys)[:16]: Record(role=1, **vars(pair)) for pair in r.pairs}
    return r


class Roster:
    """A chain of records, verified, and what holds at its end."""

    def __init__(self, chain, pair=None):
        """With a recovery pair, which must have signed the vault, or for a vault that is known otherwise."""
        records = [read_record(data) for data in chain]
        pair = pair and pair(records)
        if pair:
            ours = [r for r in records if pair.id in r.pairs]
            demand(ours, "the recovery code belongs to another vault", WRONG_CODE)
            bound = (3, pair.id) in [(sig.role, sig.signer) for r in ours for sig in r.sigs]
            demand(bound, "the recovery key never signed this vault: somebody built it around the key")
        self.chain, self.pair, self.vault = chain, pair, records[0].vault
        self.members, self.former, self.pairs, self.epochs, self.used = {}, {}, {}, [], set()
        self.confined, self.before, self.tags = None, None, set()
        for seq, r in enumerate(records):
            before = sha(chain[seq - 1]) if seq else bytes(32)
            follows = (r.seq, r.vault, r.previous, r.kind == 1) == (seq, self.vault, before, seq == 0)
            demand(follows, f"roster record {seq} does not follow")
            self.apply(r, f"roster record {seq}")
            self.before = r

    def apply(self, r, what):
        if r.kind == 1:
            self.join(r, what)
        author = r.kind in (2, 8) and self.pairs.get(r.author) or self.members[r.author]
        self.allow(r, author, what)
        signers = [(1, r.author, author.keys)] + ([(2, r.author, r.keys)] if r.kind == 9 else [])
        signers += [(3, id, new.keys) for id, new in r.pairs.items() if new != self.pairs.get(id)]
        chiefs = [id for id, member in self.members.items() if member.role <= 2]
        if len(chiefs) >= 3 and self.takes_two(r):
            signer = r.sigs[-1].signer if len(r.sigs) > 1 else r.author
            approver = self.pairs.get(signer) or (signer in chiefs and self.members[signer])
            about = sha(r.keys)[:16] if r.kind == 2 else r.device
            demand(approver and signer not in (r.author, about), f"{what} needs another owner or admin")
            signers.append((4, signer, approver.keys))
        complete = [(sig.role, sig.signer) for sig in r.sigs] == [signer[:2] for signer in signers]
        demand(complete, f"{what} has other signatures than its kind")
        for sig, (role, _, keys) in zip(r.sigs, signers):
            domain = {3: b"recovery-binds", 4: b"roster-approval"}.get(role, b"roster")
            message = r.vault * (role == 3) + r.hash
            verify(keys[:32], domain, message, sig.bytes)
        if r.kind == 2:
            fits = r.number == len(self.epochs) and any(r.sealed) == (r.role != 6)
            demand(fits, f"{what} seals an epoch to the wrong member")
            demand(r.tag not in self.tags, f"{what} uses an invitation a second time")
            self.tags |= {r.tag} - {bytes(32)}
            self.join(r, what)
        elif r.kind == 9:
            self.use(r.keys, what)
            author.keys, author.eras = r.keys, author.eras + [(r.seq, r.keys)]
        elif r.kind == 10:
            demand(r.incarnation not in author.incarnations, f"{what} repeats an incarnation")
            author.incarnations, author.pins = author.incarnations + [r.incarnation], author.pins + r.pins
        elif r.kind in (3, 4):
            self.change(r, what)
        elif r.kind == 13:
            demand(r.number == len(self.epochs), f"{what} names a device under an older epoch")
        elif r.kind == 14:
            demand(0 < r.number < len(self.epochs), f"{what} retires an epoch that it can't retire")
        elif r.kind in (5, 8):
            self.confined = sha(self.before.keys)[:16] if r.kind == 8 else None
        self.pairs = r.pairs or self.pairs
        if r.epoch:
            self.epochs.append((r.epoch, r.previous))
            readers = [id for id, member in self.members.items() if member.role != 6]
            readers = [id for id in readers if self.confined in (None, id)]
            opens = self.confined in (None, r.author) or r.kind == 8
            demand(opens, f"{what} begins an epoch after one that its author can't open")
            expected = (len(self.epochs), sorted([*self.pairs, *readers]))
            fits = (r.epoch.number, [box.id for box in r.epoch.boxes]) == expected
            demand(fits, f"{what} has an epoch that is not for all members")

    def takes_two(self, r):
        """Whether this is about an owner, an admin or recovery keys, and not by the latter."""
        target = self.members.get(r.device)
        if r.kind == 4 and target and r.role in RANKS:
            less = RANKS.index(r.role) > RANKS.index(target.role)
            return r.role != target.role and (target.role if less else r.role) <= 2
        return {2: r.kind == 2 and r.role <= 2 and r.author not in self.pairs,
                3: bool(target) and target.role <= 2, 7: True}.get(r.kind, False)

    def allow(self, r, author, what):
        """Who may make a record of this kind, and about whom."""
        target, owner = self.members.get(r.device), author.role == 1
        allowed = author.role <= 2 or r.kind not in (2, 3, 4, 5, 7, 12, 14)
        other = r.device != r.author
        allowed &= other == (r.kind in (3, 4)) or r.kind == 13
        if r.kind in (2, 4):
            allowed &= owner or r.role != 1
        if r.kind == 13:
            allowed &= author.role <= 2 if other else author.role != 6
        if r.kind in (3, 4) or r.kind == 13 and other:
            allowed &= target is not None and (owner or target.role != 1)
        if r.kind == 8:
            before = self.before
            allowed &= r.author in self.pairs and (before.kind, before.author) == (2, r.author)
            allowed = allowed and before.role == 1
        demand(allowed, f"{what} exceeds its author's role")

    def change(self, r, what):
        """A device is removed or gets another role; what it wrote up to the pins stays."""
        member, places = self.members[r.device], {(pin.ended, pin.kind, pin.stream) for pin in r.pins}
        known = all(pin.ended in member.incarnations for pin in r.pins)
        demand(known and len(places) == len(r.pins), f"{what} pins what is not there")
        member.kept, member.pins = member.kept + r.pins * (member.role not in (4, 5)), member.pins + r.pins
        if r.kind == 3:
            self.former[r.device] = self.members.pop(r.device)
        else:
            changes = (r.role, r.rights) != (member.role, member.rights)
            demand(changes and 6 not in (r.role, member.role), f"{what} gives a role that it can't give")
            self.check_rights(r, what)
            member.role, member.rights = r.role, r.rights

    def check_rights(self, r, what):
        """An agent's list of what it may write; nothing for other roles."""
        demand(r.role in (1, 2, 3, 4, 5, 6), f"{what} has a role that this program does not know")
        rows = [(integer(r.rights[i:i + 4]), r.rights[i + 4]) for i in range(4, len(r.rights) - 4, 5)]
        sound = r.rights == b"".join([u32(len(rows)), *(u32(kind) + bytes([may]) for kind, may in rows)])
        sound &= len(rows) <= 32 and all(a[0] < b[0] for a, b in zip(rows, rows[1:]))
        sound &= all(may in (1, 2, 3) and not (may & 2 and kind in (5, 6)) for kind, may in rows)
        demand(sound if r.role == 5 else not r.rights, f"{what} gives rights that its role can't have")

    def join(self, r, what):
        self.check_rights(r, what)
        self.use(r.keys, what)
        newcomer = Record(role=r.role, rights=r.rights, keys=r.keys, eras=[(r.seq, r.keys)], incarnations=[0])
        newcomer.pins, newcomer.kept = [], []
        self.members[sha(r.keys)[:16]] = newcomer

    def use(self, keys, what):
        demand(not {keys[:32], keys[32:]} & self.used, f"{what} takes keys that were used before")
        self.used |= {keys[:32], keys[32:]}

    def open_epochs(self):
        """Keys of every epoch: `keys[n](purpose)`."""
        (epoch, previous), self.keys = self.epochs[-1], {}
        box = [box.box for box in epoch.boxes if box.id == self.pair.id]
        demand(box, "a newer recovery code has replaced this one", WRONG_CODE)
        info = u32(epoch.number) + self.pair.id + previous
        secret = unbox(self.pair.seed, epoch.ephemeral, self.vault, info, box[0])
        for epoch, _ in reversed(self.epochs):
            key = functools.cache(functools.partial(expand, secret, vault=self.vault, epoch=epoch.number))
            backup = public_half(key(b"backup-x25519"))
            fits = (key(b"epoch-commit"), backup) == (epoch.commitment, epoch.backup)
            demand(fits, f"epoch {epoch.number} is not the one of its record")
            self.keys[epoch.number] = key
            if epoch.number > 1:
                secret = AESGCM(key(b"prev-epoch")).decrypt(bytes(12), epoch.before, None)
