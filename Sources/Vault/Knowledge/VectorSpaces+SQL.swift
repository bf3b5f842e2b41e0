internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// The spaces, the newest first.
    public func vectorSpaces() throws -> [VectorSpace] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id, provider, model, dimensions, prefix_version, element, settings, state, centre,
                        is_thorough, filled, created_at, centred
                    FROM vector_space ORDER BY id DESC
                    """))
        return rows.map { row in
            VectorSpace(
                id: row[0],
                identity: VectorIdentity(
                    provider: row[1], model: row[2], dimensions: row[3], prefixVersion: row[4],
                    element: row[5]),
                settings: row[6], state: VectorSpace.State(rawValue: row[7]) ?? .filling,
                centre: Array(row[8] as Data), centred: row[12], isThorough: row[9], filled: row[10],
                createdAt: Timestamp(milliseconds: row[11]))
        }
    }

    /// The space of these vectors; nil when there is none.
    public func vectorSpace(_ identity: VectorIdentity) throws -> VectorSpace? {
        try vectorSpaces().first { $0.identity == identity }
    }

    /// How many vectors a space has.
    public func vectorCount(_ space: VectorSpace) throws -> Int {
        let ids = VectorIndex.ids(of: space.id)
        // By the index of chunks: the rows themselves are as large as all vectors.
        return try Int.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT count(*) FROM vector INDEXED BY vector_chunk
                    WHERE chunk >= 0 AND +id BETWEEN ? AND ?
                    """),
            arguments: [ids.lowerBound, ids.upperBound]) ?? 0
    }

    /// Chunks that a space has no vector of, in the order of their rows.
    ///
    /// - Parameter row: only later ones; nil for all that may have none.
    package func chunksWithoutVector(
        _ space: VectorSpace, after row: Int64? = nil, limit: Int
    ) throws -> [UnembeddedChunk] {
        let row = row ?? space.filled
        let ids = VectorIndex.ids(of: space.id)
        let statement = try db.cachedStatement(
            sql: """
                SELECT c.row, c.heading, c.text FROM chunk c
                WHERE c.row > ?1 AND NOT EXISTS (
                    SELECT 1 FROM vector v WHERE v.chunk = c.row AND v.id BETWEEN ?2 AND ?3)
                ORDER BY c.row LIMIT ?4
                """)
        return try Row.fetchAll(statement, arguments: [row, ids.lowerBound, ids.upperBound, limit]).map {
            UnembeddedChunk(row: $0[0], heading: $0[1], text: $0[2])
        }
    }
}

extension ReadTransaction {
    /// Whether chunks came since a space was last known to be whole.
    package func hasNewChunks(_ space: VectorSpace) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(sql: "SELECT ifnull(max(row), 0) > ? FROM chunk"), arguments: [space.filled])
            ?? false
    }
}

extension WriteTransaction {
    /// The space of these vectors, made when there is none.
    @discardableResult
    public func makeVectorSpace(_ identity: VectorIdentity, settings: String) throws -> VectorSpace {
        if let space = try vectorSpace(identity) { return space }
        try db.execute(
            sql: """
                INSERT INTO vector_space(provider, model, dimensions, prefix_version, element, settings,
                    state, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                identity.provider, identity.model, identity.dimensions, identity.prefixVersion,
                identity.element, settings, VectorSpace.State.filling.rawValue, now.milliseconds,
            ])
        guard let space = try vectorSpace(identity) else {
            throw VaultError(.failed, "the space of vectors was not made")
        }
        return space
    }

    /// Notes that a space was whole.
    package func setReady(_ space: VectorSpace) throws {
        try db.execute(
            sql: "UPDATE vector_space SET state = ? WHERE id = ?",
            arguments: [VectorSpace.State.ready.rawValue, space.id])
    }

    /// Notes up to which row every chunk has a vector, when all of them have.
    package func noteFilled(_ space: VectorSpace) throws {
        guard try chunksWithoutVector(space, limit: 1).isEmpty else { return }
        try db.execute(
            sql: "UPDATE vector_space SET filled = ifnull((SELECT max(row) FROM chunk), 0) WHERE id = ?",
            arguments: [space.id])
    }

    /// Notes how well codes suit a space.
    package func setThorough(_ isThorough: Bool, _ space: VectorSpace) throws {
        try db.execute(
            sql: "UPDATE vector_space SET is_thorough = ? WHERE id = ?", arguments: [isThorough, space.id])
    }

    /// Notes the mean that codes are taken from; whoever changes it writes the codes anew.
    ///
    /// - Parameter count: how many vectors there are.
    package func setCentre(_ centre: [UInt8], of count: Int, _ space: VectorSpace) throws {
        try db.execute(
            sql: "UPDATE vector_space SET centre = ?, centred = ? WHERE id = ?",
            arguments: [Data(centre), count, space.id])
    }

    /// Removes a space and all that it holds.
    public func removeVectorSpace(_ space: VectorSpace) throws {
        let ids = VectorIndex.ids(of: space.id)
        for table in ["vector", "vector_block", "vector_free"] {
            try db.execute(
                sql: "DELETE FROM \(table) WHERE id BETWEEN ? AND ?",
                arguments: [ids.lowerBound, ids.upperBound])
        }
        try db.execute(sql: "DELETE FROM vector_space WHERE id = ?", arguments: [space.id])
    }
}
