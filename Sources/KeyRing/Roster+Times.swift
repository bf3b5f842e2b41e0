extension Roster {
    /// When an epoch began, in milliseconds since 1970 by its author's clock; nil for one that is not there.
    public func epochTime(_ epoch: UInt32) -> UInt64? {
        records.first { $0.body.newEpoch?.number == epoch }?.time
    }
}
