import Glibc
import Knowledge
import TestSupport
import Vault

/// Fills the vectors of a `VaultHome` as `kb embed` does, and dies where it is told to.
enum VectorWorker {
    /// A model that is quick and sure: a text's vector follows from its bytes. All of them lean one way, so
    /// that the codes are taken from their mean in the last step.
    struct Model: Embedder {
        let model = EmbeddingModel(
            provider: "test", model: "leaning", dimensions: 128, prefixVersion: "0", languages: .all)
        let batch = 64

        func embed(documents: [String]) throws -> [[Float]] { documents.map(vector) }
        func embed(query: String) throws -> [Float] { vector(query) }

        private func vector(_ text: String) -> [Float] {
            var random = SplitMix64(seed: text.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
            let numbers = (0..<model.dimensions).map { _ in
                Float(random.next() >> 40) / Float(1 << 24) + 0.5
            }
            return UnitVector.of(numbers) ?? []
        }
    }

    /// `ROOT BATCHES CHANGES go-on|anew`: gives passages the vectors that they have none of, or all of them,
    /// and dies at the CHANGES-th change to the file system after BATCHES batches; 0: never. Says
    /// `embedded COUNT` after each batch, and `ended COUNT CHANGES` at last.
    static func fill(_ arguments: [String]) throws {
        let (batches, changes) = (Int(arguments[1]) ?? 0, Int(arguments[2]) ?? 0)
        let vault = try VaultHome.open(arguments[0])
        if batches == 0 { Death.at(changes) }
        if arguments[3] == "anew" {
            try vault.write { tx in
                for space in try tx.vectorSpaces() where space.identity == Model().identity() {
                    try tx.removeVectorSpace(space)
                }
            }
        }
        var done = 0
        let report = try VectorFilling(vault, Model(), settings: "{}").run { count in
            say("embedded \(count)")
            done += 1
            if done == batches { Death.at(changes) }
        }
        let counted = Death.averted()
        try vault.close()
        say("ended \(report.added) \(counted)")
    }

    /// At once and unbuffered: what was said before a kill was said.
    private static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        // Whose test is gone works for nobody.
        if Glibc.write(1, bytes, bytes.count) != bytes.count || getppid() == 1 { exit(2) }
    }
}
