/// Where a store is: `file:///path` or `s3://bucket/prefix`.
public enum StoreURL: Sendable, Hashable, CustomStringConvertible {
    /// An absolute path.
    case directory(String)
    /// The prefix may be empty.
    case bucket(String, prefix: String)

    /// - Throws: `.refused` for anything else.
    public init(_ text: String) throws(StorageError) {
        if text.hasPrefix("file:///"), text.utf8.count > 8, !text.utf8.contains(0) {
            var path = text.dropFirst(7)
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            self = .directory(String(path))
            return
        }
        let rest = text.dropFirst(5)
        guard text.hasPrefix("s3://"), let bucket = rest.split(separator: "/").first, rest.hasPrefix(bucket)
        else {
            throw StorageError(
                .refused, "'\(text)' is no remote", hint: "write file:///path or s3://bucket/prefix")
        }
        var prefix = rest.dropFirst(bucket.count + 1)
        while prefix.hasSuffix("/") { prefix.removeLast() }
        self = .bucket(String(bucket), prefix: String(prefix))
    }

    public var description: String {
        switch self {
        case .directory(let path): "file://\(path)"
        case .bucket(let bucket, let prefix): "s3://\(bucket)" + (prefix.isEmpty ? "" : "/\(prefix)")
        }
    }
}

/// How a bucket is reached. None of it matters to a directory but the limits.
public struct StoreSettings: Sendable {
    /// `https://…`; needed for a bucket.
    public var endpoint: String?
    public var region = "auto"
    public var addressing = S3Endpoint.Addressing.path
    /// A file of certificates to trust instead of the system's.
    public var caFile: String?
    /// Needed for a bucket.
    public var credentials: StoreCredentials?
    /// Requests at a time.
    public var concurrency = 8
    /// Bytes a second; nil for no limit.
    public var bandwidth: UInt64?
    public var retry = RetryingStore.Policy()
    /// Give a request up when it stands still for so many seconds.
    public var patience = 30

    public init() {}
}

/// A store as it is used: with limits, retries and a count.
public struct OpenStore: Sendable {
    public let url: StoreURL
    public let store: any ObjectStore
    private let counting: CountingStore
    private let bucket: S3Store?

    /// - Parameters:
    ///   - base: what is at the far end; tests put their own here.
    public init(
        _ url: StoreURL, _ base: any ObjectStore, _ settings: StoreSettings = StoreSettings(),
        surroundings: StoreSurroundings = .system
    ) {
        self.url = url
        bucket = base as? S3Store
        counting = CountingStore(base)
        let limited = LimitedStore(
            counting, concurrency: settings.concurrency, rate: settings.bandwidth, surroundings: surroundings)
        // Outermost: who waits to try again keeps no place.
        store = RetryingStore(limited, policy: settings.retry, surroundings: surroundings)
    }

    /// What names the place: the URL, and for a bucket, behind a space, the host that has it.
    public var address: String {
        url.description + (bucket.map { " " + $0.location.endpoint.authority } ?? "")
    }

    /// Every request so far, each try for itself.
    public var counts: RequestCounts { counting.counts }

    /// How far the store's clock is ahead of this machine's, in milliseconds; nil when it has not told, or
    /// is this machine's.
    public var clockDifference: Int64? { bucket?.clockDifference }
}

/// Opens stores.
public enum Stores {
    /// The store at `url`. Nothing is asked of it yet.
    ///
    /// - Throws: `.refused` when an endpoint or a key is missing, or is not one that may be used.
    public static func open(
        _ url: StoreURL, _ settings: StoreSettings, surroundings: StoreSurroundings = .system
    ) throws -> OpenStore {
        switch url {
        case .directory(let path):
            return OpenStore(url, try DirectoryStore(path), settings, surroundings: surroundings)
        case .bucket(let bucket, let prefix):
            guard let endpoint = settings.endpoint else {
                throw StorageError(
                    .refused, "no endpoint is set for \(url)",
                    hint: "run: ai-team config cloud.endpoint https://…")
            }
            guard let credentials = settings.credentials else {
                throw StorageError(
                    .unauthorized, "no access key is set for \(url)",
                    hint: "run `ai-team backup cloud login`, or set AI_TEAM_S3_ACCESS_KEY_ID and "
                        + "AI_TEAM_S3_SECRET_ACCESS_KEY")
            }
            let location = try S3Location(
                endpoint: S3Endpoint(endpoint), region: settings.region, bucket: bucket, prefix: prefix,
                addressing: settings.addressing)
            var options = S3Store.Options()
            options.caFile = settings.caFile
            options.sendSpeed = settings.bandwidth ?? 0
            options.patience = settings.patience
            let base = S3Store(location, credentials, options: options, surroundings: surroundings)
            return OpenStore(url, base, settings, surroundings: surroundings)
        }
    }
}
