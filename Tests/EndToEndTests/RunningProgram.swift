import Foundation

/// The program while it runs: for tests that wait for it, interrupt it or kill it.
final class RunningProgram {
    private let process = Process()
    private let output = Pipe()
    private var said = Data()

    init(_ arguments: [String], in home: TestHome) throws {
        process.executableURL = URL(filePath: Program.path)
        process.arguments = arguments
        process.environment = [
            "PATH": "/usr/bin:/bin", "HOME": home.folder.path(percentEncoded: false),
            "AI_TEAM_HOME": home.home, "AI_TEAM_KEY_FILE": home.keyFile,
        ]
        process.currentDirectoryURL = home.folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    var isRunning: Bool { process.isRunning }

    /// Reads what it says until that is `count` whole lines or it is gone; all whole lines since it began.
    func lines(_ count: Int) -> [Data] {
        while true {
            let lines = said.split(separator: 10, omittingEmptySubsequences: false).dropLast()
            if lines.count >= count { return Array(lines) }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return Array(lines) }
            said += more
        }
    }

    /// Waits for the end: its exit code, or the negative number of the signal that ended it; and what it
    /// said.
    func wait() -> (status: Int32, output: Data) {
        said += output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let wasKilled = process.terminationReason == .uncaughtSignal
        return (wasKilled ? -process.terminationStatus : process.terminationStatus, said)
    }
}
