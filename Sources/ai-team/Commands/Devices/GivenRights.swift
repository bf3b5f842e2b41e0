import ArgumentParser
import KeyRing
import Vault

/// `--may`: what an agent may write.
struct GivenRights: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "For the role agent: what it may do to which records, as task=write,delete; may be repeated.",
            discussion: """
                Collections: \(WriteRules.collectionNames.joined(separator: ", ")). Operations: write, \
                delete. Without it an agent writes tasks, links and comments, and adds to the knowledge base.
                """, valueName: "rights")) var may: [String] = []

    func validate() throws { _ = try rights() }

    /// Nil for the usual.
    func rights() throws -> AgentRights? {
        guard !may.isEmpty else { return nil }
        var operations: [UInt32: AgentRights.Operations] = [:]
        for text in may {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let collection = WriteRules.collection(named: parts[0]) else {
                throw ValidationError(
                    "'\(text.printable)' names no collection: write it like task=write,delete")
            }
            for word in parts[1].split(separator: ",") {
                switch word {
                case "write": operations[collection, default: []].insert(.write)
                case "delete": operations[collection, default: []].insert(.delete)
                default: throw ValidationError("'\(String(word).printable)' is neither write nor delete")
                }
            }
        }
        do throws(KeyError) { return try AgentRights(operations) } catch {
            throw ValidationError(error.message)
        }
    }

    /// That an agent's rights are given to an agent.
    func require(_ role: InvitedRole) throws {
        guard may.isEmpty || role == .agent else {
            throw ValidationError("--may is for the role agent")
        }
    }
}

extension AgentRights {
    /// For a person: `task=write, link=write,delete`.
    var shown: String {
        operations.sorted { $0.key < $1.key }.map { collection, allowed in
            let words = [
                allowed.contains(.write) ? "write" : nil, allowed.contains(.delete) ? "delete" : nil,
            ]
            return WriteRules.name(of: collection) + "=" + words.compactMap { $0 }.joined(separator: ",")
        }.joined(separator: " ")
    }
}
