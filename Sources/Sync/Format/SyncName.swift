internal import Cryptography
public import KeyRing
public import ObjectStorage
public import Vault

/// The names of sync's objects in a remote (docs/FORMAT.md, "Sync objects"). Readers compute them and never
/// have to list.
public enum SyncName: Sendable, Hashable, Comparable {
    /// The genesis record.
    case genesis
    /// A later roster record.
    case record(UInt64)
    /// The summary of all heads.
    case bell
    /// An author's head.
    case head(Author)
    /// A segment.
    case segment(Lane, UInt64)
    /// Records that a device asks the registrar to put into the roster.
    case request(DeviceID)
    /// A change of the members that a device proposes.
    case proposal(DeviceID)
    /// A checkpoint's manifest.
    case manifest(CheckpointID)
    /// A chunk of a checkpoint, from 0.
    case chunk(CheckpointID, Int)
    /// The list of blobs' objects that are to be removed.
    case marks
    /// A log object: its author, the day on which it was sealed, its number.
    case log(Author, LogDay, UInt64)
    /// A round of claims of a task, from 1.
    case claim(ClaimTag, UInt32)

    /// All names begin so.
    public static let root = "sync/v1/"
    static let requestSuffix = "-r"
    /// The names of log objects begin so, below the root.
    static let logs = "l/"
    /// Claims stand below it.
    static let claims = "t/"

    /// The object's name.
    ///
    /// - Parameter vault: the vault's name, which device tags depend on.
    public func objectName(vault: VaultID) -> ObjectName {
        let path =
            switch self {
            case .genesis: "g"
            case .record(let sequence): "r/" + Self.padded(sequence)
            case .bell: "x"
            case .head(let author): "h/\(author.device.tag(in: vault))/\(author.incarnation)"
            case .segment(let lane, let sequence):
                "s/\(lane.author.device.tag(in: vault))/\(lane.author.incarnation)/\(lane.stream)/"
                    + Self.padded(sequence)
            case .request(let device): "j/\(device.tag(in: vault))" + Self.requestSuffix
            case .proposal(let device): "j/\(device.tag(in: vault))-p"
            case .manifest(let id): "c/\(id)/m"
            case .chunk(let id, let index): "c/\(id)/\(index)"
            case .marks: "m"
            case .log(let author, let day, let sequence):
                "\(Self.logs)\(day)/\(author.device.tag(in: vault))/\(author.incarnation)/"
                    + Self.padded(sequence)
            case .claim(let tag, let round): "\(Self.claims)\(tag)/\(round)"
            }
        guard let name = ObjectName(Self.root + path) else {
            preconditionFailure("names of sync objects are made of letters, digits and slashes")
        }
        return name
    }

    /// 16 decimal digits, so that names sort like numbers.
    private static func padded(_ sequence: UInt64) -> String {
        let digits = String(sequence)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }
}
