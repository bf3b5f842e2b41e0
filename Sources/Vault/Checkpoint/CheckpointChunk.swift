internal import Cryptography

/// A piece of a checkpoint's content (docs/FORMAT.md, "Checkpoints"): images of records in the order of their
/// keys; and, behind the last, verdicts on values that are not in the images, and what authors had seen when
/// they wrote.
///
/// Origins stand once in a table in front, and each row once for all fields that one transaction wrote, so
/// that a task costs little more than its text.
public enum CheckpointChunk {
    /// What an author had taken over at a time, as `SeenNote` travels.
    public struct Sighting: Sendable, Hashable {
        public let observer: Origin
        public let since: HybridTime
        public let group: SyncGroup
        public let observed: Origin
        public let upTo: HybridTime

        public init(
            observer: Origin, since: HybridTime, group: SyncGroup, observed: Origin, upTo: HybridTime
        ) {
            self.observer = observer
            self.since = since
            self.group = group
            self.observed = observed
            self.upTo = upTo
        }
    }

    /// What a chunk says.
    public struct Content: Sendable, Equatable {
        public var images: [RecordImage] = []
        public var verdicts: [Verdict] = []
        public var sightings: [Sighting] = []

        public init(images: [RecordImage] = [], verdicts: [Verdict] = [], sightings: [Sighting] = []) {
            self.images = images
            self.verdicts = verdicts
            self.sightings = sightings
        }
    }

    /// Bytes of content after which the next chunk begins.
    static let target = 8 << 20
    private static let originLimit: UInt64 = 1 << 16

    /// - Throws: `integrity_failure` for bytes that no writer makes.
    public static func decode(_ bytes: [UInt8]) throws -> Content {
        var reader = FieldCodec.Reader(bytes: bytes)
        let count = try reader.number()
        guard count <= originLimit else { throw FieldCodec.Reader.malformed }
        let origins = try (0..<count).map { _ in
            let device = Array(try reader.take(16))
            guard let incarnation = UInt32(exactly: try reader.number()) else {
                throw FieldCodec.Reader.malformed
            }
            return Origin(device: device, incarnation: incarnation)
        }
        var content = Content()
        for _ in 0..<(try reader.number()) { content.images.append(try image(&reader, origins)) }
        for _ in 0..<(try reader.number()) { content.verdicts.append(try verdict(&reader, origins)) }
        for _ in 0..<(try reader.number()) { content.sightings.append(try sighting(&reader, origins)) }
        guard reader.atEnd, encode(content) == bytes else { throw FieldCodec.Reader.malformed }
        return content
    }

    /// The canonical bytes.
    public static func encode(_ content: Content) -> [UInt8] {
        var writer = CheckpointChunkWriter()
        for image in content.images { writer.add(image) }
        for verdict in content.verdicts { writer.add(verdict) }
        for sighting in content.sightings { writer.add(sighting) }
        return writer.finish()
    }

    private static func image(_ reader: inout FieldCodec.Reader, _ origins: [Origin]) throws -> RecordImage {
        let key = try key(&reader)
        let birth = try origin(try reader.number(), origins)
        guard case .integer(let counter) = try reader.value() else { throw FieldCodec.Reader.malformed }
        let writes = try (0..<(try reader.number())).map { _ in
            guard case .integer(let stamp) = try reader.value() else { throw FieldCodec.Reader.malformed }
            let number = try reader.number()
            let author = try origin(number >> 1, origins)
            let fields = try (0..<(try reader.number())).map { _ in
                FieldChange(try field(&reader), try reader.value())
            }
            return RecordImage.Write(
                stamp: HybridTime(rawValue: stamp), origin: author, isCandidate: number & 1 == 1,
                fields: fields)
        }
        return RecordImage(key: key, dot: Dot(origin: birth, counter: counter), writes: writes)
    }

    private static func verdict(_ reader: inout FieldCodec.Reader, _ origins: [Origin]) throws -> Verdict {
        let key = try key(&reader)
        guard case .integer(let stamp) = try reader.value() else { throw FieldCodec.Reader.malformed }
        let number = try reader.number()
        let author = try origin(number >> 1, origins)
        let fields = try (0..<(try reader.number())).map { _ in try field(&reader) }
        return Verdict(
            FieldWrite(key: key, origin: author, stamp: HybridTime(rawValue: stamp), fields: fields),
            settles: number & 1 == 1)
    }

    private static func key(_ reader: inout FieldCodec.Reader) throws -> RecordKey {
        guard let collection = UInt32(exactly: try reader.number()), case .text(let id) = try reader.value()
        else { throw FieldCodec.Reader.malformed }
        let key = RecordKey(collection, id)
        guard key.isValid, SyncGroup(collection: collection) != nil else { throw FieldCodec.Reader.malformed }
        return key
    }

    private static func field(_ reader: inout FieldCodec.Reader) throws -> UInt32 {
        guard let field = UInt32(exactly: try reader.number()) else { throw FieldCodec.Reader.malformed }
        return field
    }

    private static func sighting(_ reader: inout FieldCodec.Reader, _ origins: [Origin]) throws -> Sighting {
        let observer = try origin(try reader.number(), origins)
        guard case .integer(let since) = try reader.value(),
            let group = SyncGroup(rawValue: try reader.byte())
        else { throw FieldCodec.Reader.malformed }
        let observed = try origin(try reader.number(), origins)
        guard case .integer(let upTo) = try reader.value() else { throw FieldCodec.Reader.malformed }
        return Sighting(
            observer: observer, since: HybridTime(rawValue: since), group: group, observed: observed,
            upTo: HybridTime(rawValue: upTo))
    }

    private static func origin(_ index: UInt64, _ origins: [Origin]) throws -> Origin {
        guard index < UInt64(origins.count) else { throw FieldCodec.Reader.malformed }
        return origins[Int(index)]
    }
}

/// Writes a chunk record by record, so that no more than its bytes are held.
struct CheckpointChunkWriter {
    private var origins: [Origin] = []
    private var places: [Origin: UInt64] = [:]
    private var images: [UInt8] = []
    private var imageCount: UInt64 = 0
    private var verdicts: [UInt8] = []
    private var verdictCount: UInt64 = 0
    private var sightings: [UInt8] = []
    private var sightingCount: UInt64 = 0

    /// Bytes so far.
    var count: Int { images.count + verdicts.count + sightings.count }

    mutating func add(_ image: RecordImage) {
        imageCount += 1
        FieldCodec.put(UInt64(image.key.collection), into: &images)
        FieldCodec.put(.text(image.key.id), into: &images)
        FieldCodec.put(place(of: image.dot.origin), into: &images)
        FieldCodec.put(.integer(image.dot.counter), into: &images)
        FieldCodec.put(UInt64(image.writes.count), into: &images)
        for write in image.writes {
            FieldCodec.put(.integer(write.stamp.rawValue), into: &images)
            FieldCodec.put(place(of: write.origin) << 1 | (write.isCandidate ? 1 : 0), into: &images)
            FieldCodec.put(UInt64(write.fields.count), into: &images)
            for field in write.fields {
                FieldCodec.put(UInt64(field.field), into: &images)
                FieldCodec.put(field.value, into: &images)
            }
        }
    }

    mutating func add(_ verdict: Verdict) {
        verdictCount += 1
        FieldCodec.put(UInt64(verdict.write.key.collection), into: &verdicts)
        FieldCodec.put(.text(verdict.write.key.id), into: &verdicts)
        FieldCodec.put(.integer(verdict.write.stamp.rawValue), into: &verdicts)
        FieldCodec.put(place(of: verdict.write.origin) << 1 | (verdict.settles ? 1 : 0), into: &verdicts)
        FieldCodec.put(UInt64(verdict.write.fields.count), into: &verdicts)
        for field in verdict.write.fields { FieldCodec.put(UInt64(field), into: &verdicts) }
    }

    mutating func add(_ sighting: CheckpointChunk.Sighting) {
        sightingCount += 1
        FieldCodec.put(place(of: sighting.observer), into: &sightings)
        FieldCodec.put(.integer(sighting.since.rawValue), into: &sightings)
        sightings.append(sighting.group.rawValue)
        FieldCodec.put(place(of: sighting.observed), into: &sightings)
        FieldCodec.put(.integer(sighting.upTo.rawValue), into: &sightings)
    }

    consuming func finish() -> [UInt8] {
        var out: [UInt8] = []
        FieldCodec.put(UInt64(origins.count), into: &out)
        for origin in origins {
            out.append(contentsOf: origin.device)
            FieldCodec.put(UInt64(origin.incarnation), into: &out)
        }
        FieldCodec.put(imageCount, into: &out)
        out.append(contentsOf: images)
        FieldCodec.put(verdictCount, into: &out)
        out.append(contentsOf: verdicts)
        FieldCodec.put(sightingCount, into: &out)
        out.append(contentsOf: sightings)
        return out
    }

    private mutating func place(of origin: Origin) -> UInt64 {
        if let known = places[origin] { return known }
        let place = UInt64(origins.count)
        places[origin] = place
        origins.append(origin)
        return place
    }
}
