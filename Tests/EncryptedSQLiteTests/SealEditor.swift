import Cryptography
import EncryptedSQLite
import TestSupport
import Testing

/// Changes what a seal says, as docs/FORMAT.md describes it: as an older program would have left it.
enum SealEditor {
    /// Where the root stands in the body, the 32 bytes after the counter.
    static let root = 58..<90

    /// Puts zeros in the place of the root.
    static func removeRoot(of vault: TestDatabase) throws {
        let cipher = try XAES256GCM(key: vault.keys.homeKey(purpose: "seal"))
        for place: Int64 in [0, 4096] {
            var slot = try vault.bytes("db-seal", 248, at: place)
            guard slot.count == 248, slot[0] != 0 else { continue }
            try slot.withUnsafeMutableBytes { slot in
                let body = UnsafeMutableRawBufferPointer(rebasing: slot[56...])
                let nonce = UnsafeRawBufferPointer(rebasing: slot[16..<40])
                let aad = UnsafeRawBufferPointer(rebasing: slot[..<16])
                let tag = UnsafeMutableRawBufferPointer(rebasing: slot[40..<56])
                try cipher.open(
                    UnsafeRawBufferPointer(body), into: body, nonce: nonce, aad: aad,
                    tag: UnsafeRawBufferPointer(tag))
                for index in root { body[index] = 0 }
                try cipher.seal(UnsafeRawBufferPointer(body), into: body, nonce: nonce, aad: aad, tag: tag)
            }
            try vault.put("db-seal", slot, at: place)
        }
    }
}
