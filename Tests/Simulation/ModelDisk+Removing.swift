internal import KeyRing
internal import Sync
internal import Vault

/// Removals as a simulated device makes and learns of them.
extension ModelDisk {
    /// Whether this device is still a member, as far as it knows.
    func isMember(_ device: DeviceID) -> Bool { roster.life(of: device) != nil }

    /// Removes a device: of what it wrote counts what is here.
    mutating func remove(_ device: DeviceID) {
        take(roster.removing(device, pins: pins(of: device, staying: false), by: state.author.device))
    }

    /// Lets a device do less, or more again.
    mutating func limit(_ device: DeviceID) {
        let isLimited = !roster.isLimited(device)
        let pins = isLimited ? pins(of: device, staying: true) : []
        take(roster.limiting(device, isLimited, pins: pins, by: state.author.device))
    }

    /// Begins a new epoch.
    mutating func rotate() { take(roster.rotating(by: state.author.device)) }

    private func pins(of device: DeviceID, staying: Bool) -> [Observation] {
        state.positions.compactMap { lane, position in
            lane.author.device == device && position.sequence > 0
                && (!staying || roster.pin(of: lane) == nil)
                ? Observation(lane: lane, position: position) : nil
        }
    }

    private mutating func take(_ longer: ModelRoster) {
        roster = longer
        let before = state
        state.adopt(roster)
        cutToPositions()
        unsealLogs(since: before)
    }

    /// Sets aside what this device has written, not sealed, and may not write any more.
    mutating func dropForbidden() {
        let device = state.author.device
        let forbidden = log.indices.filter { index in
            log[index].sealedIn == nil
                && log[index].batch.changes.contains { roster.forbids($0, by: device) }
        }
        guard !forbidden.isEmpty else { return }
        for index in forbidden.reversed() { setAside.insert(Self.identity(log.remove(at: index).batch)) }
        refold()
    }

    /// What a new epoch has taken back of the log.
    mutating func unsealLogs(since before: SyncState) {
        let dropped = before.logs.outbox.count - state.logs.outbox.count
        guard before.author == state.author, dropped > 0, waitingLines.count >= dropped else { return }
        sealedLines = waitingLines[waitingLines.count - dropped] - 1
        waitingLines.removeLast(dropped)
    }
}
