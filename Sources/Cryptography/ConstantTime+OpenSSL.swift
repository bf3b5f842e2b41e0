import COpenSSL

/// Comparison whose time says nothing about where two values differ (CRYPTO_memcmp).
public enum ConstantTime {
    /// Whether both hold the same bytes. A difference in length is not hidden.
    public static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        guard a.count > 0, let left = a.baseAddress, let right = b.baseAddress else { return true }
        return CRYPTO_memcmp(left, right, a.count) == 0
    }

    /// Whether both hold the same bytes. A difference in length is not hidden.
    public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.withRaw { a in b.withRaw { b in equal(a, b) } }
    }

    /// Whether two secrets hold the same bytes. A difference in length is not hidden.
    public static func equal(_ a: borrowing SecretBytes, _ b: borrowing SecretBytes) -> Bool {
        a.withUnsafeBytes { left in b.withUnsafeBytes { right in equal(left, right) } }
    }
}
