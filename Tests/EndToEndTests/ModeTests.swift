import Foundation
import Synchronization
import TestSupport
import Testing

/// `local`, `cloud` and `auto`, by the requests that a bucket on loopback sees.
@Suite("Modes") struct ModeTests {
    let test: TestHome
    private let server: StrictServer
    private let environment: [String: String]
    /// Whether the bucket cuts every connection.
    private let isDown: Down

    private final class Down: Sendable {
        private let flag = Mutex(false)
        var value: Bool {
            get { flag.withLock(\.self) }
            set { flag.withLock { $0 = newValue } }
        }
    }

    init() throws {
        test = try TestHome(["--name", "laptop"])
        var options = StrictServer.Options()
        options.writeInterval = 0
        let isDown = Down()
        self.isDown = isDown
        options.fault = { _ in isDown.value ? .lostBefore : nil }
        server = try StrictServer(options)
        environment = [
            "AI_TEAM_S3_ENDPOINT": "http://127.0.0.1:\(server.port)",
            "AI_TEAM_S3_ACCESS_KEY_ID": StrictServer.accessKeyID,
            "AI_TEAM_S3_SECRET_ACCESS_KEY": StrictServer.secret,
        ]
        try run("sync", "remote", "set", "s3://\(StrictServer.bucket)/team")
    }

    @discardableResult
    private func run(_ words: String..., expect status: Int32 = 0) throws -> Program.Outcome {
        try command(words, environment, status)
    }

    /// With a bucket that does not answer.
    private func offline(_ words: String..., expect status: Int32 = 0) throws -> Program.Outcome {
        isDown.value = true
        defer { isDown.value = false }
        return try command(words, environment, status)
    }

    private func command(
        _ words: [String], _ environment: [String: String], _ status: Int32
    ) throws -> Program.Outcome {
        let home = ["AI_TEAM_HOME": test.home, "AI_TEAM_KEY_FILE": test.keyFile]
        let outcome = try Program.run(
            words + ["--json"], environment: environment.merging(home) { $1 }, in: test.folder)
        #expect(outcome.status == status, "\(words) \(outcome.errors)")
        return outcome
    }

    /// The requests that `body` causes.
    private func requests(_ body: () throws -> Void) rethrows -> Int {
        let before = server.requests.count
        try body()
        return server.requests.count - before
    }

    @Test("local asks nobody, whatever is set")
    func local() throws {
        #expect(
            try requests {
                try run("create-task", "here")
                try run("list-tasks")
                try run("status")
                try run("stats")
                try run("doctor")
            } == 0)
    }

    @Test("cloud gets before and sends after, and exits with 7 when it can't")
    func cloud() throws {
        try run("config", "--mode", "cloud")
        #expect(try requests { try run("list-tasks") } == 1)
        #expect(try requests { try run("create-task", "shared") } == 6)
        #expect(try requests { try run("list-tasks", "--mode", "local") } == 0)
        #expect(try requests { try run("status") } == 0)
        let refused = try offline("create-task", "never", expect: 7).error()
        #expect(refused["code"].string == "remote_unreachable")
        #expect(try run("list-tasks").json().list.count == 1)
        #expect(try offline("list-tasks", expect: 7).output.isEmpty)
    }

    @Test("auto goes on with what is here, and catches up later")
    func auto() throws {
        try run("config", "--mode", "auto")
        var made: Program.Outcome?
        // One try, and nothing more once it failed.
        #expect(try requests { made = try offline("create-task", "on the train") } == 1)
        #expect(made?.errors.contains("working with what is here") == true)
        #expect(try offline("sync", "status").json()["ahead"].int == 1)
        #expect(try requests { try run("create-task", "at home") } == 6)
        #expect(try run("sync", "status").json()["ahead"].int == 0)
    }

    @Test("a claim goes by the remote: cloud exits with 7 without it, auto claims here and brings it later")
    func claims() throws {
        for title in ["one", "two", "three"] { try run("create-task", title) }
        try run("config", "--mode", "cloud")
        #expect(try offline("tasks", "claim", expect: 7).error()["code"].string == "remote_unreachable")
        let claim = try run("tasks", "claim", "--agent", "qa").json()
        #expect(claim["lease_token"].string?.isEmpty == false)
        #expect(claims(put: "/1").count == 1)
        let id = try #require(claim["id"].string)
        let lease = try #require(claim["lease_token"].string)
        try run("tasks", "heartbeat", id, "--lease", lease, "--for", "20m")
        #expect(claims(put: "/1").count == 2)
        try run("complete-task", id, "--lease", lease)
        #expect(claims(put: "/1").count == 3)
        #expect(try offline("tasks", "claim", "--mode", "auto").json()["lease_token"].string != nil)
        #expect(claims(put: "/1").count == 3)
        try run("sync", "both")
        #expect(claims(put: "/1").count == 4)
        #expect(try requests { try run("tasks", "claim", "--mode", "local") } == 0)
    }

    /// The claims that were put under such a name.
    private func claims(put suffix: String) -> [String] {
        server.requests.filter { $0.method == "PUT" && $0.key.contains("/sync/v1/t/") }.map(\.key)
            .filter { $0.hasSuffix(suffix) }
    }
}
