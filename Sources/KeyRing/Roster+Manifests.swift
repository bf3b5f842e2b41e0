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
    /// The Ed25519 key that must have signed a manifest at that place, if one there counts at all.
    ///
    /// Backups of owners, admins and writers count, up to where a pin ends an incarnation. Of who was removed
    /// or lost that role only those count that the record which did so has pinned: everything later may have
    /// been made over whatever the device pleased.
    ///
    /// - Throws: `integrityFailure` with the reason, without a subject ("an unknown writer").
    public func manifestKey(at place: ManifestPlace) throws(KeyError) -> [UInt8] {
        let present = member(place.device)
        guard let writer = present ?? former.first(where: { $0.id == place.device }) else {
            throw Roster.void("an unknown writer")
        }
        guard writer.incarnations.contains(place.incarnation) else {
            throw Roster.void("an incarnation that the roster does not know")
        }
        let pins = writer.pins.filter { $0.kind == .manifests && $0.incarnation == place.incarnation }
        let isBeforeItsEnd = pins.allSatisfy { place.isCovered(by: $0) }
        if present?.role.backsUp != true {
            let kept = writer.kept.contains { $0.kind == .manifests && $0.incarnation == place.incarnation }
            guard kept, isBeforeItsEnd else {
                throw Roster.void(
                    present == nil
                        ? "written by a device after it was removed from the vault"
                        : "its writer's role (\(writer.role.name)) makes no backups")
            }
        }
        guard isBeforeItsEnd else { throw Roster.void("written after its incarnation had ended") }
        // The key that would sign the record after the last that the writer knew.
        let next = UInt64(place.recordCount)
        guard let era = writer.signingKeys.last(where: { $0.since <= next }) else {
            throw Roster.void("written before its writer was a member")
        }
        return era.key
    }

    private static func void(_ reason: String) -> KeyError { KeyError(.integrityFailure, reason) }
}

extension ManifestPlace {
    fileprivate func isCovered(by pin: Pin) -> Bool {
        sequence < pin.sequence || (sequence == pin.sequence && hash == pin.hash)
    }
}
