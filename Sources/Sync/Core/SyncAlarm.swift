internal import KeyRing
public import Vault

/// Something that an honest remote and honest members do not do, with the evidence by name.
public struct SyncAlarm: Sendable, Hashable, CustomStringConvertible {
    /// What happened.
    public enum Kind: String, Sendable, Hashable {
        /// An object is not what its author signed.
        case tampered
        /// One author signed two different things for one place.
        case equivocation
        /// Something is missing that a member says it has seen.
        case withheld
        /// Something older was put back.
        case rollback
        /// The remote belongs to another vault.
        case foreignVault = "foreign_vault"
        /// The remote had this vault and has it no longer.
        case emptied
        /// A roster record breaks the rules, or two chains are shown.
        case rosterInvalid = "roster_invalid"
        /// A member comes to another state than this device does from the same segments.
        case diverged
        /// Another copy of this device writes under its name.
        case cloned
        /// A device says that logs of its own may be gone which must still be there: it, or who has stolen
        /// it, hides traces.
        case logsHidden = "logs_hidden"
    }

    /// What happened.
    public let kind: Kind
    /// The object that shows it.
    public let object: String
    /// Whose it is, where somebody's.
    public let author: Author?
    /// The rest, for a person.
    public let detail: String

    /// An alarm with its evidence.
    public init(_ kind: Kind, _ object: String, by author: Author? = nil, _ detail: String) {
        self.kind = kind
        self.object = object
        self.author = author
        self.detail = detail
    }

    public var description: String {
        "\(kind.rawValue): \(object)\(author.map { " of \($0)" } ?? ""): \(detail)"
    }
}

extension SyncAlarm: JSONEncodable {
    /// `kind, object, device_id, detail`.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("kind", kind.rawValue)
            writer.field("object", object)
            writer.field("device_id", author?.device.description)
            writer.field("detail", detail)
        }
    }
}

/// What a round did.
public struct SyncReport: Sendable {
    /// Segments that were sent and found stored.
    public var pushedSegments = 0
    /// Segments that were applied.
    public var pulledSegments = 0
    /// Checkpoints that were taken over in the place of segments.
    public var loadedCheckpoints = 0
    /// Operations in them: changed records.
    public var pulledChanges = 0
    /// Log objects that were sent and found stored.
    public var pushedLogs = 0
    /// Blobs that were brought to the remote, and those that were got from it.
    public var sentBlobs = 0
    public var fetchedBlobs = 0
    /// Blobs that are named here, and could not be had in this round.
    public var missingBlobs = 0
    /// Blobs' objects that nothing named any more and that were removed from the remote.
    public var removedBlobs = 0
    /// Segments that somebody has announced and that are not applied: those of lanes that were held back. Nil
    /// when the round did not ask.
    public var behind: Int?
    /// What was noticed in this round, known before or not.
    public var alarms: [SyncAlarm] = []
    /// Members whose heads are older than they promise, with the promised time in milliseconds since 1970.
    public var silent: [Silence] = []
    /// Records of the roster wait until the registrar has put them into the remote.
    public var awaitsRegistrar = false
    /// What a person should know although nothing is wrong.
    public var notices: [String] = []
    /// Why the round ended early; nil when it did all that it was asked.
    public var failure: SyncError?

    /// Set when this device may remove from the remote what nothing names.
    var collecting: Collecting?

    /// What has to be known before something is removed.
    struct Collecting: Sendable {
        /// The newest checkpoint that is old and that enough members stand for.
        let checkpoint: CheckpointMark?
    }

    /// A member that has not been heard for longer than it said.
    public struct Silence: Sendable, Hashable {
        /// Who.
        public let author: Author
        /// Until when its newest head is valid.
        public let validUntil: UInt64
    }

    /// Nothing done.
    public init() {}

    /// This round and one before it as one.
    public func adding(_ earlier: SyncReport) -> SyncReport {
        var both = self
        both.pushedSegments += earlier.pushedSegments
        both.pulledSegments += earlier.pulledSegments
        both.pushedLogs += earlier.pushedLogs
        both.pulledChanges += earlier.pulledChanges
        both.notices = earlier.notices + notices
        both.loadedCheckpoints += earlier.loadedCheckpoints
        both.sentBlobs += earlier.sentBlobs
        both.fetchedBlobs += earlier.fetchedBlobs
        both.removedBlobs += earlier.removedBlobs
        both.silent = silent.isEmpty ? earlier.silent : silent
        both.behind = behind ?? earlier.behind
        return both
    }
}
