package import Cryptography
internal import Glibc
package import KeyRing

/// What cuts and names the chunks of files outside the vault: a writer's own key, which members can derive.
///
///     K    = key(E_n, "outside", V, n)                                   n: the epoch of the encrypted part
///     gear = HKDF-Expand-SHA-256(K, "ai-team/outside-gear/v1" ‖ 0x00 ‖ device id, 2048): 256 × u64
///     K_id = HKDF-Expand-SHA-256(K, "ai-team/outside-id/v1" ‖ 0x00 ‖ device id, 32)
///     id   = HMAC-SHA-256(K_id, chunk)[:20]
///
/// Another device, and every device after a rotation, cuts and names in its own way, so that neither the
/// lengths of chunks nor their ids say anything to who does not hold the epoch's key.
package final class OutsideKey: Sendable {
    /// 256 numbers in the machine's byte order.
    private let gear: SecretBytes
    private let identifiers: SecretBytes

    /// The key that writer `device` (16 bytes) has in a backup of `epoch`.
    package convenience init(_ keys: UnlockedKeys, device: [UInt8], epoch: UInt32) throws {
        try self.init(
            secret: keys.key(KeyPurpose(rawValue: "outside"), epoch: epoch), device: device)
    }

    /// The key from K, 32 bytes.
    package init(secret: borrowing SecretBytes, device: [UInt8]) throws {
        func info(_ label: String) -> [UInt8] { Array(label.utf8) + [0] + device }
        let numbers = try HKDF.expand(
            .sha256, key: secret, info: info("ai-team/outside-gear/v1"), count: 2048)
        gear = try SecretBytes(count: 2048) { target in
            numbers.withUnsafeBytes { source in
                for place in stride(from: 0, to: 2048, by: 8) {
                    let number = source.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    target.storeBytes(of: number.bigEndian, toByteOffset: place, as: UInt64.self)
                }
            }
        }
        identifiers = try HKDF.expand(
            .sha256, key: secret, info: info("ai-team/outside-id/v1"), count: 32)
    }

    /// The id of a chunk.
    package func identifier(_ chunk: UnsafeRawBufferPointer) throws -> ChunkID {
        try ChunkID(HMAC.authenticate(.sha256, key: identifiers, chunk))
    }

    /// Lends the table of 256 numbers.
    func withGear<R>(_ body: (UnsafePointer<UInt64>) -> R) -> R {
        gear.withUnsafeBytes { bytes in
            let numbers = bytes.bindMemory(to: UInt64.self)
            return numbers.baseAddress.map(body) ?? body([UInt64](repeating: 0, count: 256))
        }
    }
}
