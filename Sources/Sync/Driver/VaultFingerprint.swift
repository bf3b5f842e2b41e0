internal import Cryptography
public import KeyRing

/// Six words for two people to compare by voice: whoever reads out the same ones sees the same vault with the
/// same members, keys and epochs. A storage that shows two devices two rosters can't show them the same
/// words. That they were shown the same tasks, they do not say.
public struct VaultFingerprint: Sendable {
    /// Six words of 11 bits.
    public let words: [String]
    /// The number of the newest roster record that they cover: only at the same one can they be the same.
    public let record: UInt64

    /// Bytes that are stretched: each guess at a roster with the words of another costs as much as this.
    private static let logN: UInt8 = 15

    /// - Throws: `KeyError`'s `failed` when the library has no memory for it.
    public init(of roster: Roster) throws {
        record = roster.headSequence
        var writer = CanonicalWriter()
        writer.raw(Array("ai-team/fingerprint/v1".utf8) + [0] + roster.vaultID.bytes)
        writer.u64(roster.headSequence)
        writer.raw(roster.headHash)
        let derived = try Scrypt.derive(
            passphrase: SecretBytes(copying: writer.bytes), salt: roster.vaultID.bytes,
            parameters: ScryptParameters(logN: Self.logN))
        words = derived.withUnsafeBytes { WordList.words(for: Array($0), count: 6) }
    }
}
