import Backup
import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Synchronization
import TestSupport
import Testing
import Vault

/// A bare machine and a bucket: a server that checks every signature, and does what it is told to do wrong.
@Suite struct BucketRecoveryTests {
    private let bucket: RecoveryBucket
    private let server: StrictServer
    private let wanted: [String]
    private let fault = Faults()

    private final class Faults: Sendable {
        private let decide = Mutex<@Sendable (StrictServer.Seen) -> StrictServer.Fault?>({ _ in nil })

        func set(_ body: @escaping @Sendable (StrictServer.Seen) -> StrictServer.Fault?) {
            decide.withLock { $0 = body }
        }

        func fault(_ seen: StrictServer.Seen) -> StrictServer.Fault? { decide.withLock(\.self)(seen) }
    }

    init() throws {
        bucket = try RecoveryBucket()
        wanted = try bucket.fill()
        var options = StrictServer.Options()
        options.fault = { [fault] in fault.fault($0) }
        server = try StrictServer(options)
        let store = bucket.path
        let files = run("/usr/bin/find", store, "-type", "f", "-path", "*/?/*").output
        for path in files.split(separator: "\n") {
            let name = path.dropFirst(store.utf8.count + 1)
            server.plant("ai-team/backup/v1/\(name)", contents(String(path)))
        }
    }

    private func recover() throws -> VaultRecovery.Report {
        var settings = StoreSettings()
        settings.endpoint = server.endpoint
        settings.credentials = StoreCredentials(
            accessKeyID: StrictServer.accessKeyID,
            secret: SecretBytes(copying: Array(StrictServer.secret.utf8)))
        let surroundings = StoreSurroundings(
            now: StoreSurroundings.system.now, uptime: StoreSurroundings.system.uptime, wait: { _ in },
            random: { $0 / 2 })
        let remote = try Stores.open(
            StoreURL("s3://\(StrictServer.bucket)/ai-team"), settings, surroundings: surroundings)
        return try VaultRecovery(remote, into: bucket.target).run(
            with: .code(bucket.living.code), time: 5, decide: bucket.decide)
    }

    private func isWhole() throws {
        let keys = try KeyRing.open(in: bucket.target.keysDirectory, with: LivingHome.secret(9))
        #expect(try LivingHome.contents(of: bucket.target, keys: keys) == wanted)
    }

    private var fetchedPacks: [String] {
        server.requests.filter { $0.method == "GET" && $0.status == 200 && $0.key.contains("/p/") }.map(\.key)
    }

    @Test func everythingComesBackWithOneRequestAnObject() throws {
        let report = try recover()
        #expect(report.finding.problems.isEmpty)
        try isWhole()
        // The listing, two manifests, two packs.
        #expect(server.requests.count == 5)
    }

    @Test func linesThatBreakAndAnswersThatFailAreTriedAgain() throws {
        let seen = Mutex<[String: Int]>([:])
        fault.set { request in
            let times = seen.withLock { seen in
                seen[request.key, default: 0] += 1
                return seen[request.key, default: 0]
            }
            switch times {
            case 1: return .lostBefore
            case 2: return .answer(503, "SlowDown")
            case 3: return request.key.isEmpty ? .shortList : .cutBody
            default: return nil
            }
        }
        #expect(try recover().finding.problems.isEmpty)
        try isWhole()
    }

    /// The key is refused after the first pack: that pack is not fetched a second time.
    @Test func whatWasFetchedBeforeARefusalIsKept() throws {
        let first = Mutex<String?>(nil)
        fault.set { request in
            guard request.key.contains("/p/") else { return nil }
            let mayPass = first.withLock { first in
                if first == nil { first = request.key }
                return first == request.key
            }
            return mayPass ? nil : .answer(403, "AccessDenied")
        }
        let error = #expect(throws: StorageError.self) { try recover() }
        #expect(error?.code == .forbidden)
        // Whether the first was whole by then is chance; nothing else is there.
        #expect(try Files.list(bucket.target.path).allSatisfy { $0 == "run" })
        fault.set { _ in nil }
        _ = try recover()
        try isWhole()
        #expect(fetchedPacks.count <= 3)
    }

    @Test func aBucketThatIsNotThereLeavesNothing() throws {
        server.shut()
        let error = #expect(throws: StorageError.self) { try recover() }
        #expect(error?.code == .unreachable)
        #expect(try !Files.exists(bucket.target.path))
    }

    @Test func whatDoesNotBelongThereIsNamed() throws {
        server.plant("ai-team/backup/v1/m/../x", [1])
        server.plant("ai-team/backup/v1/m/nobody", [1, 2])
        let manifest = try #require(server.keys.last { $0.contains("/m/") && !$0.hasSuffix("nobody") })
        let bytes = try #require(server.object(manifest))
        server.plant(String(manifest.dropLast()) + "9", Array(bytes.dropLast(3)))
        let report = try recover()
        #expect(report.finding.problems.count == 3)
        try isWhole()
    }

    @Test func aPackThatIsGoneOrLongerIsNamed() throws {
        let pack = try #require(server.keys.first { $0.contains("/p/") })
        let bytes = try #require(server.object(pack))
        for wrong in [nil, bytes + [0], Array(bytes.dropLast())] {
            server.plant(pack, wrong)
            let error = #expect(throws: BackupError.self) { try recover() }
            #expect(error?.code == .integrity && error?.object?.hasPrefix("pack ") == true)
            #expect(try !Files.exists(bucket.target.path))
        }
    }
}
