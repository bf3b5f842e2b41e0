import Cryptography

/// What is said over the key agent's socket: one request and one answer a connection, each a length (u32, at
/// most 256) and "ATA1" ‖ kind u8 ‖ body.
enum AgentMessage {
    static let magic = Array("ATA1".utf8)
    /// The longest message without its length.
    static let sizeLimit = 256
    private static let rootCount = 32

    enum Request {
        /// Kind 1: is it unlocked, for which vault and how long.
        case status
        /// Kind 2, V: the root key of that vault. Counts as a use.
        case rootKey(VaultID)
        /// Kind 3: wipe everything and end.
        case lock
        /// Kind 4, V ‖ old root ‖ new root: the ring was given a new root.
        case replaceRoot(VaultID, old: SharedSecret, new: SharedSecret)
        /// Kind 5, V: how far the database had come. No use.
        case anchor(VaultID)
        /// Kind 6, V ‖ database id ‖ counter u64 ‖ root: the database has come so far. No use.
        case noteAnchor(VaultID, AgentAnchor)
        /// Kind 7, V: what is remembered of the database counts no more. No use.
        case forgetAnchor(VaultID)
    }

    enum Answer {
        /// Kind 1, V ‖ milliseconds left u64.
        case status(VaultID, remaining: UInt64)
        /// Kind 2, root.
        case rootKey(SharedSecret)
        /// Kind 3: done.
        case done
        /// Kind 4: another vault, another root, or no message.
        case refused
        /// Kind 5, database id ‖ counter u64 ‖ root: how far it had come. Where nothing is known, kind 4.
        case anchor(AgentAnchor)
    }
}

extension AgentMessage.Request {
    var encoded: [UInt8] {
        switch self {
        case .status: AgentMessage.frame(1) { _ in }
        case .rootKey(let vault): AgentMessage.frame(2) { $0.raw(vault.bytes) }
        case .lock: AgentMessage.frame(3) { _ in }
        case .replaceRoot(let vault, let old, let new):
            AgentMessage.frame(4) { $0.raw(vault.bytes + old.bytes.revealed() + new.bytes.revealed()) }
        case .anchor(let vault): AgentMessage.frame(5) { $0.raw(vault.bytes) }
        case .noteAnchor(let vault, let anchor):
            AgentMessage.frame(6) {
                $0.raw(vault.bytes)
                anchor.encode(into: &$0)
            }
        case .forgetAnchor(let vault): AgentMessage.frame(7) { $0.raw(vault.bytes) }
        }
    }

    init(_ message: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(message)
        switch try AgentMessage.kind(&reader) {
        case 1: self = .status
        case 2: self = .rootKey(try AgentMessage.vault(&reader))
        case 3: self = .lock
        case 4:
            let vault = try AgentMessage.vault(&reader)
            let old = try AgentMessage.root(&reader)
            self = .replaceRoot(vault, old: old, new: try AgentMessage.root(&reader))
        case 5: self = .anchor(try AgentMessage.vault(&reader))
        case 6:
            let vault = try AgentMessage.vault(&reader)
            self = .noteAnchor(vault, try AgentAnchor(from: &reader))
        case 7: self = .forgetAnchor(try AgentMessage.vault(&reader))
        default: throw AgentMessage.malformed
        }
        try reader.expectEnd()
    }
}

extension AgentMessage.Answer {
    var encoded: [UInt8] {
        switch self {
        case .status(let vault, let remaining):
            AgentMessage.frame(1) {
                $0.raw(vault.bytes)
                $0.u64(remaining)
            }
        case .rootKey(let root): AgentMessage.frame(2) { $0.raw(root.bytes.revealed()) }
        case .done: AgentMessage.frame(3) { _ in }
        case .refused: AgentMessage.frame(4) { _ in }
        case .anchor(let anchor): AgentMessage.frame(5) { anchor.encode(into: &$0) }
        }
    }

    init(_ message: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(message)
        switch try AgentMessage.kind(&reader) {
        case 1:
            let vault = try AgentMessage.vault(&reader)
            self = .status(vault, remaining: try reader.u64())
        case 2: self = .rootKey(try AgentMessage.root(&reader))
        case 3: self = .done
        case 4: self = .refused
        case 5: self = .anchor(try AgentAnchor(from: &reader))
        default: throw AgentMessage.malformed
        }
        try reader.expectEnd()
    }
}

extension AgentMessage {
    /// The message at the start of `bytes`: nil while it is incomplete; throws when its length is impossible.
    static func unframe(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8]? {
        guard bytes.count >= 4 else { return nil }
        var reader = CanonicalReader(bytes)
        let count = try Int(reader.u32())
        guard count >= magic.count + 1, count <= sizeLimit else { throw malformed }
        guard reader.remaining >= count else { return nil }
        return try reader.raw(count)
    }

    static var malformed: CryptoError { CryptoError(.malformed, "a message of the key agent is malformed") }

    private static func frame(_ kind: UInt8, _ body: (inout CanonicalWriter) -> Void) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(magic)
        writer.u8(kind)
        body(&writer)
        var framed = CanonicalWriter()
        framed.blob(writer.bytes)
        return framed.bytes
    }

    private static func kind(_ reader: inout CanonicalReader) throws(CryptoError) -> UInt8 {
        guard try reader.raw(magic.count) == magic else { throw malformed }
        return try reader.u8()
    }

    private static func vault(_ reader: inout CanonicalReader) throws(CryptoError) -> VaultID {
        guard let vault = VaultID(try reader.raw(VaultID.count)) else { throw malformed }
        return vault
    }

    private static func root(_ reader: inout CanonicalReader) throws(CryptoError) -> SharedSecret {
        var bytes = try reader.raw(rootCount)
        return SharedSecret(SecretBytes(wiping: &bytes))
    }
}
