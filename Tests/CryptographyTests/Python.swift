import Foundation

/// The project's Python (`.build-venv`, made by scripts/test.sh; AI_TEAM_TEST_PYTHON names another), which
/// checks our formats with an implementation that shares nothing with ours.
enum Python {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func interpreter() throws -> URL {
        let named = ProcessInfo.processInfo.environment["AI_TEAM_TEST_PYTHON"]
        let path = named ?? root.appending(path: ".build-venv/bin/python3").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Failure(
                description: """
                    \(path) is missing. Make it with scripts/test.sh, or with: \
                    python3 -m venv .build-venv && \
                    .build-venv/bin/pip install cryptography==50.0.2 zstandard==0.25
                    """)
        }
        return URL(filePath: path)
    }

    /// Runs scripts/vectors.py and returns what it prints.
    static func vectors(_ arguments: [String], input: Data = Data()) throws -> Data {
        let process = Process()
        process.executableURL = try interpreter()
        process.arguments = [root.appending(path: "scripts/vectors.py").path] + arguments
        let standardInput = Pipe(), standardOutput = Pipe()
        process.standardInput = standardInput
        process.standardOutput = standardOutput
        try process.run()
        // The script reads everything before it prints, so neither pipe can block the other.
        try standardInput.fileHandleForWriting.write(contentsOf: input)
        try standardInput.fileHandleForWriting.close()
        let output = try standardOutput.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "vectors.py ended with \(process.terminationStatus)")
        }
        return output
    }
}
