package import Vault

/// A chunk that vectors found.
package struct NearChunk: Sendable, Equatable {
    package let row: Int64
    /// The cosine of the angle between the query's vector and its own.
    package let score: Float
}

/// Finds the chunks whose vectors are nearest to a query's: codes first, then the vectors of the nearest.
package struct VectorSearch {
    private let tx: ReadTransaction
    private let space: VectorSpace
    private let element: VectorElement
    private let words: Int

    package init(_ tx: ReadTransaction, _ space: VectorSpace) throws {
        self.tx = tx
        self.space = space
        element = try VectorRecord.element(of: space)
        words = CodeBlock.words(space.identity.dimensions)
    }

    /// The nearest chunks, the best first.
    ///
    /// - Parameter cache: codes that are kept in memory; nil reads them block by block.
    package func nearest(
        _ count: Int, to query: [Float], _ filter: DocumentFilter = DocumentFilter(), cache: CodeCache? = nil
    ) throws -> [NearChunk] {
        try requireFit(query)
        var allowed: [Int: [UInt64]]?
        if filter != DocumentFilter() {
            let slots = try tx.vectorSlots(space, filter)
            // So few are compared at once.
            if slots.count <= Rerank.most { return try rank(count, query, slots, thorough: true) }
            allowed = Self.masks(slots)
        }
        let code = SignCode(query, centre: VectorRecord.centre(of: space))
        let slots = try candidates(code, allowed, cache)
        return try rank(count, query, slots, thorough: space.isThorough)
    }

    /// The same by comparing every vector: what `nearest` is measured by.
    package func exact(_ count: Int, to query: [Float]) throws -> [NearChunk] {
        try requireFit(query)
        let scorer = VectorScorer(query, element: element)
        var best: [(slot: UInt32, chunk: NearChunk)] = []
        try tx.eachVector(space) { slot, chunk, bytes in
            guard let score = scorer.score(bytes) else { throw damaged() }
            if best.count < count || score > best[best.count - 1].chunk.score {
                let place = best.firstIndex { $0.chunk.score < score } ?? best.count
                best.insert((slot, NearChunk(row: chunk, score: score)), at: place)
                if best.count > count { best.removeLast() }
            }
            return true
        }
        return best.map(\.chunk)
    }

    private func requireFit(_ query: [Float]) throws {
        guard query.count == space.identity.dimensions else {
            throw VaultError(
                .failed,
                "the query's vector has \(query.count) dimensions, the vault's \(space.identity.dimensions)",
                hint: "run: ai-team kb embed")
        }
    }

    private func damaged() -> VaultError {
        VaultError(
            .integrityFailure, "the vectors are damaged",
            hint: "run: ai-team kb embed --reembed; text search works without them")
    }

    private static func masks(_ slots: [UInt32]) -> [Int: [UInt64]] {
        var masks: [Int: [UInt64]] = [:]
        for slot in slots {
            let (block, place) = (Int(slot) / CodeBlock.slots, Int(slot) % CodeBlock.slots)
            masks[block, default: Array(repeating: 0, count: CodeBlock.slots / 64)][place >> 6] |=
                1 << UInt64(place & 63)
        }
        return masks
    }

    private func candidates(
        _ code: SignCode, _ allowed: [Int: [UInt64]]?, _ cache: CodeCache?
    ) throws -> [UInt32] {
        var nearest = NearestCodes(limit: Rerank.most)
        var room = BlockCodes.room()
        let known = cache?.blocks(of: space) ?? [:]
        var kept: [Int: CodeCache.Block] = [:]
        try tx.eachVectorBlock(space, known: known.mapValues(\.generation)) { number, generation, bytes in
            let read = bytes.map { BlockCodes(block: $0, words: words) }
            guard let codes = read ?? known[number]?.codes else { throw damaged() }
            if cache != nil { kept[number] = CodeCache.Block(generation: generation, codes: codes) }
            guard allowed == nil || allowed?[number] != nil else { return }
            codes.scan(
                code, first: UInt32(number * CodeBlock.slots), allowed: allowed?[number], distances: &room,
                into: &nearest)
        }
        cache?.keep(kept, of: space)
        return nearest.sorted().map(\.slot)
    }

    private func rank(
        _ count: Int, _ query: [Float], _ slots: [UInt32], thorough: Bool
    ) throws -> [NearChunk] {
        let scorer = VectorScorer(query, element: element)
        var chunks: [UInt32: Int64] = [:]
        let best = try Rerank.best(count, of: slots, thorough: thorough) { slots in
            var scores = [Float?](repeating: nil, count: slots.count)
            try tx.eachVector(space, slots: slots) { place, chunk, bytes in
                guard let score = scorer.score(bytes) else { throw damaged() }
                scores[place] = score
                chunks[slots[place]] = chunk
            }
            return scores
        }
        return best.compactMap { found in chunks[found.slot].map { NearChunk(row: $0, score: found.score) } }
    }
}
