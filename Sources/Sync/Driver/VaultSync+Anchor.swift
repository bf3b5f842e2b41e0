internal import KeyRing
internal import ObjectStorage
internal import Vault

/// How new the database is, compared with what this device's own head in the remote has seen of it.
extension VaultSync {
    /// How new the database is.
    func anchor(_ transaction: ReadTransaction) throws -> HeadBody.Anchor {
        guard let state = try vault.newestState(transaction) else { return .none }
        return HeadBody.Anchor(
            counter: state.counter, root: state.root, changeSequence: state.lastChange)
    }

    /// After a round that met another copy of this device: a home that was put back looks like one, and its
    /// own head tells that there was a newer database. The heads of others say how far this device's lanes
    /// went, and nothing of its database.
    ///
    /// - Parameter newest: how new the database was when the round began.
    func compareOwnHead(
        with newest: HeadBody.Anchor, in store: any ObjectStore, _ report: inout SyncReport
    ) throws {
        guard let author = report.alarms.first(where: { $0.kind == .cloned })?.author else { return }
        let name = "h/\(author)"
        var alarm: SyncAlarm?
        do throws(SyncError) {
            alarm = try ownHead(of: author, in: store, name: name).flatMap { newest.objection(to: $0) }
                .map { SyncAlarm(.rollback, name, by: author, $0) }
        } catch {
            guard error.code == .integrityFailure else {
                report.failure = report.failure ?? error
                return
            }
            alarm = SyncAlarm(.tampered, name, by: author, error.message)
        }
        guard let alarm else { return }
        try raise([alarm])
        report.alarms.insert(alarm, at: 0)
        guard alarm.kind == .rollback, report.failure.map({ $0.code == .conflict }) ?? true else { return }
        report.failure = SyncError(
            .rollback, "\(alarm)",
            hint: "what the newer database had sent comes back with the next rounds; what it had not sent is "
                + "in its backups, where there are any")
    }

    /// - Returns: what it has seen of the database; nil when nothing stands there.
    private func ownHead(
        of author: Author, in store: any ObjectStore, name: String
    ) throws(SyncError) -> HeadBody.Anchor? {
        let bytes: [UInt8]
        switch SyncRunner.get(
            SyncName.head(author), of: keys.vaultID, limit: SyncMachine.headLimit, at: store)
        {
        case .object(let found, _): bytes = found
        case .failed(let code, let message): throw SyncError(code, message)
        case .tooLong: throw .integrity(name, "it is larger than any can be")
        case .absent, .unchanged, .stored, .lost: return nil
        }
        let object = try SignedObject(bytes, name: name)
        let judge = SyncMachine(state: state, membership: membership, reader: reader)
        guard case .known = judge.knowledge(of: object.header),
            object.header.lane == Lane(author: author, stream: 0)
        else { throw .integrity(name, "it belongs elsewhere") }
        return try HeadBody(judge.open(object, as: .head, name: name), name: name).anchor
    }
}

extension HeadBody.Anchor {
    /// Why a database of this state can't be the one that an own head has seen; nil when it may be. An own
    /// head can't have seen a newer one.
    func objection(to seen: HeadBody.Anchor) -> String? {
        guard seen != .none, self != .none else { return nil }
        let isOther = counter == seen.counter && root != seen.root
        guard isOther || counter < seen.counter || changeSequence < seen.changeSequence else { return nil }
        return
            "it has seen state \(seen.counter) and change \(seen.changeSequence) of the database, here are "
            + "\(counter) and \(changeSequence): this one is older and was put back, or a copy went on"
    }
}
