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
        let mask: SlotMask
        if filter == DocumentFilter() {
            mask = .without(try tx.vectorSlotsInTrash(space))
        } else {
            let slots = try tx.vectorSlots(space, filter)
            // So few are compared at once.
            if slots.count <= Rerank.most { return try rank(count, query, slots, thorough: true) }
            mask = .only(slots)
        }
        let code = SignCode(query, centre: VectorRecord.centre(of: space))
        let slots = try Self.ordered(candidates(code, mask, cache), by: query)
        return try rank(count, query, slots, thorough: space.isThorough)
    }

    /// The same by comparing every vector: what `nearest` is measured by.
    package func exact(_ count: Int, to query: [Float]) throws -> [NearChunk] {
        try requireFit(query)
        let scorer = VectorScorer(query, element: element)
        let mask = SlotMask.without(try tx.vectorSlotsInTrash(space))
        var best: [(slot: UInt32, chunk: NearChunk)] = []
        try tx.eachVector(space) { slot, chunk, bytes in
            guard mask.allows(slot) else { return true }
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

    private typealias Candidate = (slot: UInt32, code: SignCode)

    /// The candidates as their codes suggest: bits find them, as they are counted fastest.
    private static func ordered(_ candidates: [Candidate], by query: [Float]) -> [UInt32] {
        let estimate = CodeEstimate(query)
        return candidates.map { (slot: $0.slot, estimate: estimate.of($0.code)) }
            .sorted { $0.estimate != $1.estimate ? $0.estimate > $1.estimate : $0.slot < $1.slot }
            .map(\.slot)
    }

    private func candidates(_ code: SignCode, _ mask: SlotMask, _ cache: CodeCache?) throws -> [Candidate] {
        if let cache {
            let blocks = try held(cache)
            return codes(of: CodeScan(code, mask).nearest(in: blocks).found(), in: blocks)
        }
        var nearest = NearestCodes(limit: Rerank.most, words: words)
        var room = BlockCodes.room()
        // Blocks go as they come; what may be wanted of one is kept.
        var kept: [UInt32: SignCode] = [:]
        try tx.eachVectorBlock(space) { number, _, bytes in
            guard let block = bytes.flatMap({ BlockCodes(block: $0, words: words) }) else { throw damaged() }
            block.scan(code, number, mask, distances: &room, into: &nearest)
            let first = UInt32(number * CodeBlock.slots)
            for slot in nearest.latest(from: first) { kept[slot] = block.code(of: Int(slot - first)) }
        }
        return nearest.found().compactMap { slot in kept[slot].map { (slot, $0) } }
    }

    /// The codes of slots; both are in ascending order.
    private func codes(of slots: [UInt32], in blocks: [CodeCache.Block]) -> [Candidate] {
        var place = 0
        return slots.compactMap { slot in
            let number = Int(slot) / CodeBlock.slots
            while place < blocks.count, blocks[place].number < number { place += 1 }
            guard place < blocks.count else { return nil }
            return blocks[place].codes.code(of: Int(slot) % CodeBlock.slots).map { (slot, $0) }
        }
    }

    /// The cache's blocks, brought up to date.
    private func held(_ cache: CodeCache) throws -> [CodeCache.Block] {
        let known = cache.blocks(of: space)
        let generation = try tx.generation(of: space)
        if let known, known.generation == generation { return known.blocks }
        let old = Dictionary(
            known?.blocks.map { ($0.number, $0) } ?? [], uniquingKeysWith: { first, _ in first })
        var blocks: [CodeCache.Block] = []
        try tx.eachVectorBlock(space, known: old.mapValues(\.generation)) { number, generation, bytes in
            let read = bytes.map { BlockCodes(block: $0, words: words) }
            guard let codes = read ?? old[number]?.codes else { throw damaged() }
            blocks.append(CodeCache.Block(number: number, generation: generation, codes: codes))
        }
        cache.keep(CodeCache.Blocks(space: space, generation: generation, blocks: blocks))
        return blocks
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
