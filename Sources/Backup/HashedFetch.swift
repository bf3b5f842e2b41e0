internal import Cryptography

/// Reads a file once from its beginning to its end, hashes it on the way, and hands out the parts that are
/// asked for meanwhile.
final class HashedFetch {
    /// Whole chunks of a pack, which are asked for one by one.
    private static let step = 16 * Cobblestone.sealedChunkCount

    private let fetch: PackReader.Fetch
    private let count: Int
    private var hasher = Hasher(.sha256)
    private var window: [UInt8] = []
    private var start = 0
    private var end: Int { start + window.count }

    init(_ fetch: @escaping PackReader.Fetch, count: Int) {
        self.fetch = fetch
        self.count = count
    }

    /// A part of the file. What lies before the part that was read last is read again.
    func callAsFunction(_ range: Range<Int>) throws -> [UInt8] {
        while end < min(range.upperBound, count) { try advance() }
        guard range.lowerBound >= start, range.upperBound <= end else { return try fetch(range) }
        return Array(window[range.lowerBound - start..<range.upperBound - start])
    }

    /// The hash of the whole file.
    func digest() throws -> [UInt8] {
        while end < count { try advance() }
        var hasher = Hasher(.sha256)
        swap(&hasher, &self.hasher)
        return hasher.finalize()
    }

    private func advance() throws {
        let first = end
        let step = first == 0 ? Cobblestone.headerCount : Self.step
        window = try fetch(first..<min(first + step, count))
        start = first
        guard !window.isEmpty else { throw BackupError(.failed, "a pack ends before its length") }
        hasher.update(window)
    }
}
