import Foundation
import TestSupport

/// The server of the tests of embedders, Servers/embeddings_server.py, for the built program to ask. It ends
/// with this value.
final class EmbeddingServer {
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
        url = JSON(try JSONSerialization.jsonObject(with: line))["url"].string ?? ""
    }

    deinit {
        do { try input.fileHandleForWriting.close() } catch { process.terminate() }
        process.waitUntilExit()
    }

    /// The texts of each request so far.
    func requests() throws -> [[String]] {
        try asked().map { $0["body"]["input"].list.compactMap(\.string) }
    }

    /// The authorization of each request so far; empty for none.
    func keys() throws -> [String] { try asked().map { $0["key"].string ?? "" } }

    private func asked() throws -> [JSON] {
        let script =
            "import sys,urllib.request as r;"
            + "o=r.build_opener(r.ProxyHandler({}));sys.stdout.write(o.open(sys.argv[1]).read().decode())"
        let said = try Self.python(["-c", script, String(url.dropLast(3)) + "/requests"])
        return JSON(try JSONSerialization.jsonObject(with: said)).list
    }

    /// Makes a tiny model with random weights.
    static func makeModel(in folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = ProjectPython.root + "/Tests/KnowledgeTests/Local/make_model.py"
        _ = try python([script, folder, "bert", "uncased", "F32", "mean", "7"])
    }

    private static func python(_ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = arguments
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return said
    }
}
