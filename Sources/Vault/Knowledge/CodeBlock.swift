/// How the sign codes of 1,024 vectors lie in one block: a map of the slots that hold a vector, then the
/// first 64 bits of every slot's code, then the second of every slot's, and so on. Words are little-endian.
/// A scan reads the same word of neighbouring slots at once, and never a slot's code alone.
package enum CodeBlock {
    /// Slots of a block.
    package static let slots = 1024
    /// Bytes of the map: bit `s % 8` of byte `s / 8`.
    package static let liveBytes = slots / 8

    /// Words of a code of so many dimensions, the last one padded with zeros.
    package static func words(_ dimensions: Int) -> Int { (dimensions + 63) / 64 }

    /// Bytes of a block whose codes have so many words.
    package static func bytes(words: Int) -> Int { liveBytes + words * slots * 8 }

    /// A block without vectors.
    package static func empty(words: Int) -> [UInt8] { [UInt8](repeating: 0, count: bytes(words: words)) }

    /// Writes the code of a slot; nil empties it. What the block has no room for is left out.
    package static func set(_ code: [UInt64]?, at slot: Int, in block: inout [UInt8]) {
        guard 0..<slots ~= slot, block.count >= liveBytes else { return }
        let bit = UInt8(1) << UInt8(slot % 8)
        if code == nil { block[slot / 8] &= ~bit } else { block[slot / 8] |= bit }
        for word in 0..<(block.count - liveBytes) / (slots * 8) {
            let value = code.flatMap { word < $0.count ? $0[word] : nil } ?? 0
            let start = liveBytes + (word * slots + slot) * 8
            for byte in 0..<8 { block[start + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
        }
    }

    /// Whether a slot holds a vector.
    package static func isLive(_ slot: Int, in block: [UInt8]) -> Bool {
        slot / 8 < block.count && block[slot / 8] & 1 << UInt8(slot % 8) != 0
    }
}
