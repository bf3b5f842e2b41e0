import Foundation
import TestSupport

/// The server of Servers/embeddings_server.py; it ends with this value.
final class EmbeddingServer {
    struct Request: Decodable {
        struct Body: Decodable {
            let model: String
            let input: [String]
            let dimensions: Int?
        }

        let path: String
        let key: String?
        let body: Body
    }

    private struct Greeting: Decodable { let url: String }

    private let process = Process()
    private let input = Pipe()
    let url: String

    init() throws {
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = [ProjectPython.root + "/Tests/KnowledgeTests/Servers/embeddings_server.py"]
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != 10, let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            line += byte
        }
        url = try JSONDecoder().decode(Greeting.self, from: line).url
    }

    deinit {
        do { try input.fileHandleForWriting.close() } catch { process.terminate() }
        process.waitUntilExit()
    }

    /// What it was sent so far.
    func requests() throws -> [Request] {
        let script =
            "import sys,urllib.request as r;"
            + "o=r.build_opener(r.ProxyHandler({}));sys.stdout.write(o.open(sys.argv[1]).read().decode())"
        let text = try Python.run(["-c", script, String(url.dropLast(3)) + "/requests"])
        return try JSONDecoder().decode([Request].self, from: Data(text.utf8))
    }
}
