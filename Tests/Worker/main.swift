import Glibc

/// A process for tests to start, to watch and to kill: `test-worker COMMAND ARGUMENTS`. Says nothing but what
/// its command says, and leaves with 1 when it fails.
let commands: [String: ([String]) throws -> Void] = [
    "database-commit": DatabaseWorker.commit,
    "database-write": DatabaseWorker.write,
    "database-read": DatabaseWorker.read,
    "database-checkpoint": DatabaseWorker.checkpoint,
    "database-rotate": DatabaseWorker.rotate,
    "database-mix": DatabaseWorker.mix,
    "database-bench": DatabaseBench.run,
    "freshness-bench": FreshnessBench.run,
    "rotation-fill": RotationBench.fill,
    "rotation-load": RotationBench.load,
    "backup-create": BackupWorker.create,
    "backup-restore": BackupWorker.restore,
    "backup-offer": BackupWorker.offer,
    "cloud-ship": CloudWorker.ship,
    "cloud-pull": CloudWorker.pull,
    "cloud-prune": CloudWorker.prune,
    "backup-prune": BackupWorker.prune,
    "merge-bench": MergeBench.run,
    "vault-churn": VaultWorker.churn,
    "vault-pairs": VaultWorker.pairs,
    "vault-read-pairs": VaultWorker.readPairs,
    "vault-canary": VaultWorker.canary,
    "index-churn": IndexWorker.churn,
    "vector-fill": VectorWorker.fill,
    "vector-bench": VectorBench.run,
    "vector-query": VectorBench.query,
    "model-bench": ModelBench.run,
    "vault-follow": KeyWorker.follow,
    "vault-reencrypt": KeyWorker.reencrypt,
]

guard CommandLine.arguments.count > 1, let command = commands[CommandLine.arguments[1]] else {
    print("commands: \(commands.keys.sorted().joined(separator: " "))")
    exit(64)
}
do {
    try command(Array(CommandLine.arguments.dropFirst(2)))
} catch {
    print("failed: \(error)")
    exit(1)
}
