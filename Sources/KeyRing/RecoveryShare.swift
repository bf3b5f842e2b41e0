import Cryptography

/// One of n pieces of a recovery code, any k of which give it back and fewer of which tell nothing.
///
///     share = set 4 ‖ digest 3 ‖ threshold 1 ‖ x 1 ‖ values 32 ‖ check 4          45 bytes, 72 letters
///     digest = HMAC-SHA-256(code, "ai-team/recovery-set/v1" ‖ 0x00 ‖ set ‖ threshold)[:3]
///     check = SHA-256("ai-team/recovery-share/v1" ‖ 0x00 ‖ all before it)[:4]
///
/// The check tells a typo, the set tells shares of different splits apart, and the digest says whether what
/// came out is the code that was split. Shamir's sharing over GF(256), as SLIP-39 has it, with a text of our
/// own.
public struct RecoveryShare: Sendable {
    /// How many shares give the code.
    public let threshold: Int
    /// Which of the shares it is, from 1.
    public let number: Int
    let set: [UInt8]
    let digest: [UInt8]
    let values: SharedSecret

    /// The most shares of one code.
    public static let limit = 16
    /// Letters of a share without hyphens.
    public static let letterCount = 72
    private static let byteCount = 45

    /// Splits a code.
    ///
    /// - Throws: `guardRefused` for numbers that can't be: 2 ≤ threshold ≤ count ≤ 16.
    public static func split(
        _ code: RecoveryCode, threshold: Int, count: Int
    ) throws(KeyError) -> [RecoveryShare] {
        guard threshold >= 2, threshold <= count, count <= limit else {
            throw KeyError(
                .guardRefused, "\(threshold) of \(count) shares can't be",
                hint: "at least 2 are needed, and there are at most \(limit)")
        }
        return try orKeyError(.failed, "shares of the recovery code") { () throws(CryptoError) in
            let set = try RandomBytes.bytes(4)
            let digest = try Self.digest(code.secret, set, threshold)
            return try ShamirSharing.split(code.secret.bytes, threshold: threshold, count: count).map {
                RecoveryShare(
                    threshold: threshold, number: Int($0.x), set: set, digest: digest, values: $0.values)
            }
        }
    }

    private init(threshold: Int, number: Int, set: [UInt8], digest: [UInt8], values: SharedSecret) {
        self.threshold = threshold
        self.number = number
        self.set = set
        self.digest = digest
        self.values = values
    }

    /// Reads what a person typed; `malformed` when it is no share or has a typo.
    public init(_ text: String) throws(KeyError) {
        let letters = text.filter { !$0.isWhitespace && $0 != "-" }
        guard letters.utf8.count == Self.letterCount, var bytes = Crockford32.decode(letters) else {
            throw KeyError(
                .malformed, "a share of a recovery code has \(Self.letterCount) letters and digits",
                hint: "type all 18 groups of 4")
        }
        guard Array(bytes[41...]) == Self.check(bytes[..<41]), (2...Self.limit).contains(Int(bytes[7])),
            (1...Self.limit).contains(Int(bytes[8]))
        else {
            throw KeyError(.malformed, "the share has a typo", hint: "compare it letter by letter")
        }
        set = Array(bytes[..<4])
        digest = Array(bytes[4..<7])
        threshold = Int(bytes[7])
        number = Int(bytes[8])
        bytes.removeLast(4)
        bytes.removeFirst(9)
        values = SharedSecret(SecretBytes(wiping: &bytes))
    }

    /// The code that these shares were made of.
    ///
    /// - Throws: `malformed` when they are of different splits, too few, or don't give the code that was
    /// split.
    public static func combine(_ shares: [RecoveryShare]) throws(KeyError) -> RecoveryCode {
        guard let first = shares.first,
            shares.allSatisfy({
                $0.set == first.set && $0.digest == first.digest && $0.threshold == first.threshold
            })
        else {
            throw KeyError(
                .malformed, "the shares are not of one split", hint: "only shares made together fit together")
        }
        var numbers: Set<Int> = []
        let different = shares.filter { numbers.insert($0.number).inserted }
        guard different.count >= first.threshold else {
            throw KeyError(
                .malformed, "\(different.count) different shares are too few: \(first.threshold) are needed",
                hint: "find \(first.threshold - different.count) more")
        }
        let (secret, digest) = try orKeyError(.failed, "shares of the recovery code") {
            () throws(CryptoError) in
            let secret = try ShamirSharing.combine(
                different.prefix(first.threshold).map {
                    ShamirSharing.Share(x: UInt8($0.number), values: $0.values)
                })
            return (secret, try Self.digest(secret, first.set, first.threshold))
        }
        guard ConstantTime.equal(digest, first.digest) else {
            throw KeyError(.malformed, "the shares do not give the code that was split")
        }
        return RecoveryCode(secret: secret)
    }

    /// The 72 letters in 18 groups, to be shown once.
    public func reveal() -> String {
        var bytes = set + digest + [UInt8(threshold), UInt8(number)] + values.bytes.revealed()
        bytes += Self.check(bytes[...])
        let letters = Array(Crockford32.encode(bytes))
        return stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<$0 + 4]) }
            .joined(separator: "-")
    }

    private static func digest(
        _ secret: SharedSecret, _ set: [UInt8], _ threshold: Int
    ) throws(CryptoError) -> [UInt8] {
        let message = Array(Domain.recoverySet.utf8) + [0] + set + [UInt8(threshold)]
        return Array(try HMAC.authenticate(.sha256, key: secret.bytes, message)[..<3])
    }

    private static func check(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(Hash.digest(.sha256, Array(Domain.recoveryShare.utf8) + [0] + bytes)[..<4])
    }
}

extension RecoveryShare: CustomStringConvertible, CustomDebugStringConvertible {
    /// Nothing of the share.
    public var description: String { "share of a recovery code" }
    /// Nothing of the share.
    public var debugDescription: String { "share of a recovery code" }
}
