/// What a checkpoint holds of one record: of everything that was ever written to it no more than what decides
/// how it looks, now and after whatever may still come.
public struct RecordImage: Sendable, Hashable {
    /// What one transaction wrote into some of the record's fields.
    public struct Write: Sendable, Hashable {
        public let stamp: HybridTime
        public let origin: Origin
        /// Whether a verdict keeps these values from counting and nobody has settled them yet.
        public let isCandidate: Bool
        /// By rising number.
        public fileprivate(set) var fields: [FieldChange]

        public init(stamp: HybridTime, origin: Origin, isCandidate: Bool, fields: [FieldChange]) {
            self.stamp = stamp
            self.origin = origin
            self.isCandidate = isCandidate
            self.fields = fields
        }

        fileprivate func precedes(_ other: Write) -> Bool {
            if (stamp, origin) != (other.stamp, other.origin) {
                return (stamp, origin) < (other.stamp, other.origin)
            }
            return !isCandidate && other.isCandidate
        }
    }

    public let key: RecordKey
    /// Its birth certificate.
    public let dot: Dot
    /// By stamp, then by origin; candidates behind what counts.
    public let writes: [Write]

    public init(key: RecordKey, dot: Dot, writes: [Write]) {
        self.key = key
        self.dot = dot
        self.writes = writes
    }

    /// The state that the image stands for.
    public var state: RecordState {
        var state = RecordState(key)
        if writes.isEmpty {
            state.apply([], dot: dot, stamp: HybridTime(rawValue: 0), origin: dot.origin)
        }
        for write in writes {
            state.apply(write.fields, dot: dot, stamp: write.stamp, origin: write.origin)
            if write.isCandidate { state.apply(verdict(on: write)) }
        }
        return state
    }

    /// The changes of the log that lead to this state, each with stamp and author of its transaction.
    func changes() -> [(stamp: HybridTime, origin: Origin, change: RecordChange)] {
        func change(_ fields: [FieldChange]) -> RecordChange {
            RecordChange(collection: key.collection, id: key.id, dot: dot, fields: fields)
        }
        guard !writes.isEmpty else { return [(HybridTime(rawValue: 0), dot.origin, change([]))] }
        return writes.flatMap { write in
            [(write.stamp, write.origin, change(write.fields))]
                + (write.isCandidate
                    ? [(write.stamp, write.origin, verdict(on: write).change(dot: dot))] : [])
        }
    }

    private func verdict(on write: Write) -> Verdict {
        let write = FieldWrite(
            key: key, origin: write.origin, stamp: write.stamp, fields: write.fields.map(\.field))
        return Verdict(write, settles: false)
    }
}

extension RecordState {
    /// What a checkpoint must hold of this record.
    ///
    /// Overwritten values are history and left out, except where the value above them may still be demoted:
    /// only one that was stamped ahead of somebody's clock can be, so those later than `limit` are kept with
    /// what lies below.
    /// - Returns: nil for what never was a record.
    public func image(keepingAfter limit: HybridTime) -> RecordImage? {
        guard let dot else { return nil }
        if let purge {
            let fields = [FieldChange(Collection.purgedField, purge.value)]
            let write = RecordImage.Write(
                stamp: purge.stamp, origin: purge.origin, isCandidate: false, fields: fields)
            return RecordImage(key: key, dot: dot, writes: [write])
        }
        var writes: [RecordImage.Write] = []
        for field in fields {
            var kept = Set([winner(field), winner(field, notAfter: limit)].compactMap { $0 })
            kept.formUnion(field.registers.filter { $0.stamp > limit && !isDemoted($0, field.number) })
            let candidates = candidates(field.number)
            for (register, isCandidate) in kept.map({ ($0, false) }) + candidates.map({ ($0, true) }) {
                writes.append(
                    RecordImage.Write(
                        stamp: register.stamp, origin: register.origin, isCandidate: isCandidate,
                        fields: [FieldChange(field.number, register.value)]))
            }
        }
        return RecordImage(key: key, dot: dot, writes: RecordImage.joined(writes))
    }
}

extension RecordImage {
    /// Writes of one transaction as one. Two values that it gave to one field, of which only the larger can
    /// count, do not fit into one and stay two.
    fileprivate static func joined(_ single: [Write]) -> [Write] {
        var joined: [Write] = []
        for write in single.sorted(by: order) {
            if let last = joined.last, !last.precedes(write), !write.precedes(last),
                let field = write.fields.first?.field, last.fields.last?.field ?? 0 < field
            {
                joined[joined.count - 1].fields += write.fields
            } else {
                joined.append(write)
            }
        }
        return joined
    }

    private static func order(_ a: Write, _ b: Write) -> Bool {
        if a.precedes(b) || b.precedes(a) { return a.precedes(b) }
        guard let left = a.fields.first, let right = b.fields.first else { return false }
        if left.field != right.field { return left.field < right.field }
        return left.value.bytes.lexicographicallyPrecedes(right.value.bytes)
    }
}
