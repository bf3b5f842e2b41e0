internal import Cryptography

/// A conflict with what settles it.
struct FoundConflict {
    enum Subject {
        case candidate(FieldWrite, base: [FieldChange], local: [FieldChange], remote: [FieldChange])
        case versions(base: HeadVersion?, local: HeadVersion, remote: HeadVersion, heads: [HeadVersion])
        case editedAfterDeletion
    }

    var conflict: Conflict
    let subject: Subject

    /// An id out of what is in conflict, so that all vaults have the same.
    static func id(
        _ kind: Conflict.Kind, _ key: RecordKey, at time: Timestamp, _ parts: [FieldValue]
    ) -> String {
        var bytes: [UInt8] = Array("ai-team/conflict/v1\0".utf8)
        let head: [FieldValue] = [
            .text(kind.rawValue), .integer(Int64(key.collection)), .text(key.id),
        ]
        for part in head + parts { FieldCodec.put(part, into: &bytes) }
        let tail = Array(Hash.digest(.sha256, bytes).prefix(10))
        return "conf-" + ULID.text(milliseconds: time.milliseconds & 0xFFFF_FFFF_FFFF, tail: tail)
    }
}

/// A version of a document that none came after, or one on the way there.
struct HeadVersion: Equatable {
    let id: String
    let number: Int64
    let contentType: String
    let content: BlobReference
    let text: BlobReference?
    let parents: [String]
    let createdAt: Timestamp
    let origin: Origin

    var json: JSONValue {
        .object([
            "version_id": .string(id), "version": .integer(number), "size": .integer(content.size),
            "sha256": .string(Hex.encode(content.sha256)), "content_type": .string(contentType),
            "created_at": .string(createdAt.description),
        ])
    }
}

extension [HeadVersion] {
    /// Those that none was made from.
    var heads: [HeadVersion] {
        let parents = Set(flatMap(\.parents))
        return filter { !parents.contains($0.id) }
    }

    /// The newest version that both come from.
    func base(of a: HeadVersion, _ b: HeadVersion) -> HeadVersion? {
        let common = ancestors(of: a).intersection(ancestors(of: b))
        return filter { common.contains($0.id) }.max { ($0.number, $0.id) < ($1.number, $1.id) }
    }

    private func ancestors(of version: HeadVersion) -> Set<String> {
        let byID = Dictionary(map { ($0.id, $0) }) { first, _ in first }
        var found: Set<String> = []
        var open = version.parents
        while let next = open.popLast() {
            guard found.insert(next).inserted else { continue }
            open += byID[next]?.parents ?? []
        }
        return found
    }
}
