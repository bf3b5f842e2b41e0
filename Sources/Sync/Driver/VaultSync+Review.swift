public import KeyRing
public import ObjectStorage
internal import Vault

/// What a removed device has in the remote above where the roster ended it.
extension VaultSync {
    /// Segments of one lane that are looked at, at most: whoever was removed may have filled the remote.
    private static let reviewLimit = 4096

    /// Fetches it and keeps it, so that a person can look at it (`ReadTransaction.voidChanges`). Nothing of
    /// it counts by that.
    ///
    /// A lane is followed to its end, or to the first object that the device has not signed.
    ///
    /// - Returns: what can't be believed.
    public func fetchVoid(of device: DeviceID, from store: any ObjectStore) throws -> [SyncError] {
        guard let member = keys.roster.former.last(where: { $0.id == device }) else { return [] }
        var problems: [SyncError] = []
        for life in member.incarnations {
            for stream in SyncStream.all {
                let lane = Lane(author: Author(device: device, incarnation: life), stream: stream)
                do { try fetchVoid(in: lane, from: store) } catch let error as SyncError {
                    problems.append(error)
                }
            }
        }
        return problems
    }

    private func fetchVoid(in lane: Lane, from store: any ObjectStore) throws {
        let judge = SyncMachine(state: state, membership: membership, reader: reader)
        let end = membership.pin(of: lane)?.sequence ?? 0
        for number in (end + 1)..<(end + 1 + UInt64(Self.reviewLimit)) {
            let place = SyncName.segment(lane, number)
            let bytes: [UInt8]
            do {
                bytes = try store.read(place.objectName(vault: keys.vaultID), limit: SyncMachine.segmentLimit)
            } catch let error as StorageError {
                guard error.code == .notFound else { throw error }
                return
            }
            let name = "s/\(lane)/\(number)"
            let object = try SignedObject(bytes, name: name)
            guard object.header.lane == lane, object.header.sequence == number else {
                throw SyncError.integrity(name, "it belongs elsewhere")
            }
            guard case .known = judge.knowledge(of: object.header) else {
                throw SyncError.integrity(name, "it names a roster record that is missing or another one")
            }
            let content = try judge.open(object, as: .segment, name: name)
            let batches = try OpBatch.decode(content, by: lane.author, name: name)
            try vault.write(actor: "sync") {
                try $0.keepVoid(batches, of: lane, in: number, because: Self.sentTooLate)
            }
        }
    }
}
