import COpenSSL

/// The cost of scrypt (RFC 7914): 128 * n * r bytes of memory.
public struct ScryptParameters: Sendable, Hashable {
    /// N, a power of two.
    public let n: UInt64
    /// Block size.
    public let r: UInt32
    /// Parallelisation.
    public let p: UInt32

    /// N = 2^17, r = 8, p = 1: 128 MiB.
    public static let standard = ScryptParameters(n: 1 << 17, r: 8, p: 1)

    /// What may stand in a file. It is authenticated only after the work, so a floor against a downgrade and
    /// a ceiling against exhaustion are checked here, before any: N from 2^15 to 2^20, r = 8, p = 1.
    public init(logN: UInt8) throws(CryptoError) {
        guard (15...20).contains(logN) else {
            throw CryptoError(.parameterOutOfRange, "scrypt's cost 2^\(logN) is outside 2^15 to 2^20")
        }
        self.init(n: 1 << UInt64(logN), r: 8, p: 1)
    }

    /// Any parameters; for published test vectors alone.
    package init(n: UInt64, r: UInt32, p: UInt32) {
        self.n = n
        self.r = r
        self.p = p
    }

    /// The exponent of N, as files store it.
    public var logN: UInt8 { UInt8(n.trailingZeroBitCount) }

    /// What libcrypto may allocate: its default of 32 MiB fails, and so does exactly 128 * n * r.
    var memoryLimit: UInt64 { 128 * n * UInt64(r) + 16 << 20 }
}

/// The memory-hard function for passphrases (RFC 7914).
public enum Scrypt {
    /// A key of `count` bytes from a passphrase.
    public static func derive(
        passphrase: borrowing SecretBytes, salt: [UInt8], parameters: ScryptParameters = .standard,
        count: Int = 32
    ) throws(CryptoError) -> SecretBytes {
        try passphrase.withUnsafeBytes { (passphrase) throws(CryptoError) -> SecretBytes in
            try SecretBytes(count: count) { (output) throws(CryptoError) in
                var nothing: CChar = 0
                let result = withUnsafePointer(to: &nothing) { empty in
                    EVP_PBE_scrypt(
                        passphrase.baseAddress?.assumingMemoryBound(to: CChar.self) ?? empty,
                        passphrase.count, salt, salt.count, parameters.n, UInt64(parameters.r),
                        UInt64(parameters.p), parameters.memoryLimit, output.bytes, output.count)
                }
                guard result == 1 else {
                    _ = Library.failure("scrypt")
                    throw CryptoError(
                        .libraryFailure, "scrypt failed",
                        hint: "it needs \(parameters.memoryLimit >> 20) MiB of memory")
                }
            }
        }
    }
}
