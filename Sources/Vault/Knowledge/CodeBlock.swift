/// How the sign codes of 1,024 vectors lie in one block: first the first 64 bits of every slot's code, then
/// the second of every slot's, and so on. Words are little-endian. A scan reads the same word of neighbouring
/// slots at once, and never a slot's code alone.
package enum CodeBlock {
    /// Slots of a block.
    package static let slots = 1024
    /// Bytes of the map that says which slots hold a vector: bit `s % 8` of byte `s / 8`.
    package static let liveBytes = slots / 8

    /// Words of a code of so many dimensions, the last one padded with zeros.
    package static func words(_ dimensions: Int) -> Int { (dimensions + 63) / 64 }

    /// Bytes of a block whose codes have so many words.
    package static func bytes(words: Int) -> Int { words * slots * 8 }

    /// Writes the code of a slot; nil makes it all zeros.
    package static func set(_ code: [UInt64]?, at slot: Int, of words: Int, in block: inout [UInt8]) {
        for word in 0..<words {
            let value = code?[word] ?? 0
            let start = (word * slots + slot) * 8
            for byte in 0..<8 { block[start + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
        }
    }
}
