import FileSystem
import Glibc
import Knowledge
import TestSupport
import Vault

/// Vectors in an encrypted vault, timed for scripts/bench/search/vectors.py.
enum VectorBench {
    private static let identity = VectorIdentity(
        provider: "bench", model: "bench", dimensions: 384, prefixVersion: "0", element: "float16")
    private static let batch = 4096

    /// `VECTORS QUERIES`: files of single-precision numbers, 384 a vector. Fills a vault, asks each query
    /// three times with the codes in memory, and keeps the vault until its input ends.
    static func run(_ arguments: [String]) throws {
        let home = try VaultHome()
        let vault = try home.open()
        try fill(vault, arguments[0])
        let queries = try read(arguments[1], from: 0, count: .max)
        let space = try vault.read { try $0.vectorSpaces()[0] }
        let cache = CodeCache()
        var times: [Double] = []
        for pass in 0..<3 {
            for query in queries {
                let start = ContinuousClock.now
                let found = try vault.read {
                    try VectorSearch($0, space).nearest(10, to: query, cache: cache)
                }
                times.append((ContinuousClock.now - start) / .milliseconds(1))
                if pass == 0 { print("found", found.map { "\($0.row)" }.joined(separator: " ")) }
            }
        }
        let sorted = times.dropFirst(20).sorted()
        print("warm", sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
        // The last process to close empties the log: then the file is what it takes on the disk.
        try vault.close()
        print("bytes", try Files.status(home.home.databasePath)?.size ?? 0)
        print("root", home.root)
        fflush(nil)
        while readLine() != nil {}
    }

    /// `ROOT QUERIES`: one query in a process of its own.
    static func query(_ arguments: [String]) throws {
        let vault = try VaultHome.open(arguments[0])
        let query = try read(arguments[1], from: 0, count: 1)[0]
        let found = try vault.read { tx in
            try VectorSearch(tx, tx.vectorSpaces()[0]).nearest(10, to: query)
        }
        print("found", found.map { "\($0.row)" }.joined(separator: " "))
        try vault.close()
    }

    private static func fill(_ vault: Vault, _ path: String) throws {
        let space = try vault.write { try $0.makeVectorSpace(identity, settings: "{}") }
        var count = 0
        var taken = Duration.zero
        while true {
            let vectors = try read(path, from: count, count: batch)
            guard !vectors.isEmpty else { break }
            let start = ContinuousClock.now
            try vault.write { tx in
                let rows = vectors.enumerated().map { place, vector in
                    (chunk: Int64(count + place), value: VectorRecord.stored(vector, .float16))
                }
                try tx.addVectors(rows, to: space)
            }
            taken += ContinuousClock.now - start
            count += vectors.count
        }
        print("insert", Double(count) / (taken / .seconds(1)))
    }

    private static func read(_ path: String, from first: Int, count: Int) throws -> [[Float]] {
        let size = 4 * identity.dimensions
        let file = try File.open(path, .read)
        let there = Int(try file.size()) / size
        let end = min(there, count == .max ? there : first + count)
        guard first < end else { return [] }
        let bytes = try file.read(count: (end - first) * size, at: Int64(first * size))
        return bytes.withUnsafeBytes { bytes in
            (0..<end - first).map { row in
                (0..<identity.dimensions).map {
                    bytes.loadUnaligned(fromByteOffset: row * size + 4 * $0, as: Float.self)
                }
            }
        }
    }
}
