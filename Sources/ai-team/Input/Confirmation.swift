/// Destructive commands ask on a terminal and need `--yes` elsewhere.
enum Confirmation {
    /// Returns when the person agreed.
    /// - Throws: `guard` when there is nobody to ask, `failed` when the answer was no.
    static func require(_ question: String, yes: Bool) throws {
        if yes { return }
        guard let terminal = Terminal() else {
            throw Failure(.refusedByGuard, "this needs a confirmation", hint: "add --yes when you are sure")
        }
        guard try terminal.confirm(question) else {
            throw Failure(.failed, "stopped, nothing was changed")
        }
    }
}
