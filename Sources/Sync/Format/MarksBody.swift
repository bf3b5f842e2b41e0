internal import Cryptography
public import Vault

/// What the list of objects to be removed says inside its encryption: blobs' objects that nothing names any
/// more, in groups that were found together.
public struct MarksBody: Sendable, Hashable {
    /// The groups, as they were found.
    public var groups: [Group]

    /// Objects that were found together.
    public struct Group: Sendable, Hashable {
        /// When they were marked, or when their removal began; milliseconds since 1970.
        public var since: UInt64
        /// Whether they are being removed.
        public var isGoing: Bool
        /// What the one who marked them had applied by then.
        public var vector: [Observation]
        /// The last parts of their names, in order.
        public var names: [String]

        /// Objects that nothing names at a vector.
        public init(since: UInt64, isGoing: Bool, vector: [Observation], names: [String]) {
            self.since = since
            self.isGoing = isGoing
            self.vector = vector
            self.names = names
        }
    }

    /// A list.
    public init(groups: [Group]) { self.groups = groups }

    /// The most objects that are marked at a time.
    static let nameLimit = 1 << 16
    private static let groupLimit = 1 << 12
    private static let nameCount = 32

    /// The canonical bytes.
    public var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.count(groups.count)
        for group in groups {
            writer.u64(group.since)
            writer.u8(group.isGoing ? 2 : 1)
            group.vector.encode(into: &writer)
            writer.count(group.names.count)
            for name in group.names { writer.string(name) }
        }
        return writer.bytes
    }

    /// - Throws: `integrity` for bytes that `encoded` doesn't make.
    public init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            groups = []
            for _ in 0..<(try reader.count(limit: Self.groupLimit, elementCount: 17)) {
                let since = try reader.u64()
                let isGoing = try reader.u8() == 2
                let vector = try [Observation](from: &reader)
                var names: [String] = []
                for _ in 0..<(try reader.count(limit: Self.nameLimit, elementCount: 4 + Self.nameCount)) {
                    names.append(try reader.string(limit: Self.nameCount))
                }
                groups.append(Group(since: since, isGoing: isGoing, vector: vector, names: names))
            }
            try reader.expectEnd()
        } catch { throw .integrity(name, error.message) }
        guard encoded == bytes else { throw .integrity(name, "it is not canonical") }
    }
}
