internal import GRDB

/// What a restored home starts with.
public struct RestoredState: Sendable, Equatable {
    /// Ids of the tasks whose claims were ended; they are ready to be claimed again.
    public var droppedLeases: [String] = []
}

extension WriteTransaction {
    /// Ends what must not outlive a restore, and writes into the log what was restored.
    ///
    /// A claim belongs to a worker that may have gone on in the state that is no more: its token must fence
    /// nothing here.
    public func settleAfterRestore(backup: String, createdAt: Timestamp) throws -> RestoredState {
        let ids = try String.fetchAll(
            db, sql: "SELECT id FROM task WHERE lease_token IS NOT NULL ORDER BY row")
        for id in ids {
            try db.execute(
                sql: """
                    UPDATE task SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL
                    WHERE id = ?
                    """,
                arguments: [id])
            try update(.task, id: id, Self.backToPending + [TaskField.assignedTo(nil as String?)])
        }
        var line = LogDraft(.warning, component: "backup", "the vault was restored from a backup")
        line.fields["backup"] = .string(backup)
        line.fields["backup_created_at"] = .string(createdAt.description)
        line.fields["leases_dropped"] = .integer(Int64(ids.count))
        try log(line)
        return RestoredState(droppedLeases: ids)
    }
}
