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

extension UnlockedKeys {
    /// The agent that these keys came from; nil when a slot's secret opened them.
    public var agent: KeyAgentClient? {
        guard case .agent(let client) = opener else { return nil }
        return client
    }
}
