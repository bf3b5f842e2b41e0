import Cryptography
import FileSystem
import Glibc
import ObjectStorage
import TestSupport
import Testing

/// The same demands on every kind of store.
@Suite struct ConformanceTests {
    @Test func aDirectory() throws {
        let directory = try TemporaryDirectory()
        var conformance = Conformance(store: try DirectoryStore(directory("store")))
        conformance.hasMD5 = false
        try conformance.run()
        #expect(try Files.list(directory("store/.store-new")) == [])
    }

    /// With retries in front a bad line only takes longer.
    @Test func aDirectoryBehindABadLine() throws {
        let directory = try TemporaryDirectory()
        let seed = printedSeed()
        let faulty = FaultyStore(try DirectoryStore(directory("store")), hundredth: 30, seed: seed)
        let clock = TestClock(seed: seed)
        var settings = StoreSettings()
        settings.retry.attempts = 40
        let opened = OpenStore(
            try StoreURL("file:///store"), faulty, settings, surroundings: clock.surroundings)
        var conformance = Conformance(store: opened.store)
        conformance.hasMD5 = false
        try conformance.run()
        #expect(!clock.waits.isEmpty)
    }

    /// Any other server that the environment names: AI_TEAM_TEST_S3_ENDPOINT, _BUCKET, _KEY, _SECRET, and
    /// _CONDITIONS where they are `ignored` or `refused`. What it leaves behind stands under a random prefix.
    @Test(.enabled(if: environment("ENDPOINT") != nil, "AI_TEAM_TEST_S3_ENDPOINT names no server"))
    func theNamedServer() throws {
        let endpoint = try #require(environment("ENDPOINT"))
        let location = try S3Location(
            endpoint: S3Endpoint(endpoint), region: environment("REGION") ?? "auto",
            bucket: try #require(environment("BUCKET")),
            prefix: "conformance-\(UInt32.random(in: 0...(.max)))")
        let secret = SecretBytes(copying: Array(try #require(environment("SECRET")).utf8))
        let store = S3Store(
            location, StoreCredentials(accessKeyID: try #require(environment("KEY")), secret: secret))
        let opened = OpenStore(try StoreURL("s3://named"), store)
        var conformance = Conformance(store: opened.store)
        conformance.keepsParts = false
        switch environment("CONDITIONS") {
        case "ignored": conformance.conditions = .ignored
        case "refused": conformance.conditions = .refused
        default: conformance.conditions = .honoured
        }
        try conformance.run()
    }

    @Test func theStrictServer() throws {
        let clock = TestClock()
        var options = StrictServer.Options()
        options.now = { clock.now }
        let server = try StrictServer(options)
        var conformance = Conformance(store: try server.store(clock: clock))
        conformance.settle = { clock.advance(1001) }
        try conformance.run()
        #expect(server.requests.allSatisfy { !$0.expects })
    }

    @Test func theStrictServerWithPrefixAndSessionToken() throws {
        let clock = TestClock()
        var options = StrictServer.Options()
        options.now = { clock.now }
        options.sessionToken = "token/of+a=session"
        let server = try StrictServer(options)
        let store = try server.store(prefix: "some/prefix", token: options.sessionToken, clock: clock)
        var conformance = Conformance(store: store)
        conformance.settle = { clock.advance(1001) }
        try conformance.run()
        #expect(server.keys.allSatisfy { $0.hasPrefix("some/prefix/") })
        let without = try server.store(clock: clock)
        let error = #expect(throws: StorageError.self) { try without.list(prefix: "", after: nil, limit: 1) }
        #expect(error?.code == .unauthorized)
    }

    @Test(arguments: [StrictServer.Conditions.ignored, .refused])
    func theStrictServerWithoutConditions(conditions: StrictServer.Conditions) throws {
        let clock = TestClock()
        var options = StrictServer.Options()
        options.now = { clock.now }
        options.conditions = conditions
        let server = try StrictServer(options)
        var conformance = Conformance(store: try server.store(clock: clock))
        conformance.settle = { clock.advance(1001) }
        conformance.conditions = conditions
        try conformance.run()
    }

    /// moto checks signatures, and conditions too; it knows no slash in a listing's prefix when it does.
    @Test func moto() throws {
        let server = try ServerProcess(script: "moto_server.py")
        var conformance = Conformance(store: try server.store())
        conformance.listsBelowSlashes = false
        conformance.checksBodies = false
        conformance.keepsParts = false
        try conformance.run()
        let stranger = try server.store(secret: "wrong")
        let error = #expect(throws: StorageError.self) { try stranger.list(prefix: "", after: nil, limit: 1) }
        #expect(error?.code == .unauthorized)
    }

    /// rclone checks signatures and ignores conditions.
    @Test func rclone() throws {
        let server = try ServerProcess(script: "rclone_server.py")
        var conformance = Conformance(store: try server.store(prefix: "below"))
        conformance.conditions = .ignored
        conformance.checksBodies = false
        conformance.keepsParts = false
        try conformance.run()
        let stranger = try server.store(secret: "wrong")
        let error = #expect(throws: StorageError.self) { try stranger.list(prefix: "", after: nil, limit: 1) }
        #expect(error?.code == .unauthorized)
    }
}

private func environment(_ name: String) -> String? {
    getenv("AI_TEAM_TEST_S3_" + name).map { String(cString: $0) }
}
