internal import Cryptography

/// What a claim's object says behind its header, whose number is the claim's round (docs/FORMAT.md,
/// "Claims").
struct ClaimBody: Sendable, Hashable {
    /// What became of it.
    enum Standing: UInt8, Sendable {
        /// It holds until its end.
        case held = 0
        /// The next round may begin.
        case givenUp = 1
        /// The task was completed, so that no round follows.
        case completed = 2
    }

    let task: String
    let agent: String
    /// 16 random bytes: proof that it is one's own.
    let token: [UInt8]
    /// Milliseconds since 1970, by its device's clock.
    var end: Int64
    var standing = Standing.held

    private static let idLimit = 64
    private static let agentLimit = 4096

    var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.string(task)
        writer.string(agent)
        writer.raw(token)
        writer.u64(UInt64(clamping: end))
        writer.u8(standing.rawValue)
        return writer.bytes
    }

    init(task: String, agent: String, token: [UInt8], end: Int64) {
        self.task = task
        self.agent = agent
        self.token = token
        self.end = end
    }

    /// - Throws: `integrity`.
    init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            task = try reader.string(limit: Self.idLimit)
            agent = try reader.string(limit: Self.agentLimit)
            token = try reader.raw(16)
            guard let end = Int64(exactly: try reader.u64()),
                let standing = Standing(rawValue: try reader.u8())
            else { throw CryptoError(.malformed, "") }
            self.end = end
            self.standing = standing
            try reader.expectEnd()
        } catch { throw .integrity(name, "its content is malformed") }
    }
}
