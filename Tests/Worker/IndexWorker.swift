import FileSystem
import Glibc
import Knowledge
import TestSupport
import Vault

/// Commands on the documents of a `VaultHome` and their search index.
enum IndexWorker {
    /// `ROOT SEED CHANGES`: uploads texts, some of them without bringing them into the index, cuts all anew,
    /// brings in what is missing, and dies at the CHANGES-th change to the file system. Says `ready` after
    /// each step.
    static func churn(_ arguments: [String]) throws {
        let root = arguments[0]
        var random = SplitMix64(seed: UInt64(arguments[1]) ?? 0)
        let vault = try VaultHome.open(root)
        let folder = root + "/texts"
        try Files.createDirectory(folder)
        Death.at(Int(arguments[2]) ?? 0)
        while true {
            switch random.next() % 4 {
            case 0: try vault.reindexDocuments(ChunkIndexer())
            case 1: try vault.indexDocuments(ChunkIndexer())
            default: try upload(vault, folder, &random)
            }
            say("ready")
        }
    }

    private static func upload(_ vault: Vault, _ folder: String, _ random: inout SplitMix64) throws {
        var paths: [[UInt8]] = []
        for _ in 0...(random.next() % 4) {
            let number = random.next() % 12
            let path = "\(folder)/\(number).md"
            let body = (0..<random.next() % 40).map { _ in
                "第 \(random.next() % 90) 段 word\(random.next() % 90)。"
            }
            let file = try File.open(path, .create)
            try file.truncate(to: 0)
            try file.write(Array("# Text \(number)\n\n\(body.joined(separator: "\n\n"))\n".utf8), at: 0)
            paths.append(Array(path.utf8))
        }
        var options = UploadOptions()
        if random.next() % 3 > 0 { options.indexer = ChunkIndexer() }
        let report = try vault.upload(paths, workingDirectory: Array(folder.utf8), options: options)
        for failure in report.failed { throw failure.error }
    }

    /// At once and unbuffered: what was said before a kill was said.
    private static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        // Whose test is gone works for nobody.
        if Glibc.write(1, bytes, bytes.count) != bytes.count || getppid() == 1 { exit(2) }
    }
}
