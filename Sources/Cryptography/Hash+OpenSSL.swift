import COpenSSL

/// The two hash functions of suite 1 (FIPS 180-4).
public enum HashFunction: Sendable, Hashable {
    case sha256, sha512

    /// The size of a digest in bytes.
    public var digestCount: Int {
        switch self {
        case .sha256: 32
        case .sha512: 64
        }
    }

    var method: OpaquePointer? {
        switch self {
        case .sha256: Library.sha256
        case .sha512: Library.sha512
        }
    }
}

/// One-shot hashing.
public enum Hash {
    /// The digest of `bytes`.
    public static func digest(_ function: HashFunction, _ bytes: [UInt8]) -> [UInt8] {
        bytes.withRaw { digest(function, $0) }
    }

    /// The digest of `bytes`.
    public static func digest(_ function: HashFunction, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = Hasher(function)
        hasher.update(bytes)
        return hasher.finalize()
    }
}

/// A hash over bytes that come in pieces.
public struct Hasher: ~Copyable {
    private let context: OpaquePointer
    private let function: HashFunction

    /// An empty hash.
    public init(_ function: HashFunction) {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, function.method, nil) == 1 else {
            // Only without memory or without SHA-2 in libcrypto; neither is in a user's hand.
            preconditionFailure("libcrypto has no SHA-2")
        }
        self.context = context
        self.function = function
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) != 1 else { return }
        preconditionFailure("EVP_DigestUpdate")
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withRaw { update($0) }
    }

    /// The digest of everything added.
    public consuming func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: function.digestCount)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else {
            preconditionFailure("EVP_DigestFinal_ex")
        }
        return digest
    }
}
