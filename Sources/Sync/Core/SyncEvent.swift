public import ObjectStorage
public import Vault

/// Names one request or commit of a machine, so that its answer finds its place.
public struct SyncToken: Sendable, Hashable, Comparable {
    /// Rises with every effect of a machine.
    public let number: UInt64

    init(number: UInt64) { self.number = number }

    /// By number.
    public static func < (a: SyncToken, b: SyncToken) -> Bool { a.number < b.number }
}

/// What a round shall do.
public struct SyncRequest: Sendable, Hashable {
    /// Fetch and apply what others wrote.
    public var pulls: Bool
    /// Send what was written here.
    public var pushes: Bool
    /// Whether the change log holds what no segment carries yet.
    public var hasUnsealed: Bool
    /// Whether lines of the log are due to be sent.
    public var hasLogs = false
    /// For how many days own log objects stay in the remote, if that is longer than the vault's policy says.
    public var logRetentionDays = 0
    /// Look at every head, whatever the bell says.
    public var looksAtAll: Bool
    /// Whether an empty remote may be given this vault's genesis.
    public var mayFound: Bool
    /// Who writes the roster there.
    public var registrar: Registrar
    /// Streams of others that this device does not want: they are not followed, as if nobody had them.
    public var excluded: [UInt16] = []
    /// Whether a checkpoint is wanted, however short the way from the newest one is.
    public var wantsCheckpoint = false
    /// Milliseconds since 1970.
    public var now: Int64

    /// What to do, and when it is.
    public init(
        pulls: Bool, pushes: Bool, hasUnsealed: Bool, looksAtAll: Bool = false, mayFound: Bool = false,
        registrar: Registrar = .everybody, now: Int64
    ) {
        self.pulls = pulls
        self.pushes = pushes
        self.hasUnsealed = hasUnsealed
        self.looksAtAll = looksAtAll
        self.mayFound = mayFound
        self.registrar = registrar
        self.now = now
    }

    /// Who writes the roster in a remote.
    public enum Registrar: Sendable, Hashable {
        /// Each who may, since the store lets only one make each record.
        case everybody
        /// This device alone.
        case own
        /// Another device alone.
        case other
    }
}

/// What happens to a machine.
public enum SyncEvent: Sendable {
    /// A round begins; one that is under way is dropped.
    case begin(SyncRequest)
    /// The remote has answered.
    case answer(SyncToken, RemoteAnswer)
    /// The store has made changes durable.
    case committed(SyncToken, [CommitResult])
    /// Segments were not made ready to be sent, since what they need in the remote before them is not there:
    /// nothing of that commit was made. Their lanes wait for another round; with an error, it is the round's.
    case held(SyncToken, SyncError?)
    /// The store has looked up hashes of segments, in the order of the question; nil for those it no longer
    /// knows.
    case found(SyncToken, [[UInt8]?])
}

/// An answer of the remote.
public enum RemoteAnswer: Sendable, Hashable {
    /// An object.
    case object([UInt8], ETag)
    /// The object is still the version that was named.
    case unchanged
    /// There is no such object.
    case absent
    /// The object is larger than the limit that was named.
    case tooLong
    /// It was stored.
    case stored(ETag)
    /// It was not stored, since the condition did not hold or somebody else was quicker (412, 409, 429).
    case lost
    /// No answer that says what happened: the line broke, the server failed, or it refuses this program.
    case failed(SyncError.Code, String)
}

/// What a machine wants done. Everything else happens inside it.
public enum SyncEffect: Sendable {
    /// Fetch an object of at most `limit` bytes.
    case get(SyncToken, SyncName, unless: ETag?, limit: Int)
    /// Store an object.
    case put(SyncToken, SyncName, [UInt8], PutCondition)
    /// Remove an object; that it is not there is no failure. Answered by `absent`.
    case delete(SyncToken, SyncName)
    /// Make these changes durable, all or none, before answering.
    case commit(SyncToken, [SyncChange])
    /// Look up the hashes of own and applied segments.
    case find(SyncToken, [SegmentPlace])
    /// The round is over.
    case finish(SyncReport)
}

/// A segment by its place.
public struct SegmentPlace: Sendable, Hashable {
    /// Its lane.
    public let lane: Lane
    /// Its number there.
    public let sequence: UInt64

    /// A place.
    public init(lane: Lane, sequence: UInt64) {
        self.lane = lane
        self.sequence = sequence
    }
}

/// A change of what a device remembers, made durable by the store and by `SyncState.apply`.
public enum SyncChange: Sendable {
    /// The remote is this vault's.
    case attach
    /// The next roster records, as the remote has them: as many of them as leave this device with all epochs.
    case extendRoster([[UInt8]])
    /// The remote has other records from this number on, where one stands that was made here: they take those
    /// places, as many of them as leave this device with all epochs, and what was made here is made anew
    /// behind them or given up.
    case replaceRecords(from: UInt64, [[UInt8]])
    /// The remote has all records up to this one.
    case sent(record: UInt64)
    /// Others do not know yet of something that was sent.
    case announce
    /// The bell says everything that was sent from here.
    case rang
    /// Transactions of a verified segment.
    case apply(Observation, [ChangeBatch])
    /// Changes of a verified segment that its author's role does not allow, for this reason: kept for a
    /// person to look at.
    case setAside(SegmentPlace, [ChangeBatch], String)
    /// Transactions of a segment of a former life of this device, void since the roster ended that life
    /// before it: what of them is not here waits to be sealed in the present life.
    case reissue(SegmentPlace, [ChangeBatch])
    /// Cut what no segment carries yet into segments, sealed and signed, behind the newest own ones.
    case seal
    /// Seal what no log object carries yet, at this time, behind the newest own ones.
    case sealLogs(Int64)
    /// The log objects up to this one are about to be sent for the first time.
    case offerLog(UInt64)
    /// The oldest log object that waits is known to be in the remote.
    case settleLog
    /// These segments are about to be sent for the first time.
    case offer([Lane: UInt64])
    /// A segment is known to be in the remote.
    case settle(Lane, UInt64)
    /// Make and sign the next own head.
    case draftHead(HeadBody, HeadTimes)
    /// The newest own head is in the remote, as this version.
    case settleHead(ETag)
    /// The version of whatever stands under the own head's name, to be replaced.
    case knowHead(ETag)
    /// Nothing stands there any more.
    case loseHead
    /// A head of somebody else was verified.
    case seeHead(Author, HeadMark)
    /// Seal a bell that says this; nothing is remembered.
    case sealBell(BellBody)
    /// Everything that this version of the bell announces is applied.
    case heard(ETag)
    /// All heads were looked at.
    case lookedAtAll(Int64)
    /// Something looked wrong at this time and will be looked at again.
    case suspect(Int64?)
    /// Something is wrong.
    case raise(SyncAlarm)
    /// Another copy of this device was noticed: it sends nothing from here.
    case halt(SyncState.Halt)
    /// A checkpoint's manifest was verified.
    case knowCheckpoint(CheckpointMark)
    /// What this device thinks of a checkpoint.
    case judgeCheckpoint(CheckpointID, CheckpointMark.Verdict)
    /// Take over a checkpoint, whose chunks these are: they must come to its state root.
    case loadCheckpoint(CheckpointMark, [SignedObject])
    /// Compare a checkpoint's state root with that of what this device has up to the same vector.
    case attest(CheckpointID)
    /// Make and sign a checkpoint of everything that others may rely on.
    case draftCheckpoint
    /// An own checkpoint is whole in the remote.
    case settleCheckpoint(CheckpointMark)
    /// The segments of a lane up to this one were removed from the remote.
    case collected(Lane, UInt64)
    /// A checkpoint, or what was sent of it, was removed from the remote.
    case clearedCheckpoint(CheckpointID)
}

/// What the store answers to those changes that make something.
public enum CommitResult: Sendable {
    /// The roster after a change.
    case membership(any Membership)
    /// A record breaks the roster's rules, for this reason: nothing of the commit was made.
    case refused(String)
    /// Segments, ready to be sent.
    case sealed([OutboxSegment])
    /// Log objects, ready to be sent.
    case logs([OutboxLog])
    /// A head, ready to be sent.
    case head(OutboxHead)
    /// The bytes of a bell.
    case bell([UInt8])
    /// What came of looking into a checkpoint.
    case judged(CheckpointMark.Verdict)
    /// A checkpoint, ready to be sent.
    case checkpoint(CheckpointDraft)
    /// There can be none now.
    case noCheckpoint
}
