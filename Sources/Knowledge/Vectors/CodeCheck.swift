package import Vault

/// Whether the codes of a space are those of its vectors.
package enum CodeCheck {
    /// How many vectors have another code than theirs. Reads all of them.
    package static func misfits(_ tx: ReadTransaction, _ space: VectorSpace) throws -> Int {
        let element = try VectorRecord.element(of: space)
        let (dimensions, centre) = (space.identity.dimensions, VectorRecord.centre(of: space))
        var misfits = 0
        try tx.eachVectorBlock(space) { number, _, bytes in
            let codes = bytes.flatMap { BlockCodes(block: $0, words: CodeBlock.words(dimensions)) }
            let slots = number * CodeBlock.slots..<(number + 1) * CodeBlock.slots
            try tx.eachVector(space, from: UInt32(slots.lowerBound)) { slot, _, bytes in
                guard slots.contains(Int(slot)) else { return false }
                let vector = StoredVector.decode(bytes, as: element, dimensions: dimensions)
                let code = vector.map { SignCode($0, centre: centre) }
                if code == nil || code != codes?.code(of: Int(slot) - slots.lowerBound) { misfits += 1 }
                return true
            }
        }
        return misfits
    }
}
