/// Epochs that are no longer accepted. They stay derivable: history and old backups need them.
extension Roster {
    /// Whether an epoch was retired.
    public func isRetired(_ epoch: UInt32) -> Bool { retirements.contains { $0.through >= epoch } }

    /// Whether an object counts that is under `epoch`, and whose author knew the records up to `sequence`.
    public func accepts(epoch: UInt32, knowing sequence: UInt64) -> Bool {
        !retirements.contains { $0.through >= epoch && $0.sequence <= sequence }
    }

    /// Whether the database of a device may hold pages that are under `epoch`. A restore from a backup brings
    /// back pages of that time, which count until the epoch is retired once more.
    public func acceptsPages(epoch: UInt32, of device: DeviceID) -> Bool {
        guard let last = retirements.last(where: { $0.through >= epoch }) else { return true }
        return records.dropFirst(Int(last.sequence)).contains { record in
            if case .restored(device, _) = record.body { true } else { false }
        }
    }

    /// Whether some device was restored since an epoch was retired last.
    func isNeededAgain(_ epoch: UInt32) -> Bool {
        members.contains { acceptsPages(epoch: epoch, of: $0.id) }
    }
}

extension KeyRing {
    /// Retires an epoch and those before it, on every device.
    ///
    /// - Throws: `guardRefused` for the newest epoch, one that is retired already, and for a device that may
    ///   not; `notFound` for one that is not there.
    public static func retire(
        epoch: UInt32, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            guard epoch >= 1, epoch <= state.roster.currentEpoch else {
                throw KeyError(.notFound, "this vault has no epoch \(epoch)")
            }
            guard epoch < state.epochInUse else {
                throw KeyError(
                    .guardRefused, "epoch \(epoch) is the one that is written under",
                    hint: "run ai-team key rotate first")
            }
            guard !state.roster.isRetired(epoch) || state.roster.isNeededAgain(epoch) else {
                throw KeyError(.guardRefused, "epoch \(epoch) is retired already")
            }
            guard state.roster.member(state.device)?.role.administers == true else {
                throw KeyError(.guardRefused, "only an owner or admin retires an epoch")
            }
            try state.append(.retire(through: epoch), time: time)
        }
    }
}
