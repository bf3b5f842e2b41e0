package import Vault

/// Whether the codes suit a model: what they find is compared with what comparing everything finds.
public struct RecallCheck: Sendable, Equatable {
    /// Queries that were compared.
    public let queries: Int
    /// The share of the ten nearest that was found, from 0 to 1.
    public let recall: Double
    /// The same with as many candidates as there ever are.
    public let thoroughRecall: Double

    /// Below this, more candidates are compared for every query.
    public static let sufficient = 0.98

    /// Takes stored vectors, spread over the space, for queries: what is asked is like what is there.
    package static func run(_ vault: Vault, _ space: VectorSpace, queries wanted: Int = 50) throws
        -> RecallCheck
    {
        try vault.read { tx in
            let count = try tx.vectorCount(space)
            let element = try VectorRecord.element(of: space)
            let step = max(1, count / wanted)
            var queries: [[Float]] = []
            var place = 0
            try tx.eachVector(space) { _, _, bytes in
                defer { place += 1 }
                guard place % step == 0 else { return true }
                if let vector = StoredVector.decode(bytes, as: element, dimensions: space.identity.dimensions)
                {
                    queries.append(vector)
                }
                return queries.count < wanted
            }
            var (found, thorough, all) = (0, 0, 0)
            for query in queries {
                let exact = Set(try VectorSearch(tx, space).exact(10, to: query).map(\.row))
                let fast = try VectorSearch(tx, space.with(thorough: false)).nearest(10, to: query)
                let slow = try VectorSearch(tx, space.with(thorough: true)).nearest(10, to: query)
                all += exact.count
                found += exact.intersection(fast.map(\.row)).count
                thorough += exact.intersection(slow.map(\.row)).count
            }
            func share(_ part: Int) -> Double { all == 0 ? 1 : Double(part) / Double(all) }
            return RecallCheck(queries: queries.count, recall: share(found), thoroughRecall: share(thorough))
        }
    }
}
