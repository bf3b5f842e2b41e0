internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// The blocks of a space one after the other, so that memory stays small however many there are.
    ///
    /// - Parameters:
    ///   - known: generations of blocks that need not be read.
    ///   - body: gets the block's number, generation and bytes; no bytes for a block that is known.
    package func eachVectorBlock(
        _ space: VectorSpace, known: [Int: Int64] = [:],
        _ body: (_ block: Int, _ generation: Int64, UnsafeRawBufferPointer?) throws -> Void
    ) throws {
        let ids = VectorIndex.ids(of: space.id)
        let list = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT id, generation FROM vector_block WHERE id BETWEEN ? AND ?"),
            arguments: [ids.lowerBound, ids.upperBound])
        let statement = try db.cachedStatement(sql: "SELECT codes FROM vector_block WHERE id = ?")
        for entry in list {
            let (id, generation): (Int64, Int64) = (entry[0], entry[1])
            let block = Int(id - ids.lowerBound)
            guard known[block] != generation else {
                try body(block, generation, nil)
                continue
            }
            let rows = try Row.fetchCursor(statement, arguments: [id])
            guard let row = try rows.next() else { continue }
            try row.withUnsafeData(atIndex: 0) { data in
                try (data ?? Data()).withUnsafeBytes { try body(block, generation, $0) }
            }
        }
    }

    /// Counts what was ever changed in a space's codes.
    package func generation(of space: VectorSpace) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT generation FROM vector_space WHERE id = ?"),
            arguments: [space.id]) ?? 0
    }

    /// The vectors in these slots; slots without one are left out.
    package func eachVector(
        _ space: VectorSpace, slots: [UInt32],
        _ body: (_ place: Int, _ chunk: Int64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        // One statement for all, since starting one costs as much as a row; in the order of the slots, so
        // that a page is read once.
        let places = slots.indices.sorted { slots[$0] < slots[$1] }
        let ids = places.map { "\(space.id << 32 | Int64(slots[$0]))" }.joined(separator: ",")
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT j.key, v.chunk, v.value
                    FROM json_each(?) j CROSS JOIN vector v ON v.id = j.value
                    """), arguments: ["[\(ids)]"])
        while let row = try rows.next() {
            try row.withUnsafeData(atIndex: 2) { data in
                try (data ?? Data()).withUnsafeBytes { try body(places[row[0]], row[1], $0) }
            }
        }
    }

    /// Every vector of a space, in the order of their slots.
    package func eachVector(
        _ space: VectorSpace, from first: UInt32 = 0,
        _ body: (_ slot: UInt32, _ chunk: Int64, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let ids = VectorIndex.ids(of: space.id)
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: "SELECT id, chunk, value FROM vector WHERE id BETWEEN ? AND ? ORDER BY id"),
            arguments: [ids.lowerBound + Int64(first), ids.upperBound])
        while let row = try rows.next() {
            let slot = UInt32(truncatingIfNeeded: row[0] as Int64)
            let goesOn = try row.withUnsafeData(atIndex: 2) { data in
                try (data ?? Data()).withUnsafeBytes { try body(slot, row[1], $0) }
            }
            guard goesOn else { return }
        }
    }

    /// The slots of the chunks that a filter lets through.
    package func vectorSlots(_ space: VectorSpace, _ filter: DocumentFilter) throws -> [UInt32] {
        let ids = VectorIndex.ids(of: space.id)
        let (condition, arguments) = documentCondition(filter)
        // By indexes alone: the rows are as large as all texts and vectors.
        let rows = try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT v.id FROM document d CROSS JOIN chunk c ON c.document = d.row
                    CROSS JOIN vector v INDEXED BY vector_chunk ON v.chunk = c.row
                    WHERE \(condition) AND +v.id BETWEEN ? AND ?
                    """), arguments: arguments + [ids.lowerBound, ids.upperBound])
        return rows.map { UInt32(truncatingIfNeeded: $0) }
    }

    /// The slots of the chunks whose documents are in the trash.
    package func vectorSlotsInTrash(_ space: VectorSpace) throws -> [UInt32] {
        let ids = VectorIndex.ids(of: space.id)
        let rows = try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT v.id FROM document d INDEXED BY document_trash
                    CROSS JOIN chunk c ON c.document = d.row CROSS JOIN vector v ON v.chunk = c.row
                    WHERE d.deleted_at IS NOT NULL AND +v.id BETWEEN ? AND ?
                    """), arguments: [ids.lowerBound, ids.upperBound])
        return rows.map { UInt32(truncatingIfNeeded: $0) }
    }

    /// The document of a chunk; nil when there is no such chunk, or its document is in the trash.
    package func document(ofChunk row: Int64) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT c.document FROM chunk c JOIN document d ON d.row = c.document
                    WHERE c.row = ? AND d.deleted_at IS NULL
                    """),
            arguments: [row])
    }

    /// What does not fit in the vectors, in words; empty when all is well. `doctor` asks.
    public func vectorProblems() throws -> [String] {
        var problems: [String] = []
        let lost = try Int.fetchOne(
            db,
            sql: "SELECT count(*) FROM vector v WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE row = v.chunk)")
        if let lost, lost > 0 { problems.append("\(lost) vectors of chunks that are gone") }
        for space in try vectorSpaces() {
            var live = 0
            try eachVectorBlock(space) { _, _, bytes in
                live += bytes?.prefix(CodeBlock.liveBytes).reduce(0) { $0 + $1.nonzeroBitCount } ?? 0
            }
            let count = try vectorCount(space)
            if live != count {
                problems.append("\(space.identity.model) has \(live) codes for \(count) vectors")
            }
        }
        return problems
    }
}

extension WriteTransaction {
    /// Adds vectors of chunks that have none in the space. Slots of vectors that went are used again.
    package func addVectors(_ vectors: [(chunk: Int64, value: StoredVectorValue)], to space: VectorSpace)
        throws
    {
        try VectorRows.add(vectors, to: space, db)
    }

    /// Writes the codes of a space anew: `code` gets a vector's bytes.
    package func recode(
        _ space: VectorSpace, _ code: (UnsafeRawBufferPointer) -> [UInt64]?
    ) throws {
        var blocks = VectorRows.Blocks(space, db)
        try eachVector(space) { slot, _, bytes in
            if let code = code(bytes) { try blocks.set(code, at: slot) }
            return true
        }
        try blocks.write()
    }
}

/// How vectors get their slots.
enum VectorRows {
    /// Adds vectors that an indexer brought with its pieces. Only into a space that the vault has already, or
    /// as its first: another model's place is not taken by documents that happen to be uploaded.
    static func add(_ vectors: [(chunk: Int64, vector: PieceVector)], _ tx: WriteTransaction) throws {
        guard let first = vectors.first?.vector else { return }
        let spaces = try tx.vectorSpaces()
        guard spaces.isEmpty || spaces.contains(where: { $0.identity == first.identity }) else { return }
        let space = try tx.makeVectorSpace(first.identity, settings: first.settings)
        try add(vectors.map { ($0.chunk, $0.vector.value) }, to: space, tx.db)
    }

    static func add(
        _ vectors: [(chunk: Int64, value: StoredVectorValue)], to space: VectorSpace, _ db: Database
    ) throws {
        guard !vectors.isEmpty else { return }
        let ids = VectorIndex.ids(of: space.id)
        let range: StatementArguments = [ids.lowerBound, ids.upperBound]
        var free = try Int64.fetchAll(
            db.cachedStatement(
                sql: "SELECT id FROM vector_free WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"),
            arguments: range + [vectors.count])
        var next =
            try Int64.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT max(ifnull((SELECT max(id) FROM vector WHERE id BETWEEN ?1 AND ?2), ?1 - 1),
                            ifnull((SELECT max(id) FROM vector_free WHERE id BETWEEN ?1 AND ?2), ?1 - 1)) + 1
                        """), arguments: range) ?? ids.lowerBound
        let insert = try db.cachedStatement(sql: "INSERT INTO vector(id, chunk, value) VALUES (?, ?, ?)")
        let take = try db.cachedStatement(sql: "DELETE FROM vector_free WHERE id = ?")
        var blocks = Blocks(space, db)
        for vector in vectors {
            let id: Int64
            if let reused = free.popLast() {
                id = reused
                try take.execute(arguments: [id])
            } else {
                id = next
                next += 1
            }
            guard ids.contains(id) else { throw VaultError(.failed, "a space of vectors is full") }
            try insert.execute(arguments: [id, vector.chunk, Data(vector.value.value)])
            try blocks.set(vector.value.code, at: UInt32(truncatingIfNeeded: id))
        }
        try blocks.write()
    }

    /// Blocks that are changed, each written once.
    struct Blocks {
        private let space: VectorSpace
        private let db: Database
        private var current: (number: Int64, bytes: [UInt8])?

        init(_ space: VectorSpace, _ db: Database) {
            self.space = space
            self.db = db
        }

        mutating func set(_ code: [UInt64], at slot: UInt32) throws {
            let number = Int64(slot) / Int64(CodeBlock.slots)
            if current?.number != number {
                try write()
                let old = try Data.fetchOne(
                    db.cachedStatement(sql: "SELECT codes FROM vector_block WHERE id = ?"),
                    arguments: [space.id << 32 | number])
                let words = CodeBlock.words(space.identity.dimensions)
                current = (number, old.map { Array($0) } ?? CodeBlock.empty(words: words))
            }
            if var block = current {
                current = nil
                CodeBlock.set(code, at: Int(slot) % CodeBlock.slots, in: &block.bytes)
                current = block
            }
        }

        mutating func write() throws {
            guard let block = current else { return }
            try db.cachedStatement(
                sql: """
                    INSERT INTO vector_block(id, generation, codes) VALUES (?, 1, ?)
                    ON CONFLICT(id) DO UPDATE SET codes = excluded.codes, generation = generation + 1
                    """
            ).execute(arguments: [space.id << 32 | block.number, Data(block.bytes)])
            current = nil
        }
    }
}
