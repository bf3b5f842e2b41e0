import Backup
import Cryptography
import KeyRing
import TestSupport
import Testing

/// The roster as scripts/vaultformat.py reads it, which shares nothing with this program: both have to agree
/// on every record that anybody might make.
@Suite struct RecoverScriptRosterTests {
    private let roster: HandMadeRoster
    private let people: [HandMadeIdentity]
    private let scratch: Scratch
    private let tag = [UInt8](repeating: 6, count: 32)

    /// An owner, an admin, a writer, the recovery keys and a stranger.
    init() throws {
        scratch = try Scratch()
        roster = try HandMadeRoster(code: [UInt8](repeating: 9, count: 32))
        let (admin, writer) = (try HandMadeIdentity(), try HandMadeIdentity())
        roster.accept(try roster.add(admin, .admin, by: roster.owner))
        roster.accept(try roster.add(writer, .writer, by: admin, inviteTag: tag))
        people = [roster.owner, admin, writer, roster.recovery, try HandMadeIdentity()]
    }

    private static func rights(_ rows: (UInt8, UInt8)...) -> [UInt8] {
        [0, 0, 0, UInt8(rows.count)] + rows.flatMap { [0, 0, 0, $0.0, $0.1] }
    }

    /// Everything that each of them might say about each of the others, sealed to one circle or another.
    private func records() throws -> [[UInt8]] {
        let hash = [UInt8](repeating: 4, count: 32)
        let everybody = Array(people.prefix(4))
        let fresh = try HandMadeIdentity()
        var records: [[UInt8]] = []
        for author in people {
            for other in people {
                let rest = everybody.filter { $0.id != other.id }
                records.append(try roster.remove(other, by: author, to: rest))
                records.append(try roster.recoveryUse(by: author, to: [other, roster.recovery]))
                records.append(try roster.relabel(other, by: author))
                for role in [HandMadeRoster.Role.owner, .admin, .writer, .reader, .agent, .backup] {
                    records.append(try roster.role(role, of: other, by: author))
                    records.append(try roster.add(other, role, by: author))
                }
                // Rights: none, cut, unsorted, unknown bits, deleting documents, of no agent.
                for rights in [[], [0, 0, 0, 1, 0], Self.rights((2, 1), (1, 1)), Self.rights((1, 4))]
                    + [Self.rights((5, 3)), Self.rights((1, 3), (6, 1)), Self.rights()]
                {
                    records.append(try roster.role(.agent, of: other, by: author, rights: rights))
                    records.append(try roster.role(.writer, of: other, by: author, rights: rights))
                }
                records.append(
                    try roster.role(
                        .reader, of: other, by: author,
                        pins: [HandMadeRoster.pin(1, hash, incarnation: other.id[0] < 128 ? 0 : 1)]))
            }
            // With three owners and admins some of these take two.
            for second in people + [fresh] {
                let agrees = [(4, second.id, second)] as [HandMadeRoster.Signer]
                let rest = everybody.filter { $0.id != people[1].id }
                records.append(try roster.remove(people[1], by: author, to: rest, and: agrees))
                records.append(try roster.add(fresh, .admin, by: author, and: agrees))
                records.append(try roster.add(fresh, .writer, by: author, and: agrees))
                records.append(try roster.role(.admin, of: people[2], by: author, and: agrees))
                records.append(try roster.role(.reader, of: people[1], by: author, and: agrees))
                records.append(
                    try roster.recoveryChange(
                        [fresh.pair()], by: author, new: [fresh],
                        to: people.prefix(3) + [fresh], and: agrees))
            }
            records.append(try roster.remove(people[2], by: author, to: everybody))
            records.append(try roster.rotate(by: author, to: everybody))
            records.append(try roster.rotate(by: author, to: people))
            records.append(try roster.relabel(author, by: author, epoch: 9))
            for epoch in 0...3 as ClosedRange<UInt32> {
                records.append(try roster.retire(epoch, by: author))
            }
            for tag in [tag, ByHand.zeros(32), [UInt8](repeating: 7, count: 32)] {
                records.append(try roster.add(fresh, by: author, inviteTag: tag))
            }
            records.append(try roster.rekey(author, to: fresh, sealedTo: everybody))
            for (kind, salt) in [(1, 0), (2, 0), (1, 8), (2, 8)] as [(UInt8, UInt8)] {
                let pair = fresh.pair(kind: kind, salt: [UInt8](repeating: salt, count: 32))
                for new in [[], [fresh]] {
                    records.append(
                        try roster.recoveryChange(
                            [roster.recovery.pair(), pair], by: author, new: new, to: everybody + [fresh]))
                }
            }
        }
        return records
    }

    /// The twin of `records`: both accept some and refuse others, and the same ones.
    @Test func bothProgramsBelieveTheSameRecords() throws {
        let found = try HandMadeIdentity()
        var accepted = 0
        for step in 0..<3 {
            let records = try records()
            let ours = records.map { record in
                do {
                    _ = try Roster(verifying: roster.chain + [record])
                    return true
                } catch { return false }
            }
            let theirs = try script(records)
            #expect(ours == theirs, "step \(step): \(zip(ours, theirs).map { $0 == $1 })")
            accepted += ours.count { $0 }
            if step == 0 { roster.accept(try roster.add(found, .owner, by: roster.recovery)) }
            if step == 1 {
                roster.accept(
                    try roster.recoveryUse(by: roster.recovery, to: [found, roster.recovery]))
            }
        }
        #expect(accepted > 30)
    }

    /// Whether the script believes the chain with each of the records at its end.
    private func script(_ records: [[UInt8]]) throws -> [Bool] {
        var writer = CanonicalWriter()
        writer.count(roster.chain.count)
        for record in roster.chain { writer.blob(record) }
        writer.count(records.count)
        for record in records { writer.blob(record) }
        put(writer.bytes, scratch.path + "/records")
        let program = #"""
            import sys
            sys.path.insert(0, sys.argv[1])
            from vaultformat import FORMATS, Roster, attempt, read
            FORMATS["both"] = [("chain", "[", "blob"), ("records", "[", "blob")]
            both = read("both", open(sys.argv[2], "rb").read())
            chain, problems = [record.bytes for record in both.chain], []
            for record in both.records:
                print(int(attempt(problems, "", Roster, chain + [record.bytes]) is not None), end="")
            """#
        let ended = run(
            try ProjectPython.interpreter(),
            ["-c", program, ProjectPython.root + "/scripts", scratch.path + "/records"])
        #expect(ended.status == 0, "\(ended.output)")
        return ended.output.map { $0 == "1" }
    }

    @Test func thePassphraseRecoversWithTheScriptWhereItIsOn() throws {
        let bucket = try RecoveryBucket()
        let file = bucket.living.scratch.path + "/phrase"
        put(Array("correct horse battery staple anew\n".utf8), file)
        func recover(to name: String) throws -> Ended {
            run(
                try ProjectPython.interpreter(),
                [
                    ProjectPython.root + "/scripts/recover.py", "--backups", bucket.path,
                    "--passphrase-file", file, "--to", bucket.living.scratch.path + "/" + name,
                ])
        }
        _ = try bucket.fill()
        let off = try recover(to: "off")
        #expect(off.status == 4 && off.output.contains("can't be recovered with its passphrase"))
        try bucket.turnOnPassphrase("correct horse battery staple anew")
        let on = try recover(to: "on")
        #expect(on.status == 0, "\(on.output)")
        #expect(contents(bucket.living.scratch.path + "/on/documents/a.md") == Array("手冊".utf8))
        put(Array("correct horse battery staple knew\n".utf8), file)
        #expect(try recover(to: "wrong").status == 4)
    }
}
