#!/usr/bin/env python3
"""Restores a vault's tasks, documents and files from outside from its backups and the recovery code, without ai-team.

Written, with vaultformat.py beside it, from docs/FORMAT.md alone; needs Python 3.11 and the packages
cryptography (50) and zstandard. What does not verify is refused and named; the rest is restored, in plain
text, as OUT/database.sqlite, OUT/tasks.jsonl, OUT/documents/ and, by their absolute paths, OUT/files/.
--only chooses among these paths: * and ? stand for parts of a name, ** for any names. Exit codes: 0 all is
there, 1 failed, 3 not found, 4 wrong recovery code, 6 something was refused, 64 usage.
"""
import argparse
import contextlib
import datetime
import fnmatch
import functools
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import re
import sqlite3
import sys
import tempfile

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vaultformat import (NOT_FOUND, REFUSED, USAGE, WRONG_CODE, Record, Refused, Roster, attempt, base32,
                         cobblestone, demand, identity_pair, inflate, integer, passphrase_pair, read,
                         recovery_pair, sha, u32,
                         unbox, verify, xaes)

PAGE, PLAIN, LOCK_PAGE, NO_GROUP = 4096, 4048, 262_145, 0xFFFFFFFF
UNIT, PIECE, BODY = 4 << 20, 1 << 18, 1 << 29


# "Manifest" and "Who is believed".

def read_manifest(directory, name):
    data = (directory / name).read_bytes()
    head = read("head", data)
    known = (head.magic, head.suite, head.reader) == (b"ATBM", 1, 1) and head.kind in (1, 2, 3)
    demand(known, "not a manifest that this program knows")
    clear, encrypted = head.rest[:head.length], head.rest[head.length:]
    demand(sha(clear) == head.hash, "its clear part was changed")
    said = clear[:272 * (head.kind == 3)]
    m = read("prune" if head.kind == 2 else "clear", clear[len(said):])
    m.statement, m.said = said and read("statement", said), said[:-64]
    fits = (m.length, m.hash) == (len(encrypted), sha(encrypted)) and (head.kind == 2 or m.table == 0)
    fits = fits and (not said or m.statement.opening == b"ATFS\1\1\0\0")
    demand(fits, "its encrypted part was changed")
    removed = [row.bytes for row in m.removed] if head.kind == 2 else []
    m.removed, m.lost = [(read("head", data), sha(data)) for data in removed], getattr(m, "lost", [])
    m.chain, m.text = [record.bytes for record in m.chain], "backup-" + base32(integer(m.id), 26)
    m.name, m.head, m.encrypted, m.signed, m.own = name, head, encrypted, data[:148], sha(data[:212])
    return m


def judge(m, roster):
    head, count, present = m.head, len(m.chain), roster.members.get(m.head.device)
    member = present or roster.former.get(head.device)
    demand(head.vault == roster.vault, "it is of another vault")
    demand(m.chain == roster.chain[:count], "its roster is a fork of the vault's")
    eras = [keys for since, keys in member.eras if since < count] if member else []
    tag = base32(integer(sha(b"ai-team/writer\0", roster.vault, head.device)[:10]), 16)
    known = eras and head.incarnation in member.incarnations
    demand(known and m.name == f"m/{tag}/{head.incarnation:08x}/{head.seq:016}", "an unknown writer")
    pins = [pin for pin in member.pins if (pin.kind, pin.ended) == (2, head.incarnation)]
    kept = [pin for pin in member.kept if (pin.kind, pin.ended) == (2, head.incarnation)]
    counts = (kept or present and present.role not in (4, 5)) and (member.role <= 3 or m.statement)
    demand(counts, "its writer makes no backups" if present else "its writer was removed from the vault")
    alive = all(head.seq < pin.seq or (head.seq, m.own) == (pin.seq, pin.hash) for pin in pins)
    demand(alive, "it was written after its incarnation had ended")
    verify(eras[-1][:32], b"manifest", m.signed, head.signature)
    if m.statement:
        vouch(m, m.statement, roster)
    m.order, m.role = (head.device, member.incarnations.index(head.incarnation), head.seq), member.role
    return m


def vouch(m, said, roster):
    """A machine without keys made it: a member with keys must have said of which state."""
    voucher, count = roster.members.get(said.device), len(m.chain)
    place = (said.vault, said.seq, said.record) == (roster.vault, count - 1, sha(m.chain[-1]))
    known = place and voucher and voucher.role <= 3 and said.incarnation in voucher.incarnations
    eras = [keys for since, keys in voucher.eras if since < count] if known else []
    demand(eras, "nobody vouches for how fresh it is")
    verify(eras[-1][:32], b"freshness", m.said, said.signature)


def follow(judged, problems):
    """The backups that count, chain by chain. Which location this is nobody knows here, so what a prune record
    of any location removed may be missing."""
    links = {(m.head.device, m.head.incarnation, m.head.seq): (m.head.previous, m.own, m) for m in judged}
    for record in judged:
        for head, own in record.removed:
            if head.device == record.head.device or record.role <= 2:
                links.setdefault((head.device, head.incarnation, head.seq), (head.previous, own, None))
    lost = [row for record in judged for row in record.lost]
    believed, line, last, before = [], None, 0, bytes(32)
    for (*chain, seq), (previous, own, m) in sorted(links.items(), key=lambda link: link[0]):
        if chain != line:
            line, last, before = chain, 0, bytes(32)
        name = m.name if m else f"pruned manifest {seq}"
        if seq == last + 1 and previous != before:
            problems.append((REFUSED, f"{name}: it does not follow the manifest before it"))
            continue
        given_up = any(([row.device, row.ended], row.first <= last + 1, seq <= row.last + 1) == (chain, True, True)
                       for row in lost)
        if seq > last + 1 and not given_up:
            problems.append((REFUSED, f"{name}: the manifests before it, from {last + 1} on, are missing"))
        last, before = seq, own
        if m and m.head.kind != 2:
            believed.append(m)
    return believed


def candidate(chain, pair, vault):
    if vault:
        roster = Roster(chain)
        demand(base32(integer(roster.vault) << 4, 52) == vault, "it is of another vault", WRONG_CODE)
        roster.pair, roster.reader = None, pair
        return roster
    roster = Roster(chain, pair)
    roster.reader = None
    if roster.pair.id in roster.pairs:
        roster.open_epochs()
    return roster


def load(directory, pair, problems, vault=None):
    """The roster, and the manifests that count, the newest of each writer last."""
    names = [path.relative_to(directory).as_posix() for path in sorted(directory.glob("m/*/*/*"))]
    names = [name for name in names if re.fullmatch("m/[0-9a-z]{16}/[0-9a-f]{8}/[0-9]{16}", name)]
    demand(names, f"no backups in {directory}", NOT_FOUND)
    found = [attempt(problems, name, read_manifest, directory, name) for name in names]
    found, refused = [m for m in found if m], []
    chains = {tuple(m.chain): m.name for m in found}
    rosters = [attempt(refused, name, candidate, list(chain), pair, vault) for chain, name in chains.items()]
    if not any(rosters):
        code, message = max(refused or problems)
        raise Refused(message, code)
    rosters = sorted(filter(None, rosters), key=lambda roster: len(roster.chain))
    roster = rosters[-1]
    forked = any(other.chain != roster.chain[:len(other.chain)] for other in rosters)
    demand(not forked, "the roster was forked: keep the manifests of one chain, and try again")
    demand(vault or roster.pair.id in roster.pairs, "a newer recovery code has replaced this one", WRONG_CODE)
    judged = [m for m in found if attempt(problems, m.name, judge, m, roster)]
    return roster, sorted(follow(judged, problems), key=lambda m: m.order)


class Backup:
    """One backup, opened. What it hands out has been verified."""

    def __init__(self, directory, manifest, roster):
        self.directory, self.manifest, self.roster = directory, manifest, roster
        packed = read("packed", self.open(b"manifest-body", manifest, manifest.encrypted))
        content, said = inflate(packed.rest[:packed.frame], packed.plain, BODY), manifest.statement
        self.secret, self.body = content[:32] if said else None, read("body", content[32 if said else 0:])
        body = self.body
        fields = ("id", "pages", "counter", "root", "sequence")
        fits = not said or all(getattr(said, field) == getattr(body, field) for field in fields)
        demand(fits, "its pages are not those that a member vouched for")
        self.rows = {pack.id: row for row, pack in enumerate(manifest.packs)}

    def open(self, kind, of, data):
        kind, reader = b"ai-team/%b/v1\0" % kind, self.roster.reader
        wanted = (2, reader.id) if reader else (1, bytes(16))
        wraps = [wrap for wrap in of.wraps if (wrap.kind, wrap.recipient) == wanted]
        demand(wraps, "it is not wrapped to this key", WRONG_CODE)
        seed, info = reader and reader.seed, kind + of.id + u32(of.epoch)
        seed = seed or self.roster.keys[of.epoch](b"backup-x25519")
        key = unbox(seed, wraps[0].ephemeral, self.roster.vault, info, wraps[0].box)
        return b"".join(cobblestone(key, kind + self.roster.vault + of.id, [data]))

    @functools.lru_cache(maxsize=2)
    def pack(self, row):
        pack, name = self.manifest.packs[row], base32(integer(self.manifest.packs[row].id) << 2, 26)
        path = self.directory / "p" / name[:2] / name
        demand(path.is_file(), f"pack {name} is missing")
        data = path.read_bytes()
        demand(sha(data) == pack.hash, f"pack {name} is damaged")
        return self.open(b"pack", pack, data)

    def extent(self, place):
        data = self.pack(place.pack)[place.offset:place.offset + place.length]
        demand(len(data) == place.length, "an extent beyond the end of its pack")
        return data

    def unit(self, unit):
        return inflate(self.extent(unit), unit.plain, UNIT)

    def segment(self, segment):
        data = b"".join(map(self.unit, segment.parts))
        demand(sha(data) == segment.hash, "a list is not the one that the manifest names")
        return data

    def page_map(self):
        """The groups, and a row for each page; their root is the signed one."""
        body, groups, pages = self.body, [], []

        def own(part, rows):
            for row in rows:
                if row.group != NO_GROUP:
                    demand(row.group < len(part.groups), "a page without a group")
                    row.group += len(groups)
            for group in part.groups:
                group.pack = self.rows[group.id]
            groups.extend(part.groups)
            return rows

        for segment in body.full:
            part = read("map", self.segment(segment))
            demand((part.magic, part.first) == (b"ATPM", len(pages) + 1), "another part of the page map")
            pages += own(part, part.rows)
        for segment in body.deltas:
            part = read("delta", self.segment(segment))
            demand(part.magic == b"ATPD", "another part of the page map")
            del pages[part.pages:]
            for change in own(part, part.changes):
                demand(1 <= change.page <= len(pages) + 1, "a change of a page that is not there")
                pages[change.page - 1:change.page] = [change]
        tags = [u32(page.epoch) + page.nonce + page.tag for page in pages]
        leaves = [b"".join(tags[i:i + 256]).ljust(256 * 44, b"\0") for i in range(0, len(tags), 256)]
        level = [sha(b"\0", u32(i), leaf) for i, leaf in enumerate(leaves)]
        while len(level) > 1:
            pairs = [level[i:i + 2] for i in range(0, len(level), 2)]
            level = [sha(b"\1", *pair) if len(pair) == 2 else pair[0] for pair in pairs]
        root = sha(b"\2", body.id, u32(body.pages), body.counter, *level)
        demand((len(pages), root) == (body.pages, body.root), "the page map is not the signed one")
        return groups, pages

    def documents(self, database):
        """Every version of a document, with the file that holds it."""
        files, said = {}, self.manifest.statement
        for segment in self.body.documents:
            part = read("documents", self.segment(segment))
            demand(part.magic == b"ATLD", "another list")
            for file in part.files:
                for extent in file.extents:
                    extent.pack = self.rows[part.packs[extent.pack].id]
                files[file.path] = file
                for version in file.versions:
                    version.file = file
                    yield version
        if said:
            rows = (u32(len(path)) + path + file.length.to_bytes(8, "big") for path, file in files.items())
            listed = sha(b"ai-team/offered-files/v1\0", u32(len(files)), *rows)
            demand(listed == said.files, "its documents are not those that a member vouched for")
            yield from self.named(files, database)

    def named(self, files, database):
        """The versions that the database names: who shipped the files could not."""
        sql = ("SELECT CAST(d.name AS BLOB) name, CAST(d.id AS BLOB) id, v.number version, v.sha256 hash,"
               " v.size length, v.epoch epoch FROM document_version v JOIN document d ON d.id = v.document_id"
               " WHERE d.deleted_at IS NULL")
        uri = database.resolve().as_uri() + "?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            db.row_factory = sqlite3.Row
            for row in db.execute(sql).fetchall():
                version = Record(**row)
                name = self.blob(version)
                version.file = files.get(b"documents/%b/%b" % (name[:2], name))
                demand(version.file, f"a file that the database names is missing: {name.decode()}")
                yield version

    def blob(self, version):
        what = b"blob" + u32(version.epoch) + version.hash
        tag = hmac.digest(self.roster.keys[1](b"name"), what, "sha256")[:20]
        return base32(integer(tag), 32).encode()

    def outside(self, problems):
        """Every entry from outside the vault. A segment that does not hold costs what it lists, an entry that comes
        twice, or stands below what is no directory, itself."""
        last, goes_on, leaf = [], False, None
        for number, segment in enumerate(self.body.files):
            part = attempt(problems, f"segment {number} of the files", self.outside_segment, segment)
            for entry in part.members if part else []:
                names = entry.path.rstrip(b"/").split(b"/")
                again = goes_on and names == last
                if not again and (names <= last or names[:len(leaf or [])] == leaf):
                    problems.append((REFUSED, f"{os.fsdecode(entry.path)}: it can't stand where it does"))
                    continue
                last, goes_on = names, entry.continued
                leaf = names if entry.kind != 2 else leaf
                yield entry

    def outside_segment(self, segment):
        part = read("outside", self.segment(segment))
        demand(part.magic == b"ATLF" and part.members, "another list")
        for run in part.runs:
            run.pack = self.rows[part.packs[run.pack].id]
        for chunk in part.chunks:
            chunk.unit = part.runs[chunk.run]
            demand(0 < chunk.length <= chunk.unit.plain - chunk.offset, "a chunk beyond the end of its run")
        for entry in part.members:
            names = entry.path[1:].split(b"/") if entry.path != b"/" else []
            plain = all(0 < len(name) < 256 and name not in (b".", b"..") and b"\0" not in name for name in names)
            demand(entry.path[:1] == b"/" and len(names) < 512 and plain, "a path that is not plain")
            empty = entry.kind == 1 or not entry.chunks and not entry.size
            fits = empty and entry.kind in (1, 2, 3) and (entry.kind == 3) == bool(entry.target)
            demand(fits and b"\0" not in entry.target, "an entry that can't be")
            entry.chunks = [part.chunks[row.row] for row in entry.chunks]
        return part

    @functools.lru_cache(maxsize=8)
    def run(self, pack, offset, length, plain):
        return self.unit(Record(pack=pack, offset=offset, length=length, plain=plain))

    @functools.cached_property
    def chunk_key(self):
        """What names chunks; a recipient lacks it, and for him the packs' own authentication stands."""
        if self.roster.reader:
            return None
        key = self.secret or self.roster.keys[self.manifest.epoch](b"outside")
        info = b"ai-team/outside-id/v1\0" + self.manifest.head.device
        return HKDFExpand(SHA256(), 32, info).derive(key)

    def file(self, parts, size, target):
        """Writes a file of one or more entries; `target` stays only when it is whole."""
        with open(target, "xb") as out, contextlib.ExitStack() as undo:
            undo.callback(target.unlink)
            for chunk in (chunk for part in parts for chunk in part.chunks):
                unit = chunk.unit
                data = self.run(unit.pack, unit.offset, unit.length, unit.plain)[chunk.offset:chunk.offset + chunk.length]
                named = not self.chunk_key or hmac.digest(self.chunk_key, data, "sha256")[:20] == chunk.id
                demand(named, "a chunk is not the one that the list names")
                out.write(data)
            demand(out.tell() == size, "a part of it is missing")
            undo.pop_all()
        return target

    def database(self, target):
        """A plain SQLite file: 4,048 bytes of each page and 48 zeros, where a sealed page has its trailer."""
        (groups, pages), wanted, said = self.page_map(), {}, self.manifest.statement
        demand(not (said and self.roster.reader), "its pages are sealed to the vault")
        for number, row in enumerate(pages, 1):
            if (number, row.group, row.epoch, row.nonce + row.tag) != (LOCK_PAGE, NO_GROUP, 0, bytes(40)):
                wanted.setdefault(row.group, []).append((number, row))
        with open(target, "xb") as file:
            file.truncate(PAGE * len(pages))
            for group, rows in wanted.items():
                held = read("pages", self.extent(groups[group]) if said else self.unit(groups[group]))
                fits = held.magic == (b"ATPC" if said else b"ATPG") and len(held.plain) == PLAIN * len(held.entries)
                demand(fits, f"group {group} is malformed")
                at = {(e.number, e.epoch, e.nonce, e.tag): PLAIN * i for i, e in enumerate(held.entries)}
                for number, row in rows:
                    start = at.get((number, row.epoch, row.nonce, row.tag))
                    demand(start is not None, f"page {number} is not in its group")
                    plain = held.plain[start:start + PLAIN]
                    if said:
                        plain = self.opened(number, row, plain)
                    fits = said or self.tag(number, row, plain) == row.tag
                    demand(fits, f"page {number} is not the signed one")
                    file.seek(PAGE * (number - 1))
                    file.write(plain)

    def cipher(self, number, row):
        """What a page is sealed with: cipher, AAD, and the bytes in front that stay clear."""
        key, head = self.roster.keys[row.epoch](b"page"), b""
        if number == 1:
            check = hmac.digest(key, b"check" + self.body.id, "sha256")[:4]
            head = b"ATDB\1\1\0\0" + u32(row.epoch) + check
        aad = b"\1\1\1\0" + u32(row.epoch) + self.body.id + bytes(16) + u32(number) + head
        return xaes(key, row.nonce), aad, head

    def tag(self, number, row, plain):
        """The tag that the page gets under its epoch and nonce; a recipient lacks the key to compare."""
        if self.roster.reader:
            return row.tag
        cipher, aad, head = self.cipher(number, row)
        return cipher.encrypt(row.nonce[12:], plain[len(head):], aad)[-16:]

    def opened(self, number, row, sealed):
        cipher, aad, head = self.cipher(number, row)
        demand(sealed[:len(head)] == head, f"page {number} begins wrongly")
        plain = cipher.decrypt(row.nonce[12:], sealed[len(head):] + row.tag, aad)
        return b"SQLite format 3\0"[:len(head)] + plain

    def document(self, document, target):
        """Writes a version of a document; `target` stays only when it is whole."""
        file = document.file
        name, hashed = file.path.split(b"/")[-1], hashlib.sha256()
        demand(name == self.blob(document), "its blob has the name of another content")
        context = u32(15) + b"ai-team/blob/v1" + self.roster.vault + u32(len(name)) + name

        def pieces():
            for extent in file.extents:
                piece = self.extent(extent)
                hashed.update(piece)
                yield piece

        with tempfile.TemporaryFile(dir=target.parent) as plain, open(target, "xb") as out:
            plain.writelines(cobblestone(self.roster.keys[document.epoch](b"blob"), context, pieces()))
            demand(hashed.digest() == file.hash, "its blob was changed")
            plain.seek(0)
            head, content = read("content", plain.read(24)), hashlib.sha256()
            lengths = [min(PIECE, head.length - start) for start in range(0, head.length, PIECE)]
            fits = (head.version, head.encoding, head.count) in ((1, 0, 0), (1, 1, len(lengths)))
            demand(fits and head.length == document.length, "a blob that this program does not know")
            frames = [integer(plain.read(4)) for _ in range(head.count)] or lengths
            for length, count in zip(lengths, frames):
                piece = inflate(plain.read(count), length, PIECE) if head.encoding else plain.read(count)
                content.update(piece)
                out.write(piece)
            demand(content.digest() == document.hash, "another content than the manifest names")


# What becomes of it.

def chooser(patterns):
    """Whether a path of OUT is wanted. What fits a directory fits all below it; a pattern without a slash is for
    a name at any depth."""
    def fits(names, parts):
        if not parts:
            return True
        if parts[0] == "**":
            return fits(names, parts[1:]) or bool(names) and fits(names[1:], parts)
        return bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and fits(names[1:], parts[1:])

    wishes = [pattern.strip("/").split("/") for pattern in patterns]
    wishes = [wish if len(wish) > 1 or "/" in pattern else ["**", *wish] for wish, pattern in zip(wishes, patterns)]
    return lambda path: not wishes or any(fits(path.split("/"), wish) for wish in wishes)


def restore(backup, out, wanted, problems):
    out.mkdir(parents=True, exist_ok=True)
    # Who shipped files unread could not name the documents in them: the database does.
    if backup.manifest.statement or wanted("database.sqlite") or wanted("tasks.jsonl"):
        restore_database(backup, out, wanted, problems)
    restore_documents(backup, out, wanted, problems)
    restore_outside(backup, out, wanted, problems)
    if not wanted("database.sqlite"):
        (out / "database.sqlite").unlink(missing_ok=True)
    print(f"restored {backup.manifest.text} to {out}")


def restore_database(backup, out, wanted, problems):
    database, before = out / "database.sqlite", len(problems)
    attempt(problems, "database", backup.database, database)
    if len(problems) == before and wanted("tasks.jsonl"):
        attempt(problems, "tasks", tasks, database, out / "tasks.jsonl")
    if len(problems) > before:
        database.unlink(missing_ok=True)


def restore_documents(backup, out, wanted, problems):
    database = out / "database.sqlite"
    documents = attempt(problems, "documents", lambda: list(backup.documents(database))) or []
    if backup.roster.reader and documents:
        print(f"left in the backup: {len(documents)} documents, sealed to the vault", file=sys.stderr)
        documents = []
    in_packs = lambda place: [(extent.pack, extent.offset) for extent in place[1].file.extents[:1]]
    for path, d in sorted(places(documents), key=in_packs):
        if not wanted(os.fsdecode(path)):
            continue
        target, before = out / os.fsdecode(path), len(problems)
        target.parent.mkdir(parents=True, exist_ok=True)
        attempt(problems, os.fsdecode(path), backup.document, d, target)
        if len(problems) > before:
            target.unlink(missing_ok=True)


def restore_outside(backup, out, wanted, problems):
    """Links are made when no file is written any more, so that none is ever followed."""
    same = lambda entry: (entry.path, entry.kind, entry.target, entry.permissions, entry.modified, entry.size)
    links, directories = [], []
    for (path, kind, link, permissions, modified, size), parts in itertools.groupby(backup.outside(problems), same):
        name = "files" + os.fsdecode(path).rstrip("/")
        target, mode, time = out / name, permissions & 0o777, modified - (modified >> 63 << 64)
        if not wanted(name):
            continue
        if kind == 3:
            links.append((name, link, target, time))
            continue
        attempt(problems, name, (target if kind == 2 else target.parent).mkdir, 0o777, True, True)
        if kind == 2:
            directories.append((name, target, mode, time))
        elif attempt(problems, name, backup.file, parts, size, target):
            attempt(problems, name, settle, target, mode, time)
    for name, link, target, time in links:
        attempt(problems, name, target.parent.mkdir, 0o777, True, True)
        attempt(problems, name, os.symlink, link, os.fsencode(target))
        attempt(problems, name, settle, target, None, time)
    for name, *place in reversed(directories):
        attempt(problems, name, settle, *place)


def settle(target, mode, time):
    if mode is not None:
        target.chmod(mode)
    os.utime(target, ns=(time, time), follow_symlinks=False)


def places(documents):
    """Where each version goes, as in FORMAT.md, "Export": safe names, each there once, case ignored."""
    newest = {d.id: d.version for d in sorted(documents, key=lambda d: d.version)}
    taken = {"documents/.versions": None}
    for d in sorted(documents, key=lambda d: (d.id, d.version)):
        path, parts = b"documents", [part for part in d.name.split(b"/") if part not in (b"", b".")] or [d.id]
        if d.version != newest[d.id]:
            path, old = b"documents/.versions", b"%d-%b" % (d.version, parts[-1])
            parts = [d.id.replace(b"/", b"_"), old]
        for left, part in enumerate(parts, 1 - len(parts)):
            part = b"__" if part == b".." else re.sub(rb"[\0-\x1f\x7f]", b"_", part)
            stem, suffix = os.path.splitext(part[:255])
            for number in itertools.count(1):
                end = (b" (%d)" % number if number > 1 else b"") + suffix
                name = path + b"/" + stem[:255 - len(end)] + end
                folded = os.fsdecode(name).lower()
                if folded not in taken or left and taken[folded]:
                    break
            path = taken.setdefault(folded, name if left else None) or name
        yield path, d


def tasks(database, target):
    """The tasks that are not in the trash, in the form of `ai-team tasks export`."""
    plain = "id type title description status assigned_to project_id created_by output error version review"
    times = "created_at updated_at started_at completed_at deadline"
    links = ("(SELECT json_group_array({}) FROM (SELECT * FROM link"
             " WHERE task_id = t.id AND kind {} 'blocks' AND deleted_at IS NULL ORDER BY row))")
    members = [f"'{c}', {c}" for c in plain.split()] + [f"'{c}', json({c})" for c in ("tags", "metadata")]
    members += [f"'{c}', strftime('%Y-%m-%dT%H:%M:%fZ', {c} / 1000.0, 'unixepoch')" for c in times.split()]
    priorities = json.dumps(["low", "medium", "high", "critical"])
    members += [f"'priority', json_extract('{priorities}', '$[' || priority || ']')",
                "'dependencies', " + links.format("target_id", "="),
                "'links', " + links.format("json_object('kind', kind, 'id', target_id)", "<>")]
    sql = f"SELECT json_object({', '.join(members)}) FROM task t WHERE deleted_at IS NULL"
    uri = database.resolve().as_uri() + "?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as db, open(target, "xb") as file:
        file.writelines(line.encode() + b"\n" for line, in db.execute(sql + " ORDER BY created_at, id"))


def run(options, problems):
    directory = pathlib.Path(options.backups)
    secret = pathlib.Path(options.code_file or options.passphrase_file or options.identity_file)
    demand(bool(options.identity_file) == bool(options.vault), "an identity needs --vault", USAGE)
    demand(secret.is_file(), f"{secret} is not there", NOT_FOUND)
    text = secret.read_text("utf-8", "replace")
    pair = (recovery_pair(text) if options.code_file else identity_pair(text) if options.vault
            else passphrase_pair(text.splitlines()[0]))
    roster, backups = load(directory, pair, problems, options.vault)
    if options.list:
        for m in backups:
            time = datetime.datetime.fromtimestamp(m.head.created // 1000, datetime.timezone.utc)
            print(m.text, time, m.name)
        return
    fits = [m for m in backups if m.text.endswith(options.backup or "")]
    demand(fits, f"no backup {options.backup or 'that counts'}", NOT_FOUND)
    clear = len(fits) == 1 or not options.backup and len({m.head.device for m in fits}) == 1
    demand(clear, "several backups or devices: choose one with --backup", NOT_FOUND)
    out = pathlib.Path(options.to)
    demand(not out.exists() or not any(out.iterdir()), f"{out} is not empty", USAGE)
    restore(Backup(directory, fits[-1], roster), out, chooser(options.only), problems)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.error = lambda message: parser.exit(USAGE, f"{message}\n")
    parser.add_argument("--backups", required=True, help="the directory that holds m/ and p/")
    secret = parser.add_mutually_exclusive_group(required=True)
    secret.add_argument("--code-file", help="a file with the recovery code")
    secret.add_argument("--passphrase-file", help="a file with the passphrase, where that recovers")
    secret.add_argument("--identity-file", help="an age identity that is a recipient of the backups")
    parser.add_argument("--vault", help="with an identity: the vault's id, as `ai-team backup recipients` says it")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="restore only what fits; may be repeated")
    parser.add_argument("--backup", help="the id of a backup, or its end; the newest without this")
    wish = parser.add_mutually_exclusive_group(required=True)
    wish.add_argument("--to", metavar="OUT", help="a directory that is empty or not there")
    wish.add_argument("--list", action="store_true", help="print the backups and restore nothing")
    options, problems = parser.parse_args(), []
    os.umask(0o077)
    attempt(problems, "recover.py", run, options, problems)
    for _, message in problems:
        print(message, file=sys.stderr)
    return max((code for code, _ in problems), default=0)


if __name__ == "__main__":
    sys.exit(main())
