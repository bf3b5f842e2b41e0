import Foundation
import TestSupport

/// Our formats once more in Python, by an implementation that shares nothing with ours.
enum Python {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Runs scripts/vectors.py and returns what it prints.
    static func vectors(_ arguments: [String], input: Data = Data()) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = [ProjectPython.root + "/scripts/vectors.py"] + arguments
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
