internal import CSystem
public import Cryptography
import Glibc

/// Asks the key agent of a home.
public struct KeyAgentClient: Sendable {
    /// What an agent says of itself.
    public struct Status: Sendable, Hashable {
        /// The vault whose root it holds.
        public let vaultID: VaultID
        /// Milliseconds until it forgets it, unless it is used before.
        public let remainingMilliseconds: UInt64
    }

    private let path: String
    private static let patienceMilliseconds: Int32 = 2000

    /// For the agent at the socket `path` (see `AgentSocket.path`).
    public init(path: String) { self.path = path }

    /// The agent's state; nil when none runs.
    public func status() throws(KeyError) -> Status? {
        guard case .status(let vault, let remaining) = try ask(.status) else { return nil }
        return Status(vaultID: vault, remainingMilliseconds: remaining)
    }

    /// The root key of `vault`; nil when no agent runs or it holds another vault's. Counts as a use.
    public func rootKey(of vault: VaultID) throws(KeyError) -> SecretBytes? {
        guard case .rootKey(let root) = try ask(.rootKey(vault)) else { return nil }
        return root.bytes.copy()
    }

    /// Makes the agent wipe the root and end. Returns whether one was running.
    @discardableResult
    public func lock() throws(KeyError) -> Bool {
        guard case .done = try ask(.lock) else { return false }
        return true
    }

    /// Tells the agent of the root that `new` was given in place of `old`'s; nothing happens when none runs.
    /// An agent that refuses is locked, so that it never gives out a root that opens nothing.
    public func replaceRoot(from old: UnlockedKeys, to new: UnlockedKeys) throws(KeyError) {
        guard !ConstantTime.equal(old.state.root.bytes, new.state.root.bytes) else { return }
        let answer = try ask(
            .replaceRoot(old.vaultID, old: old.state.root, new: new.state.root))
        if case .refused = answer { try lock() }
    }

    /// One request and its answer; nil when nobody listens.
    func ask(_ request: AgentMessage.Request) throws(KeyError) -> AgentMessage.Answer? {
        guard let descriptor = try AgentSocket.connect(to: path) else { return nil }
        defer { close(descriptor) }
        // The root must not go to an impostor either.
        guard AgentSocket.peer(of: descriptor) == getuid() else {
            throw KeyError(.integrityFailure, "the key agent at \(path) belongs to another user")
        }
        var bytes = request.encoded
        let count = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        let wanted = bytes.count
        _ = SecretBytes(wiping: &bytes)
        guard count == wanted else { return nil }
        return try receive(descriptor)
    }

    private func receive(_ descriptor: Int32) throws(KeyError) -> AgentMessage.Answer? {
        var received: [UInt8] = []
        defer { _ = SecretBytes(wiping: &received) }
        let deadline = BootClock.milliseconds() + UInt64(KeyAgentClient.patienceMilliseconds)
        while true {
            let now = BootClock.milliseconds()
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wait, 1, now >= deadline ? 0 : Int32(deadline - now))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else {
                throw KeyError(.failed, "the key agent does not answer", hint: "run ai-team lock")
            }
            var buffer = [UInt8](repeating: 0, count: AgentMessage.sizeLimit + 4)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            // An agent that ended meanwhile is one that does not run.
            guard count > 0 else { return nil }
            received += buffer[..<count]
            _ = SecretBytes(wiping: &buffer)
            do {
                if let message = try AgentMessage.unframe(received) {
                    return try AgentMessage.Answer(message)
                }
            } catch { throw KeyError(error, .malformed, "key agent") }
        }
    }
}
