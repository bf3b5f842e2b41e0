/// A store of named, immutable or whole-replaced byte strings: a directory or a bucket.
///
/// It sees names and bytes, never keys and no meaning. Calls block, and any number of threads may call at a
/// time; how much runs in parallel is the caller's choice. All of them throw `StorageError`, and `get` also
/// what its sink throws. No name may be the beginning of another up to a slash (`a` beside `a/b`): a
/// directory can't hold both.
public protocol ObjectStore: Sendable {
    /// What the store says of an object; nil when it is not there.
    func head(_ name: ObjectName) throws -> ObjectInfo?

    /// Hands the object's bytes, or those of `range` that exist, to `sink` piece by piece, in order.
    ///
    /// - Parameters:
    ///   - range: bytes; an upper bound of `UInt64.max` means the end.
    ///   - unless: a version that the caller has already.
    /// - Returns: the object (its whole size, whatever was read); nil when it is still that version.
    /// - Throws: `.notFound`; `.outOfRange` for a range that begins behind the end.
    func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo?

    /// Stores an object; when this returns, it is there for good and whole.
    ///
    /// - Throws: `.preconditionFailed`; `.locked` when a lock of the bucket forbids it.
    func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag

    /// At most `limit` objects whose names begin with `prefix`, in the order of their bytes, from behind
    /// `after`.
    func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage

    /// Removes an object; one that is not there is no error.
    ///
    /// - Throws: `.locked`.
    func delete(_ name: ObjectName) throws

    /// Begins an object that is sent in parts.
    func beginParts(_ name: ObjectName) throws -> PartsID

    /// Sends one part. All parts but the last have the same size, of at least 5 MiB; numbers run from 1 to
    /// 10,000.
    func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag

    /// Makes the object of its parts, given in order.
    func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag

    /// Throws the parts away.
    func abortParts(_ name: ObjectName, _ id: PartsID) throws
}

/// What a store says of an object.
public struct ObjectInfo: Sendable, Equatable {
    public let name: ObjectName
    /// Bytes.
    public let size: UInt64
    public let etag: ETag
    /// Milliseconds since 1970 by the store's clock, where it says.
    public let modified: Int64?

    public init(name: ObjectName, size: UInt64, etag: ETag, modified: Int64? = nil) {
        self.name = name
        self.size = size
        self.etag = etag
        self.modified = modified
    }
}

/// A version of an object, as its store calls it.
public struct ETag: Sendable, Hashable, CustomStringConvertible {
    /// Without quotes.
    public let text: String

    public init(_ text: String) {
        self.text =
            text.hasPrefix("\"") && text.hasSuffix("\"") && text.utf8.count > 1
            ? String(text.dropFirst().dropLast()) : text
    }

    public var description: String { text }

    /// The MD5 that an object put in one piece has for its version at most stores; nil when it can't be one.
    public var md5: [UInt8]? {
        guard text.utf8.count == 32 else { return nil }
        return Hexadecimal.bytes(text)
    }
}

/// What must hold for a put to happen.
public enum PutCondition: Sendable, Hashable {
    case none
    /// No object has the name.
    case ifAbsent
    /// The object is still this version.
    case ifMatches(ETag)
}

/// What is stored.
public enum ObjectBody: Sendable {
    case bytes([UInt8])
    /// A file that does not change, with its length and hashes. It is never held in memory.
    case file(path: String, size: UInt64, sha256: [UInt8], md5: [UInt8])

    /// Bytes.
    public var size: UInt64 {
        switch self {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(_, let size, _, _): size
        }
    }
}

/// A part of a listing.
public struct ObjectPage: Sendable {
    public var objects: [ObjectInfo]
    /// Names that this program would not give: someone else's objects.
    public var foreign: [String]
    /// Give this as `after` for what follows; nil at the end.
    public var next: String?

    public init(objects: [ObjectInfo] = [], foreign: [String] = [], next: String? = nil) {
        self.objects = objects
        self.foreign = foreign
        self.next = next
    }
}

/// Names an object that is being sent in parts, as long as it is not complete.
public struct PartsID: Sendable, Hashable {
    public let text: String

    public init(_ text: String) { self.text = text }
}
