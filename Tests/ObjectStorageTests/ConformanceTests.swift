import FileSystem
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
