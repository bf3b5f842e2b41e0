internal import KeyRing
internal import Sync
internal import Vault

/// Removals as a simulated device makes and learns of them.
extension ModelDisk {
    /// Whether this device is still a member, as far as it knows.
    func isMember(_ device: DeviceID) -> Bool { roster.life(of: device) != nil }

    /// Removes a device: of what it wrote counts what is here.
    mutating func remove(_ device: DeviceID) {
        let pins = state.positions.compactMap { lane, position in
            lane.author.device == device && position.sequence > 0
                ? Observation(lane: lane, position: position) : nil
        }
        roster = roster.removing(device, pins: pins, by: state.author.device)
        let before = state
        state.adopt(roster)
        cutToPositions()
        unsealLogs(since: before)
    }

    /// Makes the removals anew that another record has displaced, where they still make sense.
    func redoing(_ removals: [(device: DeviceID, pins: [Observation])], on roster: ModelRoster) -> ModelRoster
    {
        removals.reduce(roster) { roster, removal in
            let own = state.author.device
            guard roster.life(of: removal.device) != nil, roster.life(of: own) != nil else { return roster }
            return roster.removing(removal.device, pins: removal.pins, by: own)
        }
    }

    /// What a new epoch has taken back of the log.
    mutating func unsealLogs(since before: SyncState) {
        let dropped = before.logs.outbox.count - state.logs.outbox.count
        guard before.author == state.author, dropped > 0, waitingLines.count >= dropped else { return }
        sealedLines = waitingLines[waitingLines.count - dropped] - 1
        waitingLines.removeLast(dropped)
    }
}
