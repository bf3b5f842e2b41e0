import Foundation

/// The built program: `$AI_TEAM_PROGRAM`, or the one beside the test bundle.
enum Program {
    static let path: String = {
        let environment = ProcessInfo.processInfo.environment
        if let chosen = environment["AI_TEAM_PROGRAM"], !chosen.isEmpty { return chosen }
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let folder = URL(filePath: bundle ?? CommandLine.arguments[0]).deletingLastPathComponent()
        return folder.appending(path: "ai-team").path(percentEncoded: false)
    }()

    /// What a run gave.
    struct Outcome {
        let status: Int32
        let output: Data
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }

        /// Standard output as one JSON value.
        func json() throws -> JSON {
            JSON(try JSONSerialization.jsonObject(with: output, options: .fragmentsAllowed))
        }

        /// The error object of standard error's last line.
        func error() throws -> JSON {
            let line = errors.split(separator: "\n").last.map(String.init) ?? ""
            return JSON(try JSONSerialization.jsonObject(with: Data(line.utf8)))["error"]
        }
    }

    /// Runs the program to its end, without a terminal and with nothing in its environment but what is given.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], input: Data = Data(), in folder: URL
    ) throws -> Outcome {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        func file(_ name: String, _ content: Data) throws -> URL {
            let url = scratch.appending(path: name)
            try content.write(to: url)
            return url
        }
        let (stdin, stdout) = (try file("in", input), try file("out", Data()))
        let stderr = try file("err", Data())
        let process = Process()
        // setsid takes the terminal away, so that nothing can ask.
        process.executableURL = URL(filePath: "/usr/bin/setsid")
        process.arguments = ["--wait", path] + arguments
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": scratch.path(percentEncoded: false)]
            .merging(environment) { $1 }
        process.currentDirectoryURL = folder
        process.standardInput = try FileHandle(forReadingFrom: stdin)
        process.standardOutput = try FileHandle(forWritingTo: stdout)
        process.standardError = try FileHandle(forWritingTo: stderr)
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: try Data(contentsOf: stdout),
            errors: String(decoding: try Data(contentsOf: stderr), as: UTF8.self))
    }
}

/// A JSON value that tests look into without unwrapping at each step.
struct JSON {
    let value: Any?

    init(_ value: Any?) { self.value = value }

    subscript(key: String) -> JSON { JSON((value as? [String: Any])?[key]) }
    subscript(index: Int) -> JSON { JSON(list.indices.contains(index) ? list[index].value : nil) }

    var string: String? { value as? String }
    var int: Int? { (value as? NSNumber)?.intValue }
    var bool: Bool? { (value as? NSNumber)?.boolValue }
    var list: [JSON] { (value as? [Any] ?? []).map(JSON.init) }
    var keys: Set<String> { Set((value as? [String: Any] ?? [:]).keys) }
}
