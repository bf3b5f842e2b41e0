package import Cryptography

/// A device's name in the roster: padded to 64 bytes and wrapped, so that its length shows nothing.
package enum DeviceLabel {
    private static let plainCount = 64
    /// The size of a sealed name.
    package static let count = RosterBody.labelCount

    package static func seal(
        _ name: String, under key: borrowing SecretBytes, _ id: DeviceID, _ vault: VaultID
    ) throws(KeyError) -> [UInt8] {
        var bytes = Array(name.utf8)
        guard bytes.count < plainCount else {
            throw KeyError(.malformed, "a device's name has at most \(plainCount - 1) bytes")
        }
        bytes = [UInt8(bytes.count)] + bytes + [UInt8](repeating: 0, count: plainCount - 1 - bytes.count)
        let padded = SecretBytes(wiping: &bytes)
        return try orKeyError(.failed, "device name") { () throws(CryptoError) in
            try Wrap.seal(padded, under: key, aad: vault.bytes + id.bytes)
        }
    }

    package static func open(
        _ label: [UInt8], under key: borrowing SecretBytes, _ id: DeviceID, _ vault: VaultID
    ) throws(KeyError) -> String {
        let bytes = try orKeyError(.integrityFailure, "device name") { () throws(CryptoError) in
            try Wrap.open(label, under: key, aad: vault.bytes + id.bytes)
        }.revealed()
        guard bytes.count == plainCount, bytes[0] < plainCount,
            let name = String(validating: bytes[1..<1 + Int(bytes[0])], as: UTF8.self)
        else { throw KeyError(.integrityFailure, "a device's name is malformed") }
        return name
    }
}
