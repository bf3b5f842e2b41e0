import Cryptography

/// What opened a ring, kept for when its root is replaced while the vault is open.
enum Opener: Sendable {
    /// A slot's private keys: every new root is sealed to their public half.
    case slot(SlotID, SlotKeyHolder)
    /// The key agent, which is told of every new root.
    case agent(KeyAgentClient)
    /// Nothing that can open another root; the slot, where one was just made for a secret.
    case none(SlotID?)

    var slot: SlotID? {
        switch self {
        case .slot(let id, _): id
        case .none(let id): id
        case .agent: nil
        }
    }
}

/// A slot's keys that several values share; wiped when the last lets go.
final class SlotKeyHolder: Sendable {
    let keys: SlotKeys

    init(_ keys: consuming SlotKeys) { self.keys = keys }
}

extension RingFile {
    /// The root, for the holder of `slot`'s keys.
    ///
    /// - Throws: `integrityFailure` when the ring is not the one that the slot's holder knows.
    func root(for slot: Slot, _ keys: borrowing SlotKeys) throws(KeyError) -> SharedSecret {
        try verifyAuthority(for: slot, keys)
        try verifySignature()
        return try orKeyError(.integrityFailure, "slot") { () throws(CryptoError) in
            SharedSecret(try slot.open(with: keys, vault: vaultID))
        }
    }
}
