import Cryptography
import Glibc

extension UnlockedKeys {
    /// The keys of a later ring of this home: with the root that these have, or, when it was replaced, with
    /// the new one that the slot which opened these leads to, or that the key agent was told.
    ///
    /// - Throws: `locked` when neither does; what `KeyRing.open` throws.
    func reopened(_ ring: RingFile, _ roster: Roster) throws(KeyError) -> UnlockedKeys {
        guard ring.vaultID == vaultID, ring.device == device else {
            throw KeyError(
                .integrityFailure, "the key ring is another vault's or another device's",
                hint: "someone replaced keys/; restore it from a backup of this home")
        }
        if let state = try Self.state(ring, state.root, roster) {
            return UnlockedKeys(state, opener: opener)
        }
        switch opener {
        case .slot(let id, let holder):
            guard let slot = ring.slots.first(where: { $0.id == id }) else { break }
            let root = try ring.root(for: slot, holder.keys)
            return UnlockedKeys(try RingState(ring, root: root, roster: roster), opener: opener)
        case .agent(let client):
            // Who replaces the root tells the agent just after the ring is in place.
            for _ in 0..<Self.agentAttempts {
                guard let root = try client.rootKey(of: vaultID) else { break }
                if let state = try Self.state(ring, SharedSecret(root), roster) {
                    return UnlockedKeys(state, opener: opener)
                }
                usleep(Self.agentPauseMicroseconds)
            }
        case .none: break
        }
        throw KeyError(
            .locked, "the keys of this vault were replaced, and what opened it here opens it no longer",
            hint: "run the command again with a passphrase or key file of the vault's")
    }

    /// Together a second.
    private static let agentAttempts = 100
    private static let agentPauseMicroseconds: UInt32 = 10_000

    /// Nil when the ring is under another root.
    private static func state(
        _ ring: RingFile, _ root: SharedSecret, _ roster: Roster
    ) throws(KeyError) -> RingState? {
        do throws(KeyError) { return try RingState(ring, root: root, roster: roster) } catch {
            guard error.code == .locked else { throw error }
            return nil
        }
    }
}
