internal import Cryptography
internal import Synchronization

/// A bucket of Amazon S3, Cloudflare R2 or a server of their kind.
///
/// Every request is signed with the hash of its body, and what is sent carries its MD5, so that the store
/// refuses what was changed on the way. Nothing is tried twice here, but for one thing: when the store says
/// that this machine's clock is wrong, its Date header corrects the signatures from then on, once.
public final class S3Store: ObjectStore {
    /// How requests are sent.
    public struct Options: Sendable {
        /// A file of certificates to trust instead of the system's.
        public var caFile: String?
        /// Bytes a second that one request sends at most; 0 for no limit.
        public var sendSpeed: UInt64 = 0
        /// Give a request up when it stands still for so many seconds.
        public var patience = 30

        public init() {}
    }

    let location: S3Location
    private let signer: RequestSigner
    private let client: HTTPClient
    private let surroundings: StoreSurroundings
    private let clock = Mutex(Clock())

    private struct Clock {
        /// The store's clock less ours, in milliseconds, as it is applied to signatures.
        var correction: Int64 = 0
        var isCorrected = false
        /// The same, as the last answer showed it.
        var seen: Int64?
    }

    public init(
        _ location: S3Location, _ credentials: StoreCredentials, options: Options = Options(),
        surroundings: StoreSurroundings = .system
    ) {
        self.location = location
        self.surroundings = surroundings
        signer = RequestSigner(credentials: credentials, region: location.region, service: "s3")
        var settings = HTTPClient.Options()
        settings.caFile = options.caFile
        settings.sendSpeed = options.sendSpeed
        settings.slowSeconds = options.patience
        settings.connectSeconds = min(15, options.patience)
        settings.avoidsProxy = location.endpoint.isLoopback
        client = HTTPClient(settings)
    }

    /// How far the store's clock is ahead of this machine's in milliseconds, give or take two seconds; nil
    /// before the first answer.
    public var clockDifference: Int64? { clock.withLock(\.seen) }

    // MARK: - Objects

    public func head(_ name: ObjectName) throws -> ObjectInfo? {
        let response = try send(Call("HEAD", key(name)))
        if response.status == 404 { return nil }
        guard response.isSuccess else { throw S3Failure.error(response, name.text) }
        return try info(name, response)
    }

    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        if let range, range.isEmpty {
            guard let info = try head(name) else { throw Self.missing(name) }
            return info
        }
        var call = Call("GET", key(name))
        if let range {
            let last = range.upperBound == .max ? "" : String(range.upperBound - 1)
            call.headers.append((name: "range", value: "bytes=\(range.lowerBound)-\(last)"))
        }
        if let unless { call.headers.append((name: "if-none-match", value: "\"\(unless.text)\"")) }
        var left = range.map { $0.upperBound - $0.lowerBound } ?? .max
        let response = try send(call) { bytes in
            guard UInt64(bytes.count) <= left else {
                throw StorageError(.failed, "\(name): the store sends more than was asked for")
            }
            left -= UInt64(bytes.count)
            try sink(bytes)
        }
        if response.status == 304, unless != nil { return nil }
        guard response.isSuccess else { throw S3Failure.error(response, name.text) }
        // Some servers answer 200 to a range that they did read.
        let start = response.headers["content-range"].flatMap(Self.start) ?? 0
        guard range.map({ $0.lowerBound == start }) ?? true else {
            throw StorageError(.notSupported, "\(name): the store does not read ranges")
        }
        return try info(name, response)
    }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        var call = Call("PUT", key(name))
        call.body = body
        call.headers += Self.headers(condition)
        return try etag(name, try success(call, name.text))
    }

    public func delete(_ name: ObjectName) throws {
        let response = try send(Call("DELETE", key(name)))
        guard response.isSuccess || response.status == 404 else {
            throw S3Failure.error(response, name.text)
        }
    }

    // MARK: - Requests

    /// A request before it is signed.
    struct Call {
        var method: String
        var key: String
        var query: [(String, String)] = []
        var headers: [(name: String, value: String)] = []
        var body: ObjectBody?

        init(_ method: String, _ key: String) {
            self.method = method
            self.key = key
        }
    }

    func key(_ name: ObjectName) -> String { location.prefix + name.text }

    static func headers(_ condition: PutCondition) -> [(name: String, value: String)] {
        switch condition {
        case .none: []
        case .ifAbsent: [(name: "if-none-match", value: "*")]
        case .ifMatches(let etag): [(name: "if-match", value: "\"\(etag.text)\"")]
        }
    }

    /// Sends a request that must succeed. What it answers is nobody's, beyond the headers.
    func success(_ call: Call, _ what: String) throws -> HTTPResponse {
        let response = try send(call)
        guard response.isSuccess else { throw S3Failure.error(response, what) }
        return response
    }

    /// Signs and sends; once more with a corrected clock if the store asks for that.
    ///
    /// - Returns: whatever the store answered.
    func send(
        _ call: Call, _ sink: (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) throws -> HTTPResponse {
        let response = try attempt(call, sink)
        guard response.status == 403, S3Failure.code(response) == "RequestTimeTooSkewed",
            let date = response.date
        else { return response }
        let difference = date - surroundings.now()
        let isNew = clock.withLock { clock in
            // Another thread may have corrected it since this request was signed: then that counts.
            defer { clock.isCorrected = true }
            if !clock.isCorrected { clock.correction = difference }
            return abs(clock.correction - difference) < 60_000
        }
        return isNew ? try attempt(call, sink) : response
    }

    private func attempt(
        _ call: Call, _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPResponse {
        let (host, path) = location.address(call.key)
        let hashes = try Self.hashes(call.body)
        var headers = call.headers
        headers.append((name: "host", value: host))
        headers.append((name: "x-amz-content-sha256", value: hashes.sha256))
        if let md5 = hashes.md5 { headers.append((name: "content-md5", value: md5)) }
        let time = surroundings.now() + clock.withLock(\.correction)
        headers = try signer.sign(
            method: call.method, path: path, query: call.query, headers: headers,
            payloadHash: hashes.sha256, time: time)
        let query = RequestSigner.query(call.query)
        let request = HTTPRequest(
            method: call.method, url: location.scheme + host + path + (query.isEmpty ? "" : "?" + query),
            headers: headers, body: call.body)
        do {
            let response = try client.send(request, sink)
            note(response)
            return response
        } catch let failure as TransferFailure {
            if let response = failure.response { note(response) }
            let begun = failure.response.flatMap { $0.isSuccess ? $0.headers["etag"] : nil }
            throw S3Failure.error(failure, call.key, etag: begun.map { ETag($0) })
        }
    }

    private func note(_ response: HTTPResponse) {
        guard let date = response.date else { return }
        let difference = date - surroundings.now()
        clock.withLock { $0.seen = difference }
    }

    private static let emptyHash = Hexadecimal.text(Hash.digest(.sha256, []))

    private static func hashes(_ body: ObjectBody?) throws -> (sha256: String, md5: String?) {
        switch body {
        case nil: return (emptyHash, nil)
        case .bytes(let bytes):
            var md5 = try StoreChecksum()
            try bytes.withUnsafeBytes { try md5.update($0) }
            return (
                Hexadecimal.text(Hash.digest(.sha256, bytes)), Base64.text(try md5.finalize())
            )
        case .file(_, _, let sha256, let md5): return (Hexadecimal.text(sha256), Base64.text(md5))
        }
    }

    // MARK: - Answers

    static func missing(_ name: ObjectName) -> StorageError {
        StorageError(.notFound, "\(name) is not there")
    }

    private func etag(_ name: ObjectName, _ response: HTTPResponse) throws -> ETag {
        guard let text = response.headers["etag"], !text.isEmpty else {
            throw StorageError(.failed, "\(name): the store gives no ETag")
        }
        return ETag(text)
    }

    /// The first number of `bytes 5-9/1234`.
    private static func start(_ range: String) -> UInt64? {
        range.split(separator: " ").last.flatMap { UInt64($0.prefix { $0 != "-" }) }
    }

    private func info(_ name: ObjectName, _ response: HTTPResponse) throws -> ObjectInfo {
        // bytes 0-9/1234
        let total = response.headers["content-range"]?.split(separator: "/").last
        guard
            let size = (total.map(String.init) ?? response.headers["content-length"]).flatMap({ UInt64($0) })
        else { throw StorageError(.failed, "\(name): the store does not tell its size") }
        return ObjectInfo(
            name: name, size: size, etag: try etag(name, response),
            modified: response.headers["last-modified"].flatMap(CivilTime.init(header:))?.milliseconds)
    }
}
