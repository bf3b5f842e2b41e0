/// Two changed records and the one both come from, merged field by field; texts that both sides changed are
/// merged by lines.
public struct FieldMerge: Sendable, Equatable {
    /// What every field becomes that is in no conflict; a field that is nowhere has no value.
    public private(set) var merged: [UInt32: FieldValue] = [:]
    /// The fields that both sides changed, and not so that they could be merged; rising.
    public private(set) var conflicts: [UInt32] = []

    public init(
        base: [UInt32: FieldValue], local: [UInt32: FieldValue], remote: [UInt32: FieldValue]
    ) {
        for field in Set(base.keys).union(local.keys).union(remote.keys).sorted() {
            let values = (base[field] ?? .null, local[field] ?? .null, remote[field] ?? .null)
            if let value = Self.value(base: values.0, local: values.1, remote: values.2) {
                merged[field] = value
            } else {
                conflicts.append(field)
            }
        }
    }

    /// One value out of three; nil when both sides changed it and lines don't help.
    public static func value(base: FieldValue, local: FieldValue, remote: FieldValue) -> FieldValue? {
        let (old, one, other) = (base.bytes, local.bytes, remote.bytes)
        if one == other || other == old { return local }
        if one == old { return remote }
        guard case .text(let text) = local, case .text(let theirs) = remote else { return nil }
        var common = ""
        if case .text(let text) = base { common = text }
        let merge = LineMerge(
            base: Array(common.utf8), local: Array(text.utf8), remote: Array(theirs.utf8))
        return merge.merged.map { .text(String(decoding: $0, as: UTF8.self)) }
    }
}
