extension KeyAgentClient {
    /// Opens the ring in `keysDirectory` with the root that the agent holds; nil when none runs, or when the
    /// root was replaced since. Counts as a use.
    public func keys(of vault: VaultID, in keysDirectory: String) throws(KeyError) -> UnlockedKeys? {
        guard let root = try rootKey(of: vault) else { return nil }
        do throws(KeyError) {
            return try KeyRing.open(in: keysDirectory, root: SharedSecret(root), opener: .agent(self))
        } catch {
            guard error.code == .locked else { throw error }
            return nil
        }
    }
}
