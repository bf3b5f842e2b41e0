import Vault

extension Context {
    /// Changes the task that `id` means, in one transaction, and prints it with the word for what happened.
    func change(
        task id: String, inTrash: Bool = false, _ verb: String,
        _ change: (WriteTransaction, _ id: String) throws -> TaskRecord
    ) throws {
        let task = try vault().write { try change($0, $0.resolve(id, .task, inTrash: inTrash)) }
        console.emit(changed: task, verb)
    }
}
