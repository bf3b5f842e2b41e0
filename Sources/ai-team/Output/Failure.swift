import Vault

/// An error as the command line tells it: a code that scripts know, what happened, what to do next.
///
/// Messages begin in lower case and have no full stop: they stand after `ai-team: error: `.
struct Failure: Error {
    /// The codes and exit statuses of the contract.
    struct Code: Sendable, Equatable {
        let name: String
        let exitStatus: Int32

        static let failed = Code(name: "failed", exitStatus: 1)
        static let newerFormat = Code(name: "newer_format", exitStatus: 1)
        static let notFound = Code(name: "not_found", exitStatus: 3)
        static let ambiguousID = Code(name: "ambiguous_id", exitStatus: 3)
        static let locked = Code(name: "locked", exitStatus: 4)
        static let wrongKey = Code(name: "wrong_key", exitStatus: 4)
        static let conflict = Code(name: "conflict", exitStatus: 5)
        static let busy = Code(name: "busy", exitStatus: 5)
        static let refusedByGuard = Code(name: "guard", exitStatus: 5)
        static let leaseLost = Code(name: "lease_lost", exitStatus: 5)
        static let integrityFailure = Code(name: "integrity_failure", exitStatus: 6)
        static let rollback = Code(name: "rollback", exitStatus: 6)
        static let downgrade = Code(name: "downgrade", exitStatus: 6)
        static let remoteUnreachable = Code(name: "remote_unreachable", exitStatus: 7)
        static let remoteRefused = Code(name: "remote_refused", exitStatus: 7)
        static let deviceRevoked = Code(name: "device_revoked", exitStatus: 7)
        static let usage = Code(name: "usage", exitStatus: 64)
    }

    let code: Code
    let message: String
    let hint: String?
    /// The ids that a shortened one could mean.
    let candidates: [String]

    init(_ code: Code, _ message: String, hint: String? = nil, candidates: [String] = []) {
        self.code = code
        self.message = message
        self.hint = hint
        self.candidates = candidates
    }

    /// Writes the error to standard error, for people or as one JSON object.
    func print(json: Bool) {
        StandardOutput.flush()
        if json {
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("error")
                writer.object { writer in
                    writer.field("code", code.name)
                    writer.field("message", message)
                    writer.field("hint", hint)
                    if !candidates.isEmpty { writer.field("candidates", candidates) }
                }
            }
            StandardError.write(writer.text + "\n")
            return
        }
        StandardError.write("ai-team: error: \(message)\n")
        if let hint { StandardError.write("ai-team: hint: \(hint)\n") }
    }
}
