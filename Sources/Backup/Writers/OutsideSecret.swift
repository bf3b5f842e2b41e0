package import Cryptography

/// The secret that a machine without epoch keys cuts and names chunks with (`OutsideKey`); it stands in the
/// encrypted part of its manifests.
package final class OutsideSecret: Sendable {
    /// 32 bytes.
    package let bytes: SecretBytes

    package init(_ bytes: consuming SecretBytes) { self.bytes = bytes }
}
