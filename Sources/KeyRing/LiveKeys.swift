import FileSystem
import Synchronization

/// The keys of an open vault as its ring has them now. Any thread may use it.
///
/// Another process may change the ring while this one has the vault open: a new root, a new epoch, new key
/// pairs of the device. `reload` notices that by looking at the two files, which are only ever replaced by
/// renames, and opens the ring anew by what opened it first.
public final class LiveKeys: Sendable {
    private struct State {
        var keys: UnlockedKeys
        /// What the ring's files looked like before they were read; nil before the first look.
        var files: KeyDirectory.Appearance?
    }

    private let directory: KeyDirectory
    private let state: Mutex<State>

    /// Keys that were opened in `keysDirectory`; `reload` finds what has changed since.
    public init(_ keys: UnlockedKeys, in keysDirectory: String) {
        directory = KeyDirectory(path: keysDirectory)
        state = Mutex(State(keys: keys, files: nil))
    }

    /// The keys as they were last seen.
    public var current: UnlockedKeys { state.withLock { $0.keys } }

    /// Takes keys that this process itself has just stored, unless newer ones are known.
    public func adopt(_ keys: UnlockedKeys) {
        state.withLock { if keys.ringGeneration >= $0.keys.ringGeneration { $0.keys = keys } }
    }

    /// Brings the keys up to the ring. While it was not replaced that costs two calls of lstat.
    ///
    /// - Returns: the keys as they are now.
    /// - Throws: `locked` when the root was replaced and neither the slot that opened the vault nor the key
    ///   agent leads to the new one; `rollback` when an older ring was put back; what `KeyRing.open` throws.
    @discardableResult
    public func reload() throws(KeyError) -> UnlockedKeys {
        // Mutex.withLock loses the type of the error.
        let result = state.withLock { state -> Result<UnlockedKeys, KeyError> in
            do throws(KeyError) {
                try reload(&state)
                return .success(state.keys)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func reload(_ state: inout State) throws(KeyError) {
        let files = try directory.appearance()
        guard files != state.files else { return }
        let known = state.keys
        state.keys = try directory.whileOthersChange { () throws(KeyError) in
            let rings = try directory.readRings()
            guard rings.newest.generation >= known.ringGeneration else {
                throw KeyRing.wasPutBack(directory.path)
            }
            guard rings.newest.generation > known.ringGeneration else { return known }
            // Nothing may be written under a new epoch before the ring that holds it is there to stay: its
            // name may be so new that who put it there has not synced the directory yet.
            try directory.sync()
            return try known.reopened(rings.newest, directory.readRoster(for: rings.newest))
        }
        state.files = files
    }
}
