internal import TestSupport
internal import Vault

extension ModelDisk {
    /// Where what this device has made of its operations is not what a reference says that is too simple to
    /// be wrong: which records there are, which value of each field counts, which wait as candidates, and
    /// what is gone for good.
    var foldMistakes: [String] {
        var reference = ReferenceModel()
        for batch in batches { reference.apply(batch) }
        guard fold.keys == reference.keys else { return ["records \(fold.keys)"] }
        return reference.keys.flatMap { key -> [String] in
            guard let record = fold[key] else { return ["no \(key.id)"] }
            var mistakes: [String] = []
            if record.dot != reference.dot(key) { mistakes.append("\(key.id) was born elsewhere") }
            if record.purge != reference.purge(key) { mistakes.append("the purge of \(key.id)") }
            for field: UInt32 in [1, 2, 3, 4, 100] {
                if record.winner(field) != reference.winner(key, field) {
                    mistakes.append("field \(field) of \(key.id)")
                }
                if record.candidates(field) != reference.candidates(key, field) {
                    mistakes.append("candidates of field \(field) of \(key.id)")
                }
            }
            return mistakes
        }
    }
}
