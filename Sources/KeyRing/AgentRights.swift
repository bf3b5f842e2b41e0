public import Cryptography

/// What a member of the role agent may write: for each collection of records which operations.
///
/// A list in the record that gives the role; every replica holds each change of an agent against it.
///
///     count u32 (at most 32) ‖ (collection u32 ‖ operations u8) each, sorted by collection, none twice
public struct AgentRights: Sendable, Hashable {
    /// What is done to a record.
    public struct Operations: OptionSet, Sendable, Hashable {
        /// The bits, as they stand in the record.
        public let rawValue: UInt8

        /// Operations by their bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Making one, and changing its fields: nothing tells the two apart on every replica alike.
        public static let write = Operations(rawValue: 1)
        /// Putting one into the trash, and taking it out.
        public static let delete = Operations(rawValue: 2)

        /// All that there are. Removing for good is no agent's.
        static let all: Operations = [.write, .delete]
    }

    /// The operations by the number of the collection.
    public let operations: [UInt32: Operations]

    /// Documents and their versions: no agent deletes from the knowledge base.
    static let undeletable: Set<UInt32> = [5, 6]
    private static let limit = 32
    private static let encodedCount = 5

    /// Rights to do these operations.
    ///
    /// - Throws: `guardRefused` for what no agent may do.
    public init(_ operations: [UInt32: Operations]) throws(KeyError) {
        guard AgentRights.isAcceptable(operations) else {
            throw KeyError(
                .guardRefused, "no agent may delete from the knowledge base, or nothing at all",
                hint: "name collections with the operations write and delete")
        }
        self.operations = operations
    }

    private static func isAcceptable(_ operations: [UInt32: Operations]) -> Bool {
        operations.count <= limit
            && operations.allSatisfy { collection, allowed in
                !allowed.isEmpty && Operations.all.isSuperset(of: allowed)
                    && !(allowed.contains(.delete) && undeletable.contains(collection))
            }
    }

    /// What an agent gets unless somebody says otherwise: tasks with their links and comments, and adding to
    /// the knowledge base.
    public static let standard = AgentRights(
        known: [1: .write, 2: [.write, .delete], 3: .write, 5: .write, 6: .write])

    private init(known: [UInt32: Operations]) { operations = known }

    /// Whether an operation on a record of a collection is allowed.
    public func allows(_ operation: Operations, of collection: UInt32) -> Bool {
        operations[collection]?.contains(operation) ?? false
    }

    /// Writes the canonical list.
    public func encode(into writer: inout CanonicalWriter) {
        writer.count(operations.count)
        for (collection, allowed) in operations.sorted(by: { $0.key < $1.key }) {
            writer.u32(collection)
            writer.u8(allowed.rawValue)
        }
    }

    /// Reads the canonical list.
    ///
    /// - Throws: `malformed` for one that is not, and for rights that no agent can have.
    public init(from reader: inout CanonicalReader) throws(CryptoError) {
        var operations: [UInt32: Operations] = [:]
        var last: UInt32?
        for _ in 0..<(try reader.count(limit: Self.limit, elementCount: Self.encodedCount)) {
            let collection = try reader.u32()
            guard last.map({ $0 < collection }) ?? true else {
                throw CryptoError(.malformed, "an agent's rights are not sorted")
            }
            last = collection
            operations[collection] = Operations(rawValue: try reader.u8())
        }
        guard AgentRights.isAcceptable(operations) else {
            throw CryptoError(.malformed, "an agent has rights that no agent can have")
        }
        self.operations = operations
    }
}
