internal import Cryptography
internal import Vault

/// What is remembered of an own claim that stands in the remote, among the settings of the home.
struct ClaimNote: Sendable, Hashable {
    static let prefix = "claim/"

    let task: String
    /// The round that it won.
    let round: UInt32
    /// The claim's, 16 bytes.
    let token: [UInt8]
    /// Until when the remote says that it holds, in milliseconds since 1970.
    var end: Int64

    init(_ body: ClaimBody, round: UInt32) {
        task = body.task
        self.round = round
        token = body.token
        end = body.end
    }

    private init?(_ text: String, of task: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let round = UInt32(parts[0]),
            let token = Crockford32.decode(String(parts[1])), token.count == 16, let end = Int64(parts[2])
        else { return nil }
        self.task = task
        self.round = round
        self.token = token
        self.end = end
    }

    /// All of them, by task. What can't be read is left out: the claim runs out.
    static func all(_ transaction: ReadTransaction) throws -> [ClaimNote] {
        try transaction.settings(prefix: prefix).sorted { $0.key < $1.key }
            .compactMap { ClaimNote($0.value, of: String($0.key.dropFirst(prefix.count))) }
    }

    func store(_ transaction: WriteTransaction) throws {
        try transaction.setSetting(Self.prefix + task, "\(round) \(Crockford32.encode(token)) \(end)")
    }

    /// Forgets it, unless the task has been claimed again since.
    func remove(_ transaction: WriteTransaction) throws {
        guard try Self.all(transaction).contains(where: { $0.task == task && $0.token == token }) else {
            return
        }
        try transaction.setSetting(Self.prefix + task, nil)
    }
}
