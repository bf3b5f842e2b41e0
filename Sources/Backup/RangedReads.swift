internal import Cryptography

/// Reads parts of packs from far away by few requests: what was planned and lies close together in a pack
/// comes by one. Not thread-safe.
final class RangedReads: PackSource {
    /// The most bytes that are fetched in vain to spare a request.
    private static let gapLimit = 256 << 10
    /// The most bytes that one request brings; so many are held.
    private static let lengthLimit = 32 << 20

    private let source: any PackSource
    /// Ranges of files that are fetched as one, by the ids of their packs.
    private var planned: [[UInt8]: [Range<Int>]] = [:]
    private var held: (pack: [UInt8], range: Range<Int>, bytes: [UInt8])?

    init(_ source: any PackSource) { self.source = source }

    /// Says what will be read, in any order. What was planned before is forgotten.
    ///
    /// - Parameter packs: the table whose rows the extents name.
    func plan(_ extents: some Sequence<Extent>, of packs: [PackRecord]) {
        planned = [:]
        for extent in extents where Int(extent.pack) < packs.count {
            let pack = packs[Int(extent.pack)]
            // One that does not lie in its pack is its reader's to refuse.
            guard extent.length > 0, pack.length < 1 << 40, extent.offset < pack.length else { continue }
            let size = UInt64(Cobblestone.chunkCount)
            let chunks = extent.offset / size...(extent.offset + UInt64(extent.length) - 1) / size
            let start = Cobblestone.headerCount + Int(chunks.lowerBound) * Cobblestone.sealedChunkCount
            let end = Cobblestone.headerCount + (Int(chunks.upperBound) + 1) * Cobblestone.sealedChunkCount
            guard start < Int(pack.length) else { continue }
            planned[pack.id, default: []].append(start..<min(end, Int(pack.length)))
        }
        planned = planned.mapValues(Self.merged)
    }

    private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + gapLimit,
                max(range.upperBound, last.upperBound) - last.lowerBound <= lengthLimit
            {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    func open(_ pack: PackRecord) throws -> PackReader.Fetch {
        let fetch = try source.open(pack)
        return { [self] range in try read(range, of: pack.id, fetch) }
    }

    private func read(
        _ range: Range<Int>, of pack: [UInt8], _ fetch: PackReader.Fetch
    ) throws -> [UInt8] {
        if let held, held.pack == pack, held.range.contains(range) {
            let start = range.lowerBound - held.range.lowerBound
            return Array(held.bytes[start..<start + range.count])
        }
        guard let whole = planned[pack]?.first(where: { $0.contains(range) }), whole != range else {
            return try fetch(range)
        }
        do {
            held = (pack, whole, try fetch(whole))
        } catch let error as BackupError where error.code == .integrity {
            // A pack that was cut may still have what is wanted now.
            planned[pack] = nil
            return try fetch(range)
        }
        return try read(range, of: pack, fetch)
    }
}
