/// A value that a field was given once. Registers of a field sort by stamp, then device, then the value's
/// bytes: the last one counts. The incarnation only makes the order whole.
public struct Register: Sendable, Hashable, Comparable {
    public let stamp: HybridTime
    public let origin: Origin
    public let value: FieldValue

    public init(_ value: FieldValue, stamp: HybridTime, origin: Origin) {
        self.stamp = stamp
        self.origin = origin
        self.value = value
    }

    public static func < (a: Register, b: Register) -> Bool {
        if a.stamp != b.stamp { return a.stamp < b.stamp }
        if a.origin.device != b.origin.device {
            return a.origin.device.lexicographicallyPrecedes(b.origin.device)
        }
        let (left, right) = (a.value.bytes, b.value.bytes)
        if left != right { return left.lexicographicallyPrecedes(right) }
        return a.origin.incarnation < b.origin.incarnation
    }

    /// By bytes: two texts that only look alike are two values, and a real that is no number equals itself.
    public static func == (a: Register, b: Register) -> Bool {
        a.stamp == b.stamp && a.origin == b.origin && a.value.bytes == b.value.bytes
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(stamp)
        hasher.combine(origin)
        hasher.combine(value.bytes)
    }
}

extension FieldValue {
    /// Its type and itself, as the change log holds them.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        FieldCodec.put(self, into: &out)
        return out
    }
}
