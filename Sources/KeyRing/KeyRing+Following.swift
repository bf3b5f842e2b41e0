import Cryptography

/// Records of the roster that others have made.
extension KeyRing {
    /// Takes the next records as the remote has settled them: verified, and with the epochs that they begin
    /// opened for this device. A recovered device's epoch is sealed to others only by the `rotate` that
    /// confirms the members, so records are taken up to the last that leaves this device with every epoch:
    /// perhaps none.
    ///
    /// - Throws: `invalidRoster` for a record that breaks a rule or seals its epoch wrongly, `deviceRevoked`
    /// when one removes this device, `conflict` when another copy of it has changed its keys; nothing is
    /// changed.
    public static func follow(
        _ records: [[UInt8]], in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        var next = keys.state
        let count = try next.follow(records)
        guard count > 0 else { return keys }
        let known = keys.roster.records.count
        return try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            // Another process may have taken some of them since these keys were opened.
            let taken = zip(records.prefix(count), state.roster.chain.dropFirst(known)).prefix { $0 == $1 }
            _ = try state.follow(Array(records.prefix(count).dropFirst(taken.count)))
        }
    }

    /// The keys as `follow` would make them; nothing is stored.
    public static func following(
        _ records: [[UInt8]], keys: UnlockedKeys
    ) throws(KeyError) -> UnlockedKeys {
        var state = keys.state
        let count = try state.follow(records)
        guard count < records.count else { return UnlockedKeys(state, opener: keys.opener) }
        state = keys.state
        _ = try state.follow(Array(records.prefix(count)))
        return UnlockedKeys(state, opener: keys.opener)
    }

    /// Notes that a remote orders the roster, and has this home's records up to one of them: an epoch that
    /// they begin is used from now on.
    public static func settle(
        through sequence: UInt64, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        var next = keys.state
        guard next.settle(through: sequence) else { return keys }
        return try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            _ = state.settle(through: sequence)
        }
    }
}

extension RingState {
    /// Adds records that others made, one after the other, to their end or to the last at which no epoch is
    /// missing.
    ///
    /// - Returns: how many of them leave this device with every epoch.
    mutating func follow(_ records: [[UInt8]]) throws(KeyError) -> Int {
        var complete = 0
        var missing: [NewEpoch] = []
        for (index, bytes) in records.enumerated() {
            let record = try RosterRecord(bytes)
            try roster.append(record)
            guard let member = roster.member(device) else {
                throw KeyError(
                    .deviceRevoked, "this device was removed from the vault",
                    hint: "what is here stays readable here; ask a member to invite it anew")
            }
            guard member.keys == identity.publicKeys else {
                throw KeyError(
                    .conflict, "another copy of this device has changed the device's keys",
                    hint: "what is here stays readable here; ask a member to invite this copy anew")
            }
            if let epoch = record.body.newEpoch {
                missing.append(epoch)
                try open(&missing, prevHash: record.prevHash)
            }
            if missing.isEmpty {
                complete = index + 1
                epochInUse = roster.currentEpoch
            }
        }
        return complete
    }

    /// - Returns: whether that changes anything.
    mutating func settle(through sequence: UInt64) -> Bool {
        let settled = roster.records.prefix { $0.sequence <= sequence }
        let epoch = settled.reversed().lazy.compactMap(\.body.newEpoch?.number).first ?? 1
        let open = roster.records.dropFirst(settled.count).filter { record in
            if case .rekey(self.device, _, _) = record.body { return true }
            return false
        }
        guard !isOrdered || epoch > epochInUse || open.count < formerIdentities.count else { return false }
        isOrdered = true
        epochInUse = max(epoch, epochInUse)
        formerIdentities = Array(formerIdentities.suffix(open.count))
        return true
    }

    /// Opens the newest of the missing epochs if it is sealed to this device, and by it those before.
    private mutating func open(_ missing: inout [NewEpoch], prevHash: [UInt8]) throws(KeyError) {
        guard let newest = missing.last, newest.sealed.contains(where: { $0.id == device }) else { return }
        let vault = vaultID
        var opened = try orKeyError(.invalidRoster, "epoch \(newest.number)") { () throws(CryptoError) in
            [try newest.open(with: identity.agreement, as: device, vault: vault, prevHash: prevHash)]
        }
        for index in missing.indices.reversed() {
            let above = opened[opened.count - 1]
            let below = try orKeyError(.invalidRoster, "epoch \(missing[index].number - 1)") {
                () throws(CryptoError) in
                let key = try missing[index].openPrevious(under: above, vault)
                return index > 0 ? try missing[index - 1].checked(key, vault) : key
            }
            opened.append(below)
        }
        // The last one is this device's newest: else two histories of keys would meet.
        guard let known = epochs.last, let meeting = opened.popLast(),
            ConstantTime.equal(meeting.secret, known.secret)
        else { throw KeyError(.invalidRoster, "epoch \(newest.number) does not follow the one before") }
        epochs += opened.reversed()
        missing = []
    }
}
