import Glibc
import Synchronization

/// A server for tests that takes what R2 takes and refuses what R2 refuses: one bucket, in memory, on
/// loopback, a thread for each connection.
///
/// It checks signatures, hashes, conditions, locks and rates by code of its own, so that an error in ours is
/// not in both. What it deliberately does wrong (`Fault`) is decided for each request by the test.
package final class StrictServer: Sendable {
    package static let accessKeyID = "AKIDSTRICTSERVER"
    package static let secret = "strict/secret+of=the/test"
    package static let bucket = "vault-bucket"

    /// What a store does with `If-None-Match` and `If-Match` of a put.
    package enum Conditions: Sendable { case honoured, ignored, refused }

    /// How strict it is, and about what.
    package struct Options: Sendable {
        package var conditions = Conditions.honoured
        /// Objects under these prefixes are never replaced or removed.
        package var lockedPrefixes: [String] = []
        /// A locked object is told as that, whatever the condition of the put.
        package var locksComeFirst = false
        /// No second write to a key within so many milliseconds; 0 for no such rule.
        package var writeInterval: Int64 = 1000
        package var sessionToken: String?
        /// The server's clock, milliseconds since 1970.
        package var now: @Sendable () -> Int64 = StrictTime.now
        /// Asked for every request after its signature was found good.
        package var fault: @Sendable (Seen) -> Fault? = { _ in nil }

        package init() {}
    }

    /// What it does wrong with one request.
    package enum Fault: Sendable {
        /// The connection ends; nothing was done.
        case lostBefore
        /// The connection ends; all was done.
        case lostAfter
        /// This status and code, and nothing was done.
        case answer(Int, String, retryAfter: Int? = nil)
        /// The connection ends in the middle of the answer's body.
        case cutBody
        /// A listing with one object in it that says that there are more.
        case shortList
        /// The state before the last write to the key.
        case stale
    }

    /// A request as the log keeps it.
    package struct Seen: Sendable {
        package var number: Int
        package var method: String
        /// Empty for the bucket itself.
        package var key: String
        package var query: [String: String]
        package var size: Int
        /// A header `Expect` was there.
        package var expects = false
        /// The status, or 0 when the connection was cut instead.
        package var status = 0
        /// The object was stored or removed by it.
        package var isApplied = false
    }

    package let options: Options
    let bucket: StrictBucket
    private let listener: Int32
    /// Where it listens on loopback.
    package let port: UInt16
    private let log = Mutex<[Seen]>([])
    private let connections = Mutex<(open: Set<Int32>, isClosed: Bool)>(([], false))

    /// Servers are open until the process ends, each with a listener and some connections.
    private static let limitRaised: Void = {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 8192))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }()

    package init(_ options: Options = Options()) throws {
        _ = StrictServer.limitRaised
        self.options = options
        bucket = StrictBucket(options)
        (listener, port) = try StrictSocket.listen()
        // It lives until it is shut or the process ends: optimised, a test may say its last word about a
        // server before its last request.
        StrictSocket.thread { [self] in
            // Closed by nobody else: its number could be another server's by the next `accept`.
            defer { Glibc.close(listener) }
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    return
                }
                guard add(connection) else {
                    Glibc.close(connection)
                    return
                }
                StrictSocket.thread { self.serve(connection) }
            }
        }
    }

    /// Ends all connections and takes no more.
    package func shut() {
        connections.withLock { state in
            for connection in state.open { shutdown(connection, Int32(SHUT_RDWR)) }
            // Once only: the thread that accepts closes it after this, and then the number may be another's.
            if !state.isClosed { shutdown(listener, Int32(SHUT_RDWR)) }
            state.isClosed = true
        }
    }

    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// All requests so far whose signature was good.
    package var requests: [Seen] { log.withLock(\.self) }

    /// The object's bytes now; nil for none.
    package func object(_ key: String) -> [UInt8]? { bucket.bytes(key) }

    /// Puts an object there behind everyone's back, whatever the rules; nil removes it.
    package func plant(_ key: String, _ bytes: [UInt8]?) { bucket.plant(key, bytes) }

    /// All names there are, in order.
    package var keys: [String] { bucket.keys }

    // MARK: - Connections

    private func add(_ connection: Int32) -> Bool {
        connections.withLock { state in
            if !state.isClosed { state.open.insert(connection) }
            return !state.isClosed
        }
    }

    private func serve(_ connection: Int32) {
        var socket = StrictSocket(connection)
        while let request = socket.request() {
            let (answer, cut) = respond(to: request)
            if cut == .before { break }
            guard socket.send(answer, isHead: request.method == "HEAD", isCut: cut == .middle) else { break }
            if cut != nil || request.headers["connection"] == "close" { break }
        }
        connections.withLock { state in
            state.open.remove(connection)
            Glibc.close(connection)
        }
    }

    private enum Cut { case before, middle }

    private func respond(to request: StrictRequest) -> (StrictAnswer, Cut?) {
        let now = options.now()
        if let refusal = StrictSignature.refusal(of: request, options, now: now) {
            return (refusal.dated(now), nil)
        }
        var seen = Seen(
            number: log.withLock(\.count), method: request.method, key: request.key, query: request.query,
            size: request.body.count, expects: request.headers["expect"] != nil)
        log.withLock { log in
            seen.number = log.count
            log.append(seen)
        }
        let fault = options.fault(seen)
        var answer: StrictAnswer
        var cut: Cut?
        switch fault {
        case .lostBefore: return (StrictAnswer(400, "Lost"), .before)
        case .answer(let status, let code, let seconds):
            answer = StrictAnswer(status, code)
            if let seconds { answer.headers["Retry-After"] = String(seconds) }
        default:
            var view = StrictBucket.View()
            if case .stale = fault { view.isStale = true }
            if case .shortList = fault { view.isShort = true }
            answer = bucket.perform(request, view, now: now)
            if case .lostAfter = fault { cut = .before }
            if case .cutBody = fault, answer.body.count > 1 { cut = .middle }
        }
        let (number, status, isApplied) = (seen.number, cut == .before ? 0 : answer.status, answer.isApplied)
        log.withLock { log in
            log[number].status = status
            log[number].isApplied = isApplied
        }
        return (answer.dated(now), cut)
    }
}
