import FileSystem
import Glibc
import Knowledge

/// A model's forward pass, timed for scripts/bench/search/local.py.
enum ModelBench {
    /// Chunks that `kb embed` brings at once.
    private static let batch = 256

    /// `FOLDER TEXTS WORKERS VECTORS`: embeds the lines of a file once to warm up and then once for each line
    /// of its input, says how many chunks a second that was, and leaves the vectors as numbers of single
    /// precision.
    static func run(_ arguments: [String]) throws {
        let bytes = try Files.readAll(arguments[1], limit: 1 << 28)
        let texts = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let embedder = try LocalEmbedder(folder: arguments[0], workers: Int(arguments[2]))
        var vectors = try embed(texts, embedder)
        try Durable.create(arguments[3], with: vectors.flatMap { $0 }.withUnsafeBytes { Array($0) })
        print("ready")
        fflush(nil)
        while readLine() != nil {
            let start = ContinuousClock.now
            vectors = try embed(texts, embedder)
            print(Double(vectors.count) / ((ContinuousClock.now - start) / .seconds(1)))
            fflush(nil)
        }
    }

    private static func embed(_ texts: [String], _ embedder: LocalEmbedder) throws -> [[Float]] {
        try stride(from: 0, to: texts.count, by: batch).flatMap {
            try embedder.embed(documents: Array(texts[$0..<min($0 + batch, texts.count)]))
        }
    }
}
