internal import Cryptography
internal import KeyRing

/// What a task is called among the claims of a remote: who lacks the vault's key of names can't tell which
/// task that is.
public struct ClaimTag: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// HMAC-SHA-256, 32 bytes: what a claim's header links to.
    let bytes: [UInt8]

    /// A task's tag under a vault's key of names.
    init(task: String, keys: UnlockedKeys) throws {
        bytes = try HMAC.authenticate(.sha256, key: keys.nameKey(), Array("claim".utf8) + Array(task.utf8))
    }

    /// As names show it: the first 20 bytes.
    public var description: String { Crockford32.encode(Array(bytes[..<20])) }

    /// By bytes.
    public static func < (a: ClaimTag, b: ClaimTag) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}
