/// The one form of a record's state in bytes (docs/FORMAT.md, "State root"): equal states have equal bytes,
/// and no two states share them. Overwritten values are history and not part of it.
extension RecordState {
    /// Deterministic.
    public func canonicalBytes() -> [UInt8] {
        var out: [UInt8] = []
        FieldCodec.put(UInt64(key.collection), into: &out)
        FieldCodec.put(.text(key.id), into: &out)
        if let purge {
            out.append(Kind.purged.rawValue)
            purge.put(into: &out)
            return out
        }
        guard let dot else {
            out.append(Kind.unborn.rawValue)
            return out
        }
        out.append(Kind.alive.rawValue)
        dot.origin.put(into: &out)
        FieldCodec.put(.integer(dot.counter), into: &out)
        for field in fields {
            let (winner, candidates) = (winner(field), candidates(field.number))
            guard winner != nil || !candidates.isEmpty else { continue }
            FieldCodec.put(UInt64(field.number), into: &out)
            FieldCodec.put(UInt64(candidates.count) << 1 | (winner == nil ? 0 : 1), into: &out)
            winner?.put(into: &out)
            for candidate in candidates { candidate.put(into: &out) }
        }
        return out
    }

    /// The state that has these bytes, without the history that led to it.
    /// - Throws: `integrity_failure` for bytes that `canonicalBytes` doesn't make.
    public init(canonical bytes: [UInt8]) throws {
        var reader = FieldCodec.Reader(bytes: bytes)
        guard let collection = UInt32(exactly: try reader.number()), case .text(let id) = try reader.value()
        else { throw FieldCodec.Reader.malformed }
        self.init(RecordKey(collection, id))
        switch Kind(rawValue: try reader.byte()) {
        case .unborn?: break
        case .purged?:
            let register = try Register(&reader)
            apply(
                [FieldChange(Collection.purgedField, register.value)],
                dot: Dot(origin: register.origin, counter: 0), stamp: register.stamp, origin: register.origin)
        case .alive?:
            let origin = try Origin(&reader)
            guard case .integer(let counter) = try reader.value() else { throw FieldCodec.Reader.malformed }
            let dot = Dot(origin: origin, counter: counter)
            apply([], dot: dot, stamp: HybridTime(rawValue: 0), origin: origin)
            while !reader.atEnd { try readField(&reader, dot) }
        case nil: throw FieldCodec.Reader.malformed
        }
        guard canonicalBytes() == bytes else { throw FieldCodec.Reader.malformed }
    }

    private mutating func readField(_ reader: inout FieldCodec.Reader, _ dot: Dot) throws {
        guard let number = UInt32(exactly: try reader.number()), number != Collection.purgedField
        else { throw FieldCodec.Reader.malformed }
        let counts = try reader.number()
        for index in 0..<(counts >> 1 + counts & 1) {
            let register = try Register(&reader)
            apply(
                [FieldChange(number, register.value)], dot: dot, stamp: register.stamp,
                origin: register.origin)
            guard index > 0 || counts & 1 == 0 else { continue }
            let write = FieldWrite(
                key: key, origin: register.origin, stamp: register.stamp, fields: [number])
            apply(Verdict(write, settles: false))
        }
    }

    private enum Kind: UInt8 { case unborn, alive, purged }
}

extension Register {
    fileprivate func put(into out: inout [UInt8]) {
        FieldCodec.put(.integer(stamp.rawValue), into: &out)
        origin.put(into: &out)
        FieldCodec.put(value, into: &out)
    }

    fileprivate init(_ reader: inout FieldCodec.Reader) throws {
        guard case .integer(let stamp) = try reader.value() else { throw FieldCodec.Reader.malformed }
        let origin = try Origin(&reader)
        self.init(try reader.value(), stamp: HybridTime(rawValue: stamp), origin: origin)
    }
}

extension Origin {
    fileprivate func put(into out: inout [UInt8]) {
        FieldCodec.put(.blob(device), into: &out)
        FieldCodec.put(UInt64(incarnation), into: &out)
    }

    fileprivate init(_ reader: inout FieldCodec.Reader) throws {
        guard case .blob(let device) = try reader.value(),
            let incarnation = UInt32(exactly: try reader.number())
        else { throw FieldCodec.Reader.malformed }
        self.init(device: device, incarnation: incarnation)
    }
}
