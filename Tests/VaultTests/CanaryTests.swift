import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

/// No plaintext on the disk: before, while and after a process works that is killed in the middle.
@Suite struct CanaryTests {
    @Test func theCanaryIsInNoFile() throws {
        let home = try VaultHome()
        let canary = "CANARY-\(UInt32.random(in: .min ... .max))-金絲雀"
        try Files.createDirectory(home.directory("tmp"))
        try scan(home)
        let environment = ["TMPDIR": home.directory("tmp"), "SQLITE_TMPDIR": home.directory("tmp")]
        let worker = try WorkerProcess(["vault-canary", home.root, canary], environment: environment)
        for round in 1...8 {
            #expect(worker.lines { $0.count >= round }.count >= round)
            // Files that grow while they are searched would never end.
            try worker.whileStopped { try scan(home) }
        }
        worker.kill()
        #expect(worker.wait() == -1)
        try scan(home)
        let vault = try home.open()
        #expect(try vault.read { try $0.searchTasks(canary).items }.isEmpty == false)
        try vault.sweepBlobs()
        try scan(home)
        try vault.close()
        try scan(home)
    }

    /// Looks for the canary in all names and bytes of the home and of the temporary directory.
    private func scan(_ home: VaultHome, _ location: SourceLocation = #_sourceLocation) throws {
        let roots = [home.home.path, home.directory("tmp")]
        for name in try roots.flatMap({ try FileManager.default.subpathsOfDirectory(atPath: $0) }) {
            #expect(!name.contains("CANARY-") && !name.contains("金絲雀"), sourceLocation: location)
        }
        let grep = Process()
        grep.executableURL = URL(filePath: "/bin/grep")
        grep.arguments = ["-rlaF", "-e", "CANARY-", "-e", "金絲雀"] + roots
        grep.environment = ["LC_ALL": "C"]
        let found = Pipe()
        grep.standardOutput = found
        grep.standardError = FileHandle.nullDevice  // of files that went meanwhile
        try grep.run()
        let names = String(decoding: found.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        grep.waitUntilExit()
        #expect(names.isEmpty, sourceLocation: location)
    }
}
