internal import Cryptography
internal import KeyRing
internal import ObjectStorage

/// What a remote does with conditions on a put, found out by trying, and signed by who tried.
///
///     "ATPR" ‖ suite u8 = 1 ‖ V 32 ‖ location 16 ‖ device 16 ‖ time u64 ‖ if absent u8 ‖ if matches u8
///     ‖ ETag is MD5 u8 ‖ clock difference, two's complement u64 ‖ signature 64
///
/// The signature is over everything before it, in the domain "ai-team/probe/v1". The two answers are 1
/// (honoured), 2 (ignored) or 3 (refused).
public struct RemoteProbe: Sendable, Equatable {
    /// What the store did.
    public enum Answer: UInt8, Sendable {
        case honoured = 1
        case ignored
        case refused

        /// Its name.
        public var name: String {
            switch self {
            case .honoured: "honoured"
            case .ignored: "ignored"
            case .refused: "refused"
            }
        }
    }

    /// Milliseconds since 1970.
    public var time: UInt64
    /// A put that must not replace anything.
    public var ifAbsent: Answer
    /// A put that replaces one version.
    public var ifMatches: Answer
    /// An object put in one piece has its MD5 for an ETag.
    public var hasMD5: Bool
    /// The store's clock less this machine's, in milliseconds; 0 when the store has no clock of its own.
    public var clockDifference: Int64

    /// Both kinds of condition hold: only then may two writers rely on them.
    public var isHonoured: Bool { ifAbsent == .honoured && ifMatches == .honoured }

    /// Whether it is too old to be believed, or from the future.
    func isStale(at now: UInt64) -> Bool { time > now || now - time > Self.lifetime }

    static let domain = "ai-team/probe/v1"
    private static let magic = Array("ATPR".utf8)
    /// A probe counts for 30 days.
    static let lifetime: UInt64 = 30 * 86_400_000

    /// Tries it with an object of a random name, which is removed again.
    ///
    /// - Throws: `StorageError` when the store can't be used at all.
    static func run(_ opened: OpenStore, time: UInt64) throws -> RemoteProbe {
        let store = opened.store
        let id = Crockford32.encode(try RandomBytes.bytes(20))
        guard let name = ObjectName("sync/v1/p/" + id) else {
            throw BackupError(.failed, "a probe has no name")
        }
        let first = try RandomBytes.bytes(32)
        var probe = RemoteProbe(
            time: time, ifAbsent: .honoured, ifMatches: .honoured, hasMD5: false, clockDifference: 0)
        probe.ifAbsent = try answer {
            _ = try store.put(name, .bytes(first), .ifAbsent)
            // Not the same bytes: those would count as an answer that was lost.
            _ = try store.put(name, .bytes(RandomBytes.bytes(32)), .ifAbsent)
        }
        let etag = try store.put(name, .bytes(first), .none)
        probe.hasMD5 = etag.md5 == (try BackupStore.md5(first))
        probe.ifMatches = try answer {
            let other = ETag(String(repeating: "0", count: 32))
            _ = try store.put(name, .bytes(RandomBytes.bytes(32)), .ifMatches(other))
        }
        try store.delete(name)
        probe.clockDifference = opened.clockDifference ?? 0
        return probe
    }

    private static func answer(_ body: () throws -> Void) throws -> Answer {
        do {
            try body()
            return .ignored
        } catch let error as StorageError {
            switch error.code {
            case .preconditionFailed: return .honoured
            case .notSupported: return .refused
            default: throw error
            }
        }
    }

    // MARK: - The record

    func signed(by keys: some BackupKeys, at location: BackupLocation) throws -> [UInt8] {
        let text = text(vaultID: keys.vaultID, device: keys.deviceID, location)
        return text + (try keys.sign(text, domain: Self.domain))
    }

    private func text(vaultID: [UInt8], device: [UInt8], _ location: BackupLocation) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.u8(1)
        writer.raw(vaultID)
        writer.raw(location.id)
        writer.raw(device)
        writer.u64(time)
        writer.u8(ifAbsent.rawValue)
        writer.u8(ifMatches.rawValue)
        writer.u8(hasMD5 ? 1 : 0)
        writer.u64(UInt64(bitPattern: clockDifference))
        return writer.bytes
    }

    private init(
        time: UInt64, ifAbsent: Answer, ifMatches: Answer, hasMD5: Bool, clockDifference: Int64
    ) {
        self.time = time
        self.ifAbsent = ifAbsent
        self.ifMatches = ifMatches
        self.hasMD5 = hasMD5
        self.clockDifference = clockDifference
    }

    /// Reads a record of this vault and location that a member signed; nil for any other, which then counts
    /// as none.
    init?(_ bytes: [UInt8], at location: BackupLocation, roster: Roster) {
        do {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic, try reader.u8() == 1,
                try reader.raw(32) == roster.vaultID.bytes, try reader.raw(16) == location.id,
                let device = DeviceID(try reader.raw(16)), let member = roster.member(device)
            else { return nil }
            let time = try reader.u64()
            guard let ifAbsent = Answer(rawValue: try reader.u8()),
                let ifMatches = Answer(rawValue: try reader.u8())
            else { return nil }
            let md5 = try reader.u8()
            let difference = Int64(bitPattern: try reader.u64())
            let signature = try reader.raw(64)
            try reader.expectEnd()
            guard md5 <= 1, let key = member.signingKeys.last?.key else { return nil }
            self.init(
                time: time, ifAbsent: ifAbsent, ifMatches: ifMatches, hasMD5: md5 == 1,
                clockDifference: difference)
            try Ed25519.verify(
                signature: signature, of: Array(bytes.dropLast(64)), domain: Self.domain, publicKey: key)
        } catch {
            return nil
        }
    }
}
