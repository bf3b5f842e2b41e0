package import Vault

extension Embedder {
    /// What tells this model's vectors from others'.
    package func identity(_ element: VectorElement = .float16) -> VectorIdentity {
        VectorIdentity(
            provider: model.provider, model: model.model, dimensions: model.dimensions,
            prefixVersion: model.prefixVersion, element: element.rawValue)
    }
}

/// Vectors on their way into a space.
package enum VectorRecord {
    /// What a model is given of a chunk: its headings say what its text is about.
    package static func text(heading: String, text: String) -> String {
        heading.isEmpty ? text : heading + "\n" + text
    }

    package static func stored(
        _ vector: [Float], _ element: VectorElement, centre: [Float] = []
    ) -> StoredVectorValue {
        let value = StoredVector.encode(vector, as: element)
        // Of what is stored, so that the code can be made again from it.
        let rounded = value.withUnsafeBytes {
            StoredVector.decode($0, as: element, dimensions: vector.count)
        }
        return StoredVectorValue(code: SignCode(rounded ?? vector, centre: centre).words, value: value)
    }

    package static func element(of space: VectorSpace) throws -> VectorElement {
        guard let element = VectorElement(rawValue: space.identity.element) else {
            throw VaultError(.integrityFailure, "vectors are stored as \(space.identity.element)")
        }
        return element
    }

    package static func centre(of space: VectorSpace) -> [Float] {
        space.centre.withUnsafeBytes { StoredBytes.array(of: Float(0), from: $0) }
    }
}
