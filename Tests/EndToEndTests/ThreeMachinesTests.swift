import Foundation
import Synchronization
import TestSupport
import Testing

/// Three machines, each a process of its own, over a bucket whose server checks signatures: one is killed
/// again and again, and one lives a year ahead. Everything that passes on the wire is kept and searched.
@Suite("Three machines over a bucket") struct ThreeMachinesTests {
    private final class Machine: Sendable {
        let name: String
        let folder: URL
        let endpoint: String
        /// Runs in front of the program: a clock of its own.
        let front: [String]

        init(_ name: String, in folder: URL, endpoint: String, front: [String] = []) {
            self.name = name
            self.folder = folder
            self.endpoint = endpoint
            self.front = front
        }

        private func path(_ suffix: String) -> String {
            folder.appending(path: name + suffix).path(percentEncoded: false)
        }

        var keyFile: String { path(".key") }

        private func process(_ words: [String]) throws -> (Process, Pipe, Pipe) {
            let process = Process()
            let line = front + [Program.path] + words + ["--home", path("")]
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = line
            var environment = [
                "PATH": "/usr/bin:/bin", "HOME": path(".user"), "AI_TEAM_S3_ENDPOINT": endpoint,
                "AI_TEAM_S3_REGION": "auto", "AI_TEAM_S3_ACCESS_KEY_ID": StrictServer.accessKeyID,
                "AI_TEAM_S3_SECRET_ACCESS_KEY": StrictServer.secret,
            ]
            if words.first != "init", words.first != "device" || words.dropFirst().first != "join" {
                environment["AI_TEAM_KEY_FILE"] = keyFile
            }
            process.environment = environment
            process.currentDirectoryURL = folder
            let (output, errors) = (Pipe(), Pipe())
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = output
            process.standardError = errors
            return (process, output, errors)
        }

        /// Runs a command to its end.
        @discardableResult
        func run(_ words: String..., allowing allowed: Set<Int32> = [0]) throws -> JSON {
            try run(words, allowing: allowed)
        }

        @discardableResult
        func run(_ words: [String], allowing allowed: Set<Int32> = [0]) throws -> JSON {
            let (process, output, errors) = try process(words + ["--json"])
            try process.run()
            let said = output.fileHandleForReading.readDataToEndOfFile()
            let wrong = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(allowed.contains(process.terminationStatus), "\(name) \(words): \(wrong)")
            return said.isEmpty ? JSON(nil) : JSON(try JSONSerialization.jsonObject(with: said))
        }

        /// Runs a command and kills it at the first request after `count`, if it comes that far.
        func run(_ words: String..., killedAfter count: Int, _ proxy: RecordingProxy) throws {
            let (process, output, errors) = try process(words + ["--json"])
            let victim = KillSwitch()
            proxy.watch { number in if number > count { victim.fire() } }
            try process.run()
            victim.arm(process.processIdentifier)
            _ = output.fileHandleForReading.readDataToEndOfFile()
            _ = errors.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            proxy.watch(nil)
        }
    }

    /// Kills a process once, as soon as it is both known and wanted dead.
    private final class KillSwitch: Sendable {
        private let state = Mutex<(pid: Int32, isFired: Bool)>((0, false))

        func arm(_ pid: Int32) {
            state.withLock { state in
                state.pid = pid
                if state.isFired { kill(pid, SIGKILL) }
            }
        }

        func fire() {
            state.withLock { state in
                if state.pid != 0, !state.isFired { kill(state.pid, SIGKILL) }
                state.isFired = true
            }
        }
    }

    private static let canaries = ["canary-Ωmega-7731", "絕密的登入流程規格", "canary@example.com"]

    @Test("All converge, and nobody on the wire or in the bucket reads a word")
    func converge() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        let folder = FileManager.default.temporaryDirectory.appending(path: "three-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var options = StrictServer.Options()
        options.writeInterval = 0
        let server = try StrictServer(options)
        // The one that is killed has a wire of its own, so that its requests can be counted.
        let (wire, killedWire) = (
            try RecordingProxy(target: server.port), try RecordingProxy(target: server.port)
        )
        let a = Machine("laptop", in: folder, endpoint: wire.endpoint)
        let b = Machine(
            "ahead", in: folder, endpoint: wire.endpoint, front: ["faketime", "-f", "+365d"])
        let c = Machine("killed", in: folder, endpoint: killedWire.endpoint)
        let remote = "s3://\(StrictServer.bucket)/team"
        try a.run("init", "--key-file", a.keyFile, "--name", "laptop")
        try a.run("create-task", Self.canaries[0], "--description", Self.canaries[1])
        try a.run("sync", "remote", "set", remote)
        for machine in [b, c] { try admit(machine, by: a, remote) }
        for round in 0..<6 {
            for machine in [a, b, c] { try work(on: machine, round, &random) }
            let deaths = Int.random(in: 0..<14, using: &random)
            try syncSideBySide([a, b]) { try c.run("sync", "both", killedAfter: deaths, killedWire) }
        }
        for _ in 0..<3 { for machine in [c, a, b] { try machine.run("sync", "both") } }
        let checks = try [a, b, c].map { try $0.run("sync", "verify") }
        let roots = checks.map { $0["state_root"].string ?? "-" }
        #expect(Set(roots).count == 1 && roots[0].count == 64, "seed \(seed): \(roots)")
        #expect(checks.allSatisfy { $0["ok"].bool == true && $0["failed"].list.isEmpty })
        let tasks = try a.run("list-tasks", "--limit", "0").list.count
        #expect(tasks >= 13, "what two of them made shows at once, what is stamped far ahead waits")

        #expect(wire.traffic.contains { $0.count > 1000 } && killedWire.traffic.contains { $0.count > 1000 })
        search(wire.traffic + killedWire.traffic, server)
    }

    /// Tokens are good for fifteen minutes by the inviter's clock.
    private func admit(_ machine: Machine, by inviter: Machine, _ remote: String) throws {
        let invited = try inviter.run("device", "invite", "--role", "writer", "--auto-approve")
        let join = [
            "device", "join", invited["token"].string ?? "", "--remote", remote, "--name", machine.name,
            "--key-file", machine.keyFile, "--no-wait",
        ]
        try machine.run(join)
        try inviter.run("sync", "both")
        try machine.run(join)
        try machine.run("sync", "remote", "set", remote)
    }

    /// A new task, and a change of one that somebody made.
    private func work(on machine: Machine, _ round: Int, _ random: inout SplitMix64) throws {
        try machine.run("create-task", "\(Self.canaries[round % 3]) \(machine.name) \(round)")
        let tasks = try machine.run("list-tasks")
        guard let task = tasks.list.randomElement(using: &random)?["id"].string else { return }
        try machine.run("tasks", "update", task, "--title", "\(machine.name) \(round)", allowing: [0, 5])
    }

    private func syncSideBySide(_ machines: [Machine], and other: () throws -> Void) throws {
        let group = DispatchGroup()
        let failures = Mutex<[String]>([])
        for machine in machines {
            DispatchQueue.global().async(group: group) {
                do { try machine.run("sync", "both", allowing: [0, 7]) } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        try other()
        group.wait()
        #expect(failures.withLock { $0 }.isEmpty)
    }

    /// What passed on the wire, and what lies in the bucket.
    private func search(_ traffic: [[UInt8]], _ server: StrictServer) {
        let objects = server.keys.compactMap { server.object($0) }
        let seen = traffic + objects
        for canary in Self.canaries + [StrictServer.secret] {
            for bytes in seen { #expect(!contains(bytes, Array(canary.utf8)), "\(canary) was readable") }
        }
        // The twin: this search does find what is there.
        #expect(seen.contains { contains($0, Array("ATS1".utf8)) })
        // Every object has a key and nonces of its own: they come from the salt that its body begins with.
        let salts = objects.filter { $0.starts(with: Array("ATS1".utf8)) }.map { Array($0[256..<280]) }
        #expect(salts.count > 20 && Set(salts).count == salts.count)
    }

    private func contains(_ bytes: [UInt8], _ word: [UInt8]) -> Bool {
        Data(bytes).range(of: Data(word)) != nil
    }
}
