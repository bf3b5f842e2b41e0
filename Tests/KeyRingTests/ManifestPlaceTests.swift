import Cryptography
import KeyRing
import TestSupport
import Testing

/// Whose backups count, and up to where.
@Suite struct ManifestPlaceTests {
    private let roster: HandMadeRoster
    private let writer: HandMadeIdentity
    private var owner: HandMadeIdentity { roster.owner }
    private var all: [HandMadeIdentity] { [owner, writer, roster.recovery] }
    private let hash = [UInt8](repeating: 4, count: 32)

    init() throws {
        roster = try HandMadeRoster(code: [UInt8](repeating: 9, count: 32))
        writer = try HandMadeIdentity()
        roster.accept(try roster.add(writer, .writer, by: owner))
    }

    private func key(
        _ device: HandMadeIdentity, _ sequence: UInt64, incarnation: UInt32 = 0, hash: [UInt8]? = nil
    ) throws -> [UInt8] {
        try authority(device, sequence, incarnation: incarnation, hash: hash).key
    }

    private func authority(
        _ device: HandMadeIdentity, _ sequence: UInt64, incarnation: UInt32 = 0, hash: [UInt8]? = nil
    ) throws -> Roster.ManifestAuthority {
        let id = try #require(DeviceID(device.id))
        let verified = try Roster(verifying: roster.chain)
        return try verified.manifestAuthority(
            at: ManifestPlace(
                device: id, incarnation: incarnation, sequence: sequence, hash: hash ?? self.hash,
                recordCount: roster.chain.count))
    }

    private func isVoid(
        _ device: HandMadeIdentity, _ sequence: UInt64, _ reason: String, incarnation: UInt32 = 0,
        hash: [UInt8]? = nil, at place: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: KeyError.self, sourceLocation: place) {
            try key(device, sequence, incarnation: incarnation, hash: hash)
        }
        #expect(error?.code == .integrityFailure, sourceLocation: place)
        #expect(error?.message.contains(reason) == true, "\(error as Any)", sourceLocation: place)
    }

    @Test func ofWhoWasRemovedOnlyWhatWasPinnedCounts() throws {
        #expect(try key(writer, 9) == writer.signing.publicKey)
        roster.accept(
            try roster.remove(
                writer, by: owner, pins: [HandMadeRoster.pin(3, hash)], to: [owner, roster.recovery]))
        #expect(try key(writer, 2, hash: [UInt8](repeating: 1, count: 32)) == writer.signing.publicKey)
        #expect(try key(writer, 3) == writer.signing.publicKey)
        isVoid(writer, 3, "after it was removed", hash: [UInt8](repeating: 5, count: 32))
        isVoid(writer, 4, "after it was removed")
        #expect(try key(owner, 4) == owner.signing.publicKey)
    }

    @Test func withoutAPinNothingOfIt() throws {
        roster.accept(try roster.remove(writer, by: owner, to: [owner, roster.recovery]))
        isVoid(writer, 1, "after it was removed")
    }

    @Test func aReaderBacksUpNothingThatItDidNotAsAWriter() throws {
        roster.accept(
            try roster.role(.reader, of: writer, by: owner, pins: [HandMadeRoster.pin(3, hash)]))
        #expect(try key(writer, 3) == writer.signing.publicKey)
        isVoid(writer, 4, "role (reader)")
        // A reader may pin itself, as everybody who begins a new incarnation does. That gives it nothing.
        var body = CanonicalWriter()
        body.raw(writer.id)
        body.u32(77)
        body.count(1)
        body.raw(HandMadeRoster.pin(100, hash))
        roster.accept(try roster.record(10, body.bytes, by: writer))
        isVoid(writer, 4, "role (reader)")
        isVoid(writer, 1, "role (reader)", incarnation: 77)
        roster.accept(try roster.role(.writer, of: writer, by: owner))
        #expect(try key(writer, 1, incarnation: 77) == writer.signing.publicKey)
        isVoid(writer, 4, "incarnation had ended")
    }

    @Test func whoNeverWroteBacksUpNothing() throws {
        let quiet = try HandMadeIdentity()
        roster.accept(try roster.add(quiet, .reader, by: owner))
        isVoid(quiet, 1, "role (reader)")
        isVoid(try HandMadeIdentity(), 1, "unknown writer")
        isVoid(owner, 1, "incarnation that the roster does not know", incarnation: 5)
    }

    /// What it signs needs a statement besides, which is not asked for here; it ends with its removal.
    @Test func aBackupRoleSignsUpToItsRemoval() throws {
        let uploader = try HandMadeIdentity()
        roster.accept(try roster.add(uploader, .backup, by: owner))
        #expect(try authority(uploader, 9).role == .backup)
        #expect(try authority(uploader, 9).key == uploader.signing.publicKey)
        roster.accept(
            try roster.remove(uploader, by: owner, pins: [HandMadeRoster.pin(3, hash)], to: all))
        #expect(try authority(uploader, 3).role == .backup)
        isVoid(uploader, 4, "after it was removed")
    }

    private func vouches(
        _ device: HandMadeIdentity, _ reason: String?, known: Int? = nil, incarnation: UInt32 = 0,
        at place: SourceLocation = #_sourceLocation
    ) throws {
        let verified = try Roster(verifying: roster.chain)
        let id = try #require(DeviceID(device.id))
        let found: Result<[UInt8], KeyError>
        do throws(KeyError) {
            found = .success(
                try verified.statementKey(
                    of: id, incarnation: incarnation, recordCount: known ?? roster.chain.count))
        } catch { found = .failure(error) }
        switch (found, reason) {
        case (.success(let key), nil): #expect(key == device.signing.publicKey, sourceLocation: place)
        case (.failure(let error), let reason?):
            #expect(error.message.contains(reason), "\(error)", sourceLocation: place)
        default: Issue.record("\(found)", sourceLocation: place)
        }
    }

    @Test func onlyAPresentMemberWithDataVouches() throws {
        let (uploader, reader) = (try HandMadeIdentity(), try HandMadeIdentity())
        roster.accept(try roster.add(uploader, .backup, by: owner))
        roster.accept(try roster.add(reader, .reader, by: owner))
        try vouches(owner, nil)
        try vouches(writer, nil)
        try vouches(writer, "before its device was a member", known: 1)
        try vouches(writer, "incarnation", incarnation: 5)
        try vouches(uploader, "role (backup)")
        try vouches(reader, "role (reader)")
        try vouches(try HandMadeIdentity(), "unknown device")
        roster.accept(
            try roster.remove(
                writer, by: owner, pins: [HandMadeRoster.pin(3, hash)],
                to: [owner, reader, roster.recovery]))
        try vouches(writer, "removed")
        try vouches(writer, "removed", known: 2)
    }
}
