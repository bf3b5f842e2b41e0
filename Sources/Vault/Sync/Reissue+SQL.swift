internal import GRDB

extension WriteTransaction {
    /// Takes over transactions that a former life of this device has sent and that count no longer. What of
    /// them this vault does not hold waits to be sealed in the present life, under its old stamps.
    ///
    /// - Parameters:
    ///   - batches: those of one segment.
    ///   - stream: the segment's; of what is held only changes of this stream are compared.
    public func reissue(_ batches: [ChangeBatch], in stream: UInt16) throws {
        let missing = try batches.filter { try !holds($0, stream) }
        if !missing.isEmpty { try apply(missing) }
        try noteBlobs(in: missing)
    }

    /// Two copies of a device may have given one stamp twice, so the changes are compared too.
    private func holds(_ batch: ChangeBatch, _ stream: UInt16) throws -> Bool {
        let sequences = try Int64.fetchAll(
            db, sql: "SELECT seq FROM change_batch WHERE stamp = ? AND origin = ?",
            arguments: [batch.stamp.rawValue, origins.number(db, of: batch.origin)])
        return try sequences.contains { sequence in
            let held = try changes(after: sequence - 1, limit: 1).first?.changes ?? []
            return held.filter { SyncStream.of($0) == stream } == batch.changes
        }
    }
}
