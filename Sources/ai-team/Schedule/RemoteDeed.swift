import FileSystem
import Vault

/// What was done at a remote, and when last: the time of an empty file in `run/`.
enum RemoteDeed: String {
    case shipped
    case pruned = "pruned-remote"

    private func path(_ home: Home) -> String { home.runDirectory + "/" + rawValue }

    /// Nil for never.
    func last(in home: Home) throws -> Timestamp? {
        try Files.status(path(home)).map { Timestamp(milliseconds: $0.modified / 1_000_000) }
    }

    /// Remembers that it was done now.
    func note(in home: Home) throws { try Durable.replace(path(home), with: []) }
}
