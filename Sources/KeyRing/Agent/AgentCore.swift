import Cryptography

/// For how long a key agent keeps the root.
public struct AgentLifetime: Sendable, Hashable {
    /// Seconds since the last use.
    public let idleSeconds: UInt64

    /// 15 minutes.
    public static let standard = AgentLifetime(known: 15 * 60)
    /// The longest time since the last use, and the longest time at all: 12 hours.
    public static let maximumSeconds: UInt64 = 12 * 60 * 60

    /// Throws `malformed` for nothing and for more than 12 hours.
    public init(idleSeconds: UInt64) throws(KeyError) {
        guard idleSeconds > 0, idleSeconds <= AgentLifetime.maximumSeconds else {
            throw KeyError(.malformed, "keys can be kept for one second to 12 hours")
        }
        self.idleSeconds = idleSeconds
    }

    private init(known: UInt64) { idleSeconds = known }
}

/// What a key agent knows and decides, without sockets and clocks of its own. Times are milliseconds of a
/// clock that goes on during suspend.
struct AgentCore {
    let vaultID: VaultID
    private let idle: UInt64
    private let end: UInt64
    private var lastUse: UInt64
    private var root: SharedSecret?
    /// The newest state of the database that was told.
    private var anchor: AgentAnchor?

    init(vaultID: VaultID, root: SharedSecret, lifetime: AgentLifetime, now: UInt64) {
        self.vaultID = vaultID
        self.root = root
        idle = lifetime.idleSeconds * 1000
        end = now + AgentLifetime.maximumSeconds * 1000
        lastUse = now
    }

    /// When the root is wiped unless it is used before.
    private var deadline: UInt64 { min(lastUse + idle, end) }

    /// Milliseconds until the root is wiped; 0 when there is none.
    func remaining(at now: UInt64) -> UInt64 {
        root == nil || now >= deadline ? 0 : deadline - now
    }

    /// Wipes the root when its time is over. Returns whether the agent has nothing left to do.
    mutating func expire(at now: UInt64) -> Bool {
        if remaining(at: now) == 0 { root = nil }
        return root == nil
    }

    /// Answers a message of a peer that was let in.
    mutating func answer(_ message: [UInt8], at now: UInt64) -> AgentMessage.Answer {
        guard !expire(at: now), let root, let request = request(message) else { return .refused }
        switch request {
        case .status:
            return .status(vaultID, remaining: remaining(at: now))
        case .rootKey(let vault):
            guard vault == vaultID else { return .refused }
            lastUse = now
            return .rootKey(root)
        case .lock:
            self.root = nil
            return .done
        case .replaceRoot(let vault, let old, let new):
            guard vault == vaultID, ConstantTime.equal(old.bytes, root.bytes) else { return .refused }
            self.root = new
            lastUse = now
            return .done
        case .anchor(let vault):
            guard vault == vaultID, let anchor else { return .refused }
            return .anchor(anchor)
        case .noteAnchor(let vault, let told):
            guard vault == vaultID else { return .refused }
            if told.counter >= anchor?.counter ?? 0 { anchor = told }
            return .done
        case .forgetAnchor(let vault):
            guard vault == vaultID else { return .refused }
            anchor = nil
            return .done
        }
    }

    private func request(_ message: [UInt8]) -> AgentMessage.Request? {
        do { return try AgentMessage.Request(message) } catch { return nil }
    }
}
