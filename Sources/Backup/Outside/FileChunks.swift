/// Reads a file chunk by chunk. Memory holds one window; holes are not read.
struct FileChunks: ~Copyable {
    private static let window = 4 * KeyedChunker.maximum

    private let chunker: KeyedChunker
    private var buffer = [UInt8](repeating: 0, count: FileChunks.window)
    private let zeros = [UInt8](repeating: 0, count: KeyedChunker.maximum)
    /// What the buffer holds of the file.
    private var held: Range<Int64> = 0..<0

    init(_ chunker: KeyedChunker) { self.chunker = chunker }

    /// Reads a file of at most `KeyedChunker.whole` bytes with one call, and hands its content out if it has
    /// `size` bytes.
    mutating func readWhole(
        _ file: borrowing OutsideFile, size: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        held = 0..<0
        // One byte more than there should be shows a file that grew.
        let count = try buffer.withUnsafeMutableBytes { bytes in
            try file.readStart(into: UnsafeMutableRawBufferPointer(rebasing: bytes[...size]))
        }
        guard count == size else { return }
        try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<size])) }
    }

    /// Hands out the chunks of what the file had when it was opened, less what was cut off since.
    ///
    /// - Parameter emit: is given a chunk, and whether it is the one that every hole gives.
    mutating func read(
        _ file: borrowing OutsideFile, _ status: OutsideStatus,
        _ emit: (UnsafeRawBufferPointer, _ isHole: Bool) throws -> Void
    ) throws {
        held = 0..<0
        var end = status.size
        var position: Int64 = 0
        while position < end {
            let count: Int
            if isHole(file, status, at: position) {
                count = chunker.zeroCut
                try zeros.withUnsafeBytes { try emit(UnsafeRawBufferPointer(rebasing: $0[..<count]), true) }
            } else {
                try fill(file, from: position, end: &end)
                let start = Int(position - held.lowerBound)
                let rest = held.count - start
                guard rest > 0 else { break }
                count = try buffer.withUnsafeBytes { bytes in
                    let bytes = UnsafeRawBufferPointer(rebasing: bytes[start..<start + rest])
                    let count = chunker.cut(bytes, isStart: position == 0)
                    try emit(UnsafeRawBufferPointer(rebasing: bytes[..<count]), false)
                    return count
                }
            }
            position += Int64(count)
        }
    }

    /// Hands out `count` zeros, as holes would be.
    func fill(_ count: Int64, _ emit: (UnsafeRawBufferPointer, _ isHole: Bool) throws -> Void) throws {
        var rest = count
        while rest > 0 {
            let part = Int(min(rest, Int64(chunker.zeroCut)))
            try zeros.withUnsafeBytes {
                try emit(UnsafeRawBufferPointer(rebasing: $0[..<part]), part == chunker.zeroCut)
            }
            rest -= Int64(part)
        }
    }

    /// Whether a chunk of zeros begins here: nobody needs to read it then.
    private func isHole(
        _ file: borrowing OutsideFile, _ status: OutsideStatus, at position: Int64
    ) -> Bool {
        guard status.isSparse, status.size > KeyedChunker.whole else { return false }
        return file.hole(at: position, size: status.size) >= Int64(KeyedChunker.maximum)
    }

    /// Sees to it that from `position` on there is a longest chunk, or all that is left; a file that was cut
    /// off meanwhile gets an earlier end.
    private mutating func fill(
        _ file: borrowing OutsideFile, from position: Int64, end: inout Int64
    ) throws {
        let wanted = min(position + Int64(KeyedChunker.maximum), end)
        if held.contains(position), held.upperBound >= wanted { return }
        var kept = 0
        if held.contains(position) {
            let start = Int(position - held.lowerBound)
            kept = held.count - start
            buffer.withUnsafeMutableBytes { bytes in
                let rest = UnsafeRawBufferPointer(bytes)[start..<start + kept]
                bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest))
            }
        }
        let limit = Int(min(Int64(buffer.count), end - position))
        let count = try buffer.withUnsafeMutableBytes { bytes in
            try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: bytes[kept..<limit]),
                at: position + Int64(kept))
        }
        held = position..<position + Int64(kept + count)
        if kept + count < limit { end = held.upperBound }
    }
}
