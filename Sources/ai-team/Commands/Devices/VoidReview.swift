import KeyRing
import Sync
import Vault

/// `device revoke --review`: what a device wrote that counts nowhere, and taking it over.
struct VoidReview {
    let member: Roster.Member
    /// Write it anew, as this device's own.
    let takes: Bool
    /// Only these of the changes; empty for all.
    let numbers: [Int64]

    /// - Parameter session: the remote, if there is one: what was sent too late is fetched first.
    func run(_ context: Context, _ session: SyncSession?) throws {
        for problem in try session?.fetchVoid(of: member.id) ?? [] {
            context.console.warn(problem.message)
        }
        let vault = try context.vault()
        var changes = try vault.read { try $0.voidChanges(of: member.id) }
        if !numbers.isEmpty {
            let known = Set(changes.map(\.number))
            guard numbers.allSatisfy(known.contains) else {
                throw Failure(
                    .notFound, "there is no void change of that number of \(member.id)",
                    hint: "`ai-team device revoke \(member.id) --review` lists them")
            }
            changes.removeAll { !numbers.contains($0.number) }
        }
        if takes {
            try take(changes.filter { !$0.isTaken }, vault, context)
            changes = try vault.read { try $0.voidChanges(of: member.id) }.filter { change in
                numbers.isEmpty || numbers.contains(change.number)
            }
        }
        context.console.emit({ writer in
            writer.array { writer in for change in changes { write(change, to: &writer) } }
        }) { lines(changes) }
    }

    /// In the order in which they were written. One that can't be taken keeps none of the others.
    private func take(_ changes: [VoidChange], _ vault: Vault, _ context: Context) throws {
        for change in changes {
            do {
                try vault.write { try $0.take(change) }
            } catch let error as VaultError {
                context.console.warn("change \(change.number): \(error.message)")
            }
        }
    }

    private func write(_ change: VoidChange, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("number", change.number)
            writer.field("device_id", member.id.description)
            writer.field("actor", change.actor)
            writer.field("written_at", change.stamp.time)
            writer.field("collection", change.collection)
            writer.field("record_id", change.change.id)
            writer.key("fields")
            writer.object { writer in
                for (name, value) in change.values { writer.field(name, value.shown) }
            }
            writer.field("reason", change.reason)
            writer.field("can_be_taken", change.canBeTaken)
            writer.field("taken", change.isTaken)
        }
    }

    private func lines(_ changes: [VoidChange]) -> [String] {
        guard !changes.isEmpty else { return ["nothing that it wrote is void, as far as this device knows"] }
        return changes.flatMap { change in
            let state = change.isTaken ? ", taken over" : change.canBeTaken ? "" : ", can't be taken over"
            return [
                "\(change.number)  \(change.stamp.time.short)  \(change.actor.printable)  "
                    + "\(change.collection) \(change.change.id.printable) "
                    + "(\(change.reason.printable)\(state))"
            ]
                + change.values.map { name, value in
                    "    \(name): \((value.shown.string ?? value.shown.text).printable)"
                }
        }
    }
}

extension FieldValue {
    /// As JSON; bytes by their number.
    fileprivate var shown: JSONValue {
        switch self {
        case .null: .null
        case .integer(let value): .integer(value)
        case .real(let value): .number(value)
        case .text(let text): .string(text)
        case .blob(let bytes): .string("\(bytes.count) bytes")
        }
    }
}
