import Cryptography

extension Roster {
    /// When an epoch began, in milliseconds since 1970 by its author's clock; nil for one that is not there.
    public func epochTime(_ epoch: UInt32) -> UInt64? {
        records.first { $0.body.newEpoch?.number == epoch }?.time
    }

    /// The epoch that the removal of a device began; nil for one that was not removed.
    public func removalEpoch(of device: DeviceID) -> UInt32? {
        for record in records.reversed() {
            if case .remove(device, _, let epoch) = record.body { return epoch.number }
        }
        return nil
    }

    /// Opens every epoch from the chain alone with a key that the newest one is sealed to.
    ///
    /// Each epoch must be the one its record commits to, with the backup key derived from it.
    func openEpochs(with key: borrowing AgreementKey, as id: DeviceID) throws(KeyError) -> [EpochKey] {
        let newest = epochs[epochs.count - 1]
        return try epochs(
            upTo: orKeyError(.invalidRoster, "epoch \(epochs.count)") { () throws(CryptoError) in
                try newest.record.open(with: key, as: id, vault: vaultID, prevHash: newest.prevHash)
            })
    }

    /// Opens every epoch with the key of a member, from the box of its `add` as long as no epoch began since.
    func openEpochs(with key: borrowing AgreementKey, ofMember id: DeviceID) throws(KeyError) -> [EpochKey] {
        for record in records.reversed() {
            guard case .add(let addition) = record.body, addition.keys.id == id else { continue }
            guard addition.epoch == currentEpoch else { break }
            let newest = epochs[epochs.count - 1].record
            return try epochs(
                upTo: orKeyError(.invalidRoster, "epoch \(addition.epoch)") { () throws(CryptoError) in
                    let secret = try SealedBox.open(
                        addition.box, with: key, ephemeralPublicKey: addition.ephemeral,
                        salt: vaultID.bytes, info: NewEpoch.info(addition.epoch, id, record.prevHash))
                    return try newest.checked(EpochKey(number: addition.epoch, secret: secret), vaultID)
                })
        }
        return try openEpochs(with: key, as: id)
    }

    /// The newest epoch and all that it leads to, oldest first.
    private func epochs(upTo newest: EpochKey) throws(KeyError) -> [EpochKey] {
        var opened = [newest]
        for index in (0..<epochs.count - 1).reversed() {
            let (older, newer) = (epochs[index].record, epochs[index + 1].record)
            let above = opened[opened.count - 1]
            let below = try orKeyError(.invalidRoster, "epoch \(index + 1)") { () throws(CryptoError) in
                try older.checked(newer.openPrevious(under: above, vaultID), vaultID)
            }
            opened.append(below)
        }
        return opened.reversed()
    }
}
