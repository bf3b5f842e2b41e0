internal import ObjectStorage
internal import Vault

/// What a machine keeps in mind during one round. It is dropped at the end, and a crash loses nothing by it.
struct SyncRound: Sendable {
    /// The parts of a round, in the order in which they are gone through. The roster is read when something
    /// hints at news of it, and before anything is sent.
    enum Phase: Sendable {
        case attach, bell, roster, fetch, seal, send, logs, checkpoint, head, ring, collect
    }

    /// What an answer is for.
    enum Purpose: Sendable {
        case genesis
        case founding
        case record(UInt64)
        case extending(from: UInt64)
        case sentRecord(UInt64)
        case takenRecord(UInt64)
        case bell
        case head(Author)
        case segment(Lane, UInt64)
        case voided(Lane, UInt64)
        case hashes(Author, SignedObject, HeadBody)
        case manifest(CheckpointID)
        case chunk(Int)
        case loaded(CheckpointMark)
        case sending(OutboxSegment)
        case taken(OutboxSegment)
        case sendingLog(OutboxLog)
        case takenLog(OutboxLog)
        case sendingHead
        case takenHead
        case bellAgain
        case bellBytes
        case ringing
        case attested(CheckpointMark)
        case drafted
        case sendingCheckpoint
        case sendingManifest
        case removing
        case keeping(CheckpointMark, Int)
        /// A commit whose answer says nothing that is not in the state.
        case change
    }

    /// How far a lane shall be followed, and who says that it reaches there.
    struct Target: Sendable {
        var sequence: UInt64
        /// The member whose signed head says so; nil for the bell's word.
        var claimant: Author?
    }

    var request: SyncRequest
    var phase = Phase.attach
    var report = SyncReport()
    /// What was asked and not answered.
    var awaited = SortedMap<SyncToken, Purpose>()
    /// What was asked already in this phase.
    var hasAsked = false

    // Following the roster.
    /// Something names a record that is not known here.
    var wantsRoster = false
    /// The remote was asked, and has no further record.
    var hasReadRoster = false
    /// Records that came and are not in the roster yet.
    var records: [[UInt8]] = []
    /// Where they begin, if they take the places of records that were made here.
    var displacedFrom: UInt64?
    /// What the roster was read for.
    var afterRoster = Phase.fetch

    // Fetching.
    /// The bell, as it was read in this round.
    var bell: (body: BellBody, rosterSequence: UInt64, etag: ETag)?
    /// The bell's bytes, while they wait for roster records.
    var unreadBell: ([UInt8], ETag)?
    /// The bell was asked for and is not there.
    var hasNoBell = false
    var targets = SortedMap<Lane, Target>()
    /// The highest number that was asked for in each lane.
    var asked = SortedMap<Lane, UInt64>()
    /// Segments that came and wait for those before them, or for the roster.
    var arrived = SortedMap<SegmentKey, SignedObject>()
    /// How far each lane is verified: further than applied while commits are under way.
    var verified = SortedMap<Lane, Position>()
    /// Lanes that are not followed any further in this round.
    var blocked = SortedMap<Lane, Bool>()
    /// Lanes of this device's lives whose end was found.
    var probed = SortedMap<Lane, Bool>()
    /// The highest number that was asked for above the end of a lane of a former life.
    var askedPastEnd = SortedMap<Lane, UInt64>()
    /// Heads to fetch.
    var headsWanted = SortedMap<Author, Bool>()
    /// Heads that came and wait for the roster.
    var headsWaiting = SortedMap<Author, SignedObject>()
    /// Heads whose observations are to be compared once all lanes are as far as can be.
    var headsToCompare: [(Author, SignedObject, HeadBody)] = []
    /// A head says that its author has seen what could not be had.
    var hasUnacceptedHeads = false
    /// All heads are looked at in this round.
    var looksAtAll = false
    /// They were asked for.
    var hasLooked = false
    /// Whose were asked for.
    var looked = SortedMap<Author, Bool>()

    // Checkpoints.
    /// How many heads had been read when checkpoints were last looked for among them.
    var headsSearched = -1
    /// Manifests that were asked for.
    var manifests = SortedMap<CheckpointID, Bool>()
    /// Whether it is settled if a checkpoint comes in the place of segments.
    var hasDecided = false
    /// Checkpoints that turned out to be of no use.
    var useless = SortedMap<CheckpointID, Bool>()
    /// Segments are gone that a checkpoint may cover.
    var mustLoad = false
    /// The one that is being fetched, and its chunks that came.
    var loading: CheckpointMark?
    var chunks = SortedMap<Int, SignedObject>()
    /// Segments that a member has seen and that are not there.
    var missing = SortedMap<Lane, (sequence: UInt64, claimant: Author)>()
    /// An own one that is being sent, and how many of its objects were.
    var draft: CheckpointDraft?
    var draftSent = 0
    var hasDrafted = false

    // Collecting.
    /// How many objects were removed in this round.
    var removed = 0
    /// What is remembered once what is being removed is gone.
    var removing: SyncChange?
    /// How many objects of the checkpoint that remains were asked for: its manifest, then its chunks.
    var keptChecked = 0
    /// The remote does not let anything be removed now.
    var hasStoppedCollecting = false

    // Sending.
    /// Lanes of which nothing more is sent in this round.
    var held: Set<Lane> = []
    /// Segments that are being sent.
    var sending = SortedMap<SegmentKey, Bool>()
    var headTries = 0
    var ringTries = 0

    init(_ request: SyncRequest) { self.request = request }

    /// A key of segments that sorts by lane, then by number.
    struct SegmentKey: Sendable, Comparable {
        let lane: Lane
        let sequence: UInt64

        static func < (a: SegmentKey, b: SegmentKey) -> Bool {
            a.lane == b.lane ? a.sequence < b.sequence : a.lane < b.lane
        }
    }
}
