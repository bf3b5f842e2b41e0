/// Encrypting what the vault holds under its newest epoch: how far that has come. It stands in the vault, so
/// that whoever opens it next goes on where a killed process stopped.
///
/// What is done is never read from here: pages and blobs carry their epochs. This says that it was begun, how
/// fast it went, and that all of it was read back at the end.
public struct ReencryptionJob: Sendable, Equatable {
    /// What is done one after the other.
    public enum Step: String, Sendable, CaseIterable { case database, documents, verification }

    /// How many of something were done in how many milliseconds, of all processes that worked on it.
    public struct Speed: Sendable, Equatable {
        public var count: Int64 = 0
        public var milliseconds: Int64 = 0

        public init() {}

        /// Milliseconds for so many more; nil before anything was measured.
        public func milliseconds(for rest: Int64) -> Int64? {
            guard count > 0, milliseconds > 0 else { return nil }
            return Int64(Double(rest) / Double(count) * Double(milliseconds))
        }
    }

    /// Everything is to be under this epoch or a later one.
    public let epoch: UInt32
    public let startedAt: Timestamp
    /// The step that is not done yet; nil when all are.
    public var step: Step? = .database
    /// Of pages, and of bytes of documents' blobs.
    public var pages = Speed()
    public var bytes = Speed()
    /// What was read back at the end, and when.
    public var verifiedPages: Int64 = 0
    public var verifiedBlobs: Int64 = 0
    public var finishedAt: Timestamp?
    /// Why the last process that worked on it stopped, and when; nil while one works or when none failed.
    public var failure: String?
    public var failedAt: Timestamp?

    /// A job that begins.
    public init(epoch: UInt32, startedAt: Timestamp) {
        self.epoch = epoch
        self.startedAt = startedAt
    }

    /// Whether something is left to be done.
    public var isPending: Bool { finishedAt == nil }
}

extension ReencryptionJob {
    private static let key = "keys/reencryption"

    fileprivate var text: String {
        var object = JSONObject()
        object["epoch"] = .integer(Int64(epoch))
        object["started_at"] = .integer(startedAt.milliseconds)
        object["step"] = step.map { .string($0.rawValue) }
        object["pages"] = .integer(pages.count)
        object["pages_ms"] = .integer(pages.milliseconds)
        object["bytes"] = .integer(bytes.count)
        object["bytes_ms"] = .integer(bytes.milliseconds)
        object["verified_pages"] = .integer(verifiedPages)
        object["verified_blobs"] = .integer(verifiedBlobs)
        object["finished_at"] = finishedAt.map { .integer($0.milliseconds) }
        object["failure"] = failure.map(JSONValue.string)
        object["failed_at"] = failedAt.map { .integer($0.milliseconds) }
        return JSONValue.object(object).text
    }

    fileprivate init(_ text: String) throws {
        let object = try JSONValue(parsing: text).object ?? JSONObject()
        func number(_ key: String) -> Int64? { object[key]?.integer }
        guard let epoch = number("epoch").flatMap({ UInt32(exactly: $0) }), let start = number("started_at")
        else { throw VaultError(.integrityFailure, "what is noted of the re-encryption makes no sense") }
        self.init(epoch: epoch, startedAt: Timestamp(milliseconds: start))
        step = object["step"]?.string.flatMap(Step.init)
        pages.count = number("pages") ?? 0
        pages.milliseconds = number("pages_ms") ?? 0
        bytes.count = number("bytes") ?? 0
        bytes.milliseconds = number("bytes_ms") ?? 0
        verifiedPages = number("verified_pages") ?? 0
        verifiedBlobs = number("verified_blobs") ?? 0
        finishedAt = number("finished_at").map { Timestamp(milliseconds: $0) }
        failure = object["failure"]?.string
        failedAt = number("failed_at").map { Timestamp(milliseconds: $0) }
    }

    static func read(_ tx: ReadTransaction) throws -> ReencryptionJob? {
        try tx.setting(key).map { try ReencryptionJob($0) }
    }

    static func write(_ job: ReencryptionJob, _ tx: WriteTransaction) throws {
        try tx.setSetting(key, job.text)
    }
}

extension ReadTransaction {
    /// The re-encryption that was begun last; nil when none ever was.
    public func reencryptionJob() throws -> ReencryptionJob? { try ReencryptionJob.read(self) }
}

extension WriteTransaction {
    /// Notes how far the re-encryption has come.
    public func setReencryptionJob(_ job: ReencryptionJob) throws { try ReencryptionJob.write(job, self) }
}
