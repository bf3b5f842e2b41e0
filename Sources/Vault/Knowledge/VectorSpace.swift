/// What tells one model's vectors from another's: those of different spaces are never compared.
public struct VectorIdentity: Sendable, Hashable {
    public let provider: String
    public let model: String
    public let dimensions: Int
    /// Names the texts that are put before documents and queries.
    public let prefixVersion: String
    /// How numbers are stored: `float16` or `float32`.
    public let element: String

    public init(provider: String, model: String, dimensions: Int, prefixVersion: String, element: String) {
        self.provider = provider
        self.model = model
        self.dimensions = dimensions
        self.prefixVersion = prefixVersion
        self.element = element
    }
}

/// The vectors of one model in this vault.
public struct VectorSpace: Sendable, Equatable {
    /// Whether it has been whole once: from then on only what is new is missing.
    public enum State: String, Sendable {
        case filling
        case ready
    }

    package let id: Int64
    public let identity: VectorIdentity
    /// What made the vectors, in its own encoding: an older space is asked so until a newer one is whole.
    package let settings: String
    public let state: State
    /// The mean of the vectors as single-precision numbers, where codes are taken from it; else empty.
    package let centre: [UInt8]
    /// How many vectors there were when the centre was looked at.
    package let centred: Int
    /// Whether the codes are poor for this model, so that more candidates are compared.
    package let isThorough: Bool
    /// Every chunk up to this row has a vector.
    package let filled: Int64
    public let createdAt: Timestamp

    /// The same, searched with all candidates or not.
    package func with(thorough: Bool) -> VectorSpace {
        VectorSpace(
            id: id, identity: identity, settings: settings, state: state, centre: centre,
            centred: centred, isThorough: thorough, filled: filled, createdAt: createdAt)
    }
}

/// A vector as the index stores it.
public struct StoredVectorValue: Sendable, Equatable {
    /// Words of its sign code.
    package let code: [UInt64]
    /// Its numbers, little-endian.
    package let value: [UInt8]

    package init(code: [UInt64], value: [UInt8]) {
        self.code = code
        self.value = value
    }
}

/// The vector that an indexer brings with a piece, and the space that it belongs to.
public struct PieceVector: Sendable, Equatable {
    package let identity: VectorIdentity
    package let settings: String
    package let value: StoredVectorValue

    package init(identity: VectorIdentity, settings: String, value: StoredVectorValue) {
        self.identity = identity
        self.settings = settings
        self.value = value
    }
}

/// A chunk that a space has no vector of.
package struct UnembeddedChunk: Sendable, Equatable {
    package let row: Int64
    package let heading: String
    package let text: String
}
