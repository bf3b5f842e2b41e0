import COpenSSL

/// MD5, which object stores show as the ETag of an object put in one piece. For comparing with that and for
/// nothing else: it proves nothing against an adversary.
public struct StoreChecksum: ~Copyable {
    private let context: OpaquePointer

    /// An empty checksum. C: EVP_md5, EVP_DigestInit_ex
    public init() throws(CryptoError) {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else {
            throw Library.failure("MD5")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
        guard bytes.count > 0 else { return }
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            throw Library.failure("MD5")
        }
    }

    /// The 16 bytes over everything added.
    public consuming func finalize() throws(CryptoError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 16)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw Library.failure("MD5") }
        return digest
    }
}
