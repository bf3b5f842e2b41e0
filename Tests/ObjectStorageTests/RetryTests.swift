import Cryptography
import ObjectStorage
import Synchronization
import TestSupport
import Testing

/// Retries against a server that fails on purpose.
@Suite struct RetryTests {
    /// A server whose next faults are given in order, and a store with everything in front of it.
    private struct Bench {
        let clock = TestClock(seed: printedSeed())
        let server: StrictServer
        let opened: OpenStore
        var store: any ObjectStore { opened.store }

        init(
            _ faults: [StrictServer.Fault?], _ change: (inout StrictServer.Options) -> Void = { _ in }
        ) throws {
            var options = StrictServer.Options()
            let clock = clock
            options.now = { clock.now }
            let left = Mutex(faults)
            options.fault = { _ in left.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
            change(&options)
            server = try StrictServer(options)
            opened = OpenStore(
                try StoreURL("s3://vault-bucket"), try server.store(clock: clock),
                surroundings: clock.surroundings)
        }

        func name(_ text: String = "some/name") throws -> ObjectName { try #require(ObjectName(text)) }

        /// Writes that the server carried out.
        var applied: Int { server.requests.count { $0.isApplied } }
    }

    @Test(arguments: [
        StrictServer.Fault.lostBefore, .lostAfter, .answer(500, "InternalError"), .answer(503, "SlowDown"),
        .answer(429, "TooManyRequests"),
    ])
    func aPutUnderAConditionHappensOnce(fault: StrictServer.Fault) throws {
        let bench = try Bench([fault, nil, nil, nil])
        let etag = try bench.store.put(bench.name(), .bytes([1, 2, 3]), .ifAbsent)
        #expect(try bench.store.head(bench.name())?.etag == etag)
        #expect(bench.applied == 1)
        // Someone else's object under the name is no success, lost answer or not.
        let other = try Bench([fault])
        other.server.plant("some/name", [9])
        let error = #expect(throws: StorageError.self) {
            try other.store.put(other.name(), .bytes([1, 2, 3]), .ifAbsent)
        }
        #expect(error?.code == .preconditionFailed)
        #expect(other.server.object("some/name") == [9])
    }

    @Test func aLostAnswerIsFoundOutEvenBehindAStaleRead() throws {
        // The put is lost after it was done, the look at it is stale, the next put is refused.
        let bench = try Bench([.lostAfter, .stale, nil, nil])
        _ = try bench.store.put(bench.name(), .bytes([1, 2, 3]), .ifAbsent)
        #expect(bench.applied == 1)
        let first = try Bench([])
        let etag = try first.store.put(first.name(), .bytes([1]), .none)
        first.clock.advance(2000)
        let again = try Bench([.lostAfter])
        again.server.plant("some/name", [1])
        _ = try again.store.put(again.name(), .bytes([2]), .ifMatches(etag))
        #expect(again.applied == 1 && again.server.object("some/name") == [2])
    }

    /// The put's answer is lost and it is refused when it is tried again: whose object that is, is asked
    /// until there is an answer.
    @Test func aLostAnswerIsFoundOutHoweverOftenItIsAsked() throws {
        let unanswered = StrictServer.Fault.answer(500, "InternalError")
        // The second put finds that a key was written twice in a second, and says when to come again.
        let later = StrictServer.Fault.answer(503, "SlowDown", retryAfter: 2)
        let bench = try Bench([.lostAfter, unanswered, later, unanswered, nil, unanswered, nil, nil])
        let etag = try bench.store.put(bench.name(), .bytes([1, 2, 3]), .ifAbsent)
        #expect(try bench.store.head(bench.name())?.etag == etag)
        #expect(bench.applied == 1)
    }

    @Test func aReadGoesOnWhereItStopped() throws {
        let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let bench = try Bench([.cutBody, .cutBody, .answer(503, "SlowDown")])
        bench.server.plant("some/name", content)
        #expect(try bench.store.read(bench.name(), limit: 1 << 20) == content)
        #expect(bench.opened.counts.bytesReceived == 1_000_000)
        let ranged = try Bench([.cutBody])
        ranged.server.plant("some/name", content)
        #expect(try ranged.store.read(ranged.name(), range: 100..<900_000) == Array(content[100..<900_000]))
    }

    @Test func aReadDoesNotMixTwoVersions() throws {
        let bench = try Bench([.cutBody])
        bench.server.plant("some/name", [UInt8](repeating: 1, count: 1_000_000))
        var isFirst = true
        let error = #expect(throws: StorageError.self) {
            _ = try bench.store.get(bench.name(), range: nil, unless: nil) { _ in
                if isFirst { bench.server.plant("some/name", [UInt8](repeating: 2, count: 1_000_000)) }
                isFirst = false
            }
        }
        #expect(error?.code == .failed)
    }

    @Test func refusalsAreFinal() throws {
        for (status, code, expected) in [
            (401, "Unauthorized", StorageError.Code.unauthorized), (403, "AccessDenied", .forbidden),
            (403, "SignatureDoesNotMatch", .unauthorized), (400, "InvalidRequest", .refused),
        ] {
            let bench = try Bench(Array(repeating: .answer(status, code), count: 10))
            let error = #expect(throws: StorageError.self) { try bench.store.head(bench.name("x")) }
            // An answer to HEAD has no body: only its status tells.
            #expect(error?.code == expected || code == "SignatureDoesNotMatch")
            #expect(bench.server.requests.count == 1 && bench.clock.waits.isEmpty)
        }
    }

    @Test func pausesGrowAndEnd() throws {
        let bench = try Bench(Array(repeating: .answer(503, "SlowDown"), count: 100))
        let error = #expect(throws: StorageError.self) { try bench.store.delete(bench.name()) }
        #expect(error?.code == .throttled && bench.server.requests.count == 8)
        for (index, wait) in bench.clock.waits.enumerated() { #expect(wait <= 250 << UInt64(index)) }
        #expect(bench.clock.waits.count == 7 && Set(bench.clock.waits).count > 1)
        let asked = try Bench([.answer(503, "SlowDown", retryAfter: 7)])
        try asked.store.delete(asked.name())
        #expect(asked.clock.waits.count == 1 && asked.clock.waits[0] >= 7000)
    }

    @Test func twoWritesASecondToAKeyAreWaitedOut() throws {
        let bench = try Bench([])
        for byte in UInt8(0)..<5 { _ = try bench.store.put(bench.name(), .bytes([byte]), .none) }
        #expect(bench.server.object("some/name") == [4] && !bench.clock.waits.isEmpty)
    }

    @Test func aWrongClockIsCorrectedOnce() throws {
        for minutes in [-20, 20] as [Int64] {
            let clock = TestClock()
            var options = StrictServer.Options()
            options.now = { clock.now + minutes * 60_000 }
            let server = try StrictServer(options)
            let store = try server.store(clock: clock)
            _ = try store.put(try #require(ObjectName("x")), .bytes([1]), .none)
            #expect(abs((store.clockDifference ?? 0) - minutes * 60_000) < 2000)
            // From now on requests are signed right at once.
            _ = try store.list(prefix: "", after: nil, limit: 1)
            #expect(server.requests.count == 2)
            #expect(server.requests.allSatisfy { $0.status == 200 })
        }
        // A server that changes its mind is not followed.
        let clock = TestClock()
        let ahead = Mutex<Int64>(1_200_000)
        var options = StrictServer.Options()
        options.now = { clock.now + ahead.withLock(\.self) }
        let server = try StrictServer(options)
        let store = try server.store(clock: clock)
        _ = try store.list(prefix: "", after: nil, limit: 1)
        ahead.withLock { $0 = -1_200_000 }
        let error = #expect(throws: StorageError.self) { try store.list(prefix: "", after: nil, limit: 1) }
        #expect(error?.code == .clockSkew)
    }

    @Test func locksAreTold() throws {
        let bench = try Bench([]) { $0.lockedPrefixes = ["some/"] }
        _ = try bench.store.put(bench.name(), .bytes([1]), .ifAbsent)
        bench.clock.advance(2000)
        for body in [
            { _ = try bench.store.put(bench.name(), .bytes([2]), .none) },
            { try bench.store.delete(bench.name()) },
        ] as [() throws -> Void] {
            let error = #expect(throws: StorageError.self, performing: body)
            #expect(error?.code == .locked)
        }
        #expect(bench.server.object("some/name") == [1])
    }

    @Test func requestsAreCountedAsTheyAreBilled() throws {
        let bench = try Bench([.answer(500, "InternalError")])
        _ = try bench.store.put(bench.name(), .bytes([1, 2, 3]), .none)
        _ = try bench.store.read(bench.name(), limit: 3)
        _ = try bench.store.head(bench.name())
        _ = try bench.store.list(prefix: "", after: nil, limit: 1)
        try bench.store.delete(bench.name())
        let counts = bench.opened.counts
        #expect(counts.writes == 3 && counts.reads == 2 && counts.deletes == 1 && counts.requests == 6)
        #expect(counts.bytesSent == 3 && counts.bytesReceived == 3)
        #expect(abs(counts.microdollars - 14.22) < 0.001)
    }

    @Test func bytesAreSpreadOverTime() throws {
        let clock = TestClock()
        let server = try StrictServer()
        var settings = StoreSettings()
        settings.bandwidth = 1000
        let directory = try TemporaryDirectory()
        let opened = OpenStore(
            try StoreURL("file:///x"), try DirectoryStore(directory("x")), settings,
            surroundings: clock.surroundings)
        let start = clock.now
        for number in 0..<5 {
            _ = try opened.store.put(
                try #require(ObjectName("\(number)")), .bytes([UInt8](repeating: 0, count: 2000)), .none)
        }
        // The last one's own two seconds are still to be made good.
        #expect(clock.now - start == 8000)
        server.shut()
    }
}
