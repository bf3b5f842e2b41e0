/// Where a backup's manifest says that it belongs.
public struct ManifestPlace: Sendable, Hashable {
    /// Who signed it.
    public let device: DeviceID
    /// In which of its incarnations.
    public let incarnation: UInt32
    /// Its number there, from 1.
    public let sequence: UInt64
    /// The hash that a pin would name, 32 bytes.
    public let hash: [UInt8]
    /// How many records of the roster its writer knew.
    public let recordCount: Int

    /// A place; `hash` has 32 bytes.
    public init(device: DeviceID, incarnation: UInt32, sequence: UInt64, hash: [UInt8], recordCount: Int) {
        self.device = device
        self.incarnation = incarnation
        self.sequence = sequence
        self.hash = hash
        self.recordCount = recordCount
    }
}

extension Roster {
    /// What has to vouch for a manifest at some place.
    public struct ManifestAuthority: Sendable, Hashable {
        /// The Ed25519 key that must have signed it.
        public let key: [UInt8]
        /// The writer's role, at present or when it was removed.
        public let role: MemberRole
    }

    /// Who must have signed a manifest at that place, if one there counts at all.
    ///
    /// Backups of owners, admins and writers count, up to where a pin ends an incarnation, and those of the
    /// backup role if a statement vouches for them, which is the caller's next question. Of who was removed
    /// or lost that role only those count that the record which did so has pinned: everything later may have
    /// been made over whatever the device pleased.
    ///
    /// - Throws: `integrityFailure` with the reason, without a subject ("an unknown writer").
    public func manifestAuthority(at place: ManifestPlace) throws(KeyError) -> ManifestAuthority {
        let present = member(place.device)
        guard let writer = present ?? former.first(where: { $0.id == place.device }) else {
            throw Roster.void("an unknown writer")
        }
        guard writer.incarnations.contains(place.incarnation) else {
            throw Roster.void("an incarnation that the roster does not know")
        }
        let pins = writer.pins.filter { $0.kind == .manifests && $0.incarnation == place.incarnation }
        let isBeforeItsEnd = pins.allSatisfy { place.isCovered(by: $0) }
        if present?.role.signsBackups != true {
            let kept = writer.kept.contains { $0.kind == .manifests && $0.incarnation == place.incarnation }
            guard kept, isBeforeItsEnd else {
                throw Roster.void(
                    present == nil
                        ? "written by a device after it was removed from the vault"
                        : Roster.makesNoBackups(writer.role))
            }
        }
        guard isBeforeItsEnd else { throw Roster.void("written after its incarnation had ended") }
        let key = try writer.signingKey(
            recordCount: place.recordCount, "written before its writer was a member")
        return ManifestAuthority(key: key, role: writer.role)
    }

    /// How many records of this roster a writer knew whose own chain is `chain`; nil for one that is a fork.
    ///
    /// A chain may end in records that its writer had made and that others then displaced: the keys that its
    /// device had there say how far it counts.
    public func recordCount(known chain: [[UInt8]], by device: DeviceID) -> Int? {
        let common = zip(chain, records).prefix { $0 == $1.bytes }.count
        guard common < chain.count else { return chain.isEmpty ? nil : chain.count }
        do throws(KeyError) {
            let other = try Roster(verifying: chain)
            let writer = member(device) ?? former.first { $0.id == device }
            guard other.vaultID == vaultID,
                other.records.dropFirst(common).allSatisfy({ $0.author == device }),
                let key = other.member(device)?.keys.signing
            else { return nil }
            return writer?.signingKeys.first { $0.key == key }.map { Int(clamping: $0.since) }
        } catch { return nil }
    }

    /// The Ed25519 key under which a statement on how fresh a database is counts: only a present member
    /// vouches whose role makes backups.
    ///
    /// Nobody can order statements of a removed device against its removal, so they end with it.
    ///
    /// - Parameter recordCount: how many records of the roster the device knew.
    /// - Throws: `integrityFailure` with the reason, without a subject.
    public func statementKey(
        of device: DeviceID, incarnation: UInt32, recordCount: Int
    ) throws(KeyError) -> [UInt8] {
        guard let member = member(device) else {
            throw Roster.void(
                former.contains { $0.id == device }
                    ? "by a device that was removed from the vault" : "by an unknown device")
        }
        guard member.role.backsUp else {
            throw Roster.void("by a device whose role (\(member.role.name)) vouches for nothing")
        }
        guard member.incarnations.contains(incarnation) else {
            throw Roster.void("by an incarnation that the roster does not know")
        }
        return try member.signingKey(recordCount: recordCount, "from before its device was a member")
    }

    /// Why a member's backups do not count.
    public static func makesNoBackups(_ role: MemberRole) -> String {
        "its writer's role (\(role.name)) makes no backups"
    }

    fileprivate static func void(_ reason: String) -> KeyError { KeyError(.integrityFailure, reason) }
}

extension Roster.Member {
    /// The key that would sign the record after the last that the device knew.
    fileprivate func signingKey(recordCount: Int, _ reason: String) throws(KeyError) -> [UInt8] {
        let next = UInt64(recordCount)
        guard let era = signingKeys.last(where: { $0.since <= next }) else { throw Roster.void(reason) }
        return era.key
    }
}

extension ManifestPlace {
    fileprivate func isCovered(by pin: Pin) -> Bool {
        sequence < pin.sequence || (sequence == pin.sequence && hash == pin.hash)
    }
}
