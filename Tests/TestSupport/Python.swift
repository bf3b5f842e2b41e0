import Foundation

/// The project's Python, as a peer that shares nothing with this program.
package enum Python {
    package struct Failure: Error, CustomStringConvertible { package let description: String }

    /// Runs it to the end and returns what it printed.
    package static func run(_ arguments: [String], input: String = "") throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = arguments
        let (output, source) = (Pipe(), Pipe())
        process.standardInput = source
        process.standardOutput = output
        try process.run()
        try source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try source.fileHandleForWriting.close()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "Python ended with \(process.terminationStatus)")
        }
        return String(decoding: text, as: UTF8.self)
    }
}
