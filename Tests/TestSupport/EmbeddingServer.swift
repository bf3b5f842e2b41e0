import Foundation

/// The server of KnowledgeTests/Servers/embeddings_server.py; it ends with this value.
package final class EmbeddingServer {
    package struct Request: Decodable {
        package struct Body: Decodable {
            package let model: String
            package let input: [String]
            package let dimensions: Int?
        }

        package let path: String
        package let key: String?
        package let body: Body
    }

    private struct Greeting: Decodable { let url: String }

    private let process = Process()
    private let input = Pipe()
    package let url: String

    package init() throws {
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
    package func requests() throws -> [Request] {
        let script =
            "import sys,urllib.request as r;"
            + "o=r.build_opener(r.ProxyHandler({}));sys.stdout.write(o.open(sys.argv[1]).read().decode())"
        let text = try Python.run(["-c", script, String(url.dropLast(3)) + "/requests"])
        return try JSONDecoder().decode([Request].self, from: Data(text.utf8))
    }
}
