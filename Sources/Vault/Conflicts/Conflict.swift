/// Something that merging left for a person to decide, or to take note of.
public struct Conflict: Sendable, Equatable {
    public enum Kind: String, Sendable {
        /// Values from a device whose clock was ahead: they never count unless somebody takes them.
        case candidate
        /// A document that was changed in two places, neither knowing of the other.
        case versions
        /// A record in the trash that somebody changed who did not know of its deletion.
        case editedAfterDeletion = "edited_after_deletion"
    }

    /// `conf-` and a ULID: the same in every vault, and another one when what is in conflict changes.
    public let id: String
    public let kind: Kind
    public let key: RecordKey
    /// What both sides come from, as far as it is known.
    public let base: JSONValue
    /// What shows now, or this device's version.
    public let local: JSONValue
    /// What somebody else wrote.
    public let remote: JSONValue
    /// The device that wrote the remote side, in hexadecimal.
    public let device: String
    /// When that was, by its clock.
    public let time: Timestamp
    /// When this vault found it.
    public internal(set) var detectedAt: Timestamp
}

extension Conflict: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("kind", kind.rawValue)
            writer.field("collection", Collection.name(key.collection))
            writer.field("record_id", key.id)
            for (name, value) in [("base", base), ("local", local), ("remote", remote)] {
                writer.key(name)
                writer.value(value)
            }
            writer.field("device", device)
            writer.field("time", time)
            writer.field("detected_at", detectedAt)
        }
    }
}

/// What becomes of a conflict.
public enum ConflictChoice: Sendable, Equatable {
    case local
    case remote
    /// A value made out of both: a document's content, one field's text, or several fields as a JSON object.
    /// Nil merges by itself what can be.
    case merged([UInt8]?)
}
