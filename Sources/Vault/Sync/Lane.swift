public import KeyRing

/// One life of one device: everything that it wrote in this incarnation continues one chain.
public struct Author: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The device.
    public let device: DeviceID
    /// Which of its lives; 0 is the first.
    public let incarnation: UInt32

    /// An incarnation of a device.
    public init(device: DeviceID, incarnation: UInt32) {
        self.device = device
        self.incarnation = incarnation
    }

    public var description: String { "\(device)/\(incarnation)" }

    /// By device, then by incarnation.
    public static func < (a: Author, b: Author) -> Bool {
        a.device == b.device ? a.incarnation < b.incarnation : a.device < b.device
    }
}

/// The kinds of records that travel together, and alone: who does not want a stream never reads it.
public enum SyncStream {
    /// Tasks, their links and comments, and projects.
    public static let tasks: UInt16 = 1
    /// The knowledge base: documents and their versions.
    public static let knowledgeBase: UInt16 = 2
    /// Documents that are only pushed.
    public static let documents: UInt16 = 3

    /// All that there are.
    public static let all = [tasks, knowledgeBase, documents]

    /// Which stream a change travels in: that of the records that it is, or speaks of.
    public static func of(_ change: RecordChange) -> UInt16 {
        Collection.control.contains(change.collection) ? of(change.group) : of(collection: change.collection)
    }

    /// Which stream the records of a collection travel in. 24 to 31 are those of documents that are only
    /// pushed; a program that makes any is still to come.
    static func of(collection: UInt32) -> UInt16 {
        (24...31).contains(collection) ? documents : of(SyncGroup(collection: collection) ?? .tasks)
    }

    /// Which stream a group of collections travels in.
    static func of(_ group: SyncGroup) -> UInt16 {
        switch group {
        case .tasks: tasks
        case .knowledgeBase: knowledgeBase
        }
    }
}

/// One author's sequence of segments for one stream of records.
public struct Lane: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Who writes it.
    public let author: Author
    /// Which kinds of records it carries.
    public let stream: UInt16

    /// A lane of an author.
    public init(author: Author, stream: UInt16) {
        self.author = author
        self.stream = stream
    }

    public var description: String { "\(author)/\(stream)" }

    /// By author, then by stream.
    public static func < (a: Lane, b: Lane) -> Bool {
        a.author == b.author ? a.stream < b.stream : a.author < b.author
    }
}

/// How far a lane reaches: the number of its newest segment and the hash that the next one links to.
public struct Position: Sendable, Hashable {
    /// 0 before the first segment, which has the number 1.
    public let sequence: UInt64
    /// SHA-256 of that segment's signed header; zeros before the first.
    public let hash: [UInt8]

    /// A place in a lane; `hash` has 32 bytes.
    public init(sequence: UInt64, hash: [UInt8]) {
        self.sequence = sequence
        self.hash = hash
    }

    /// Before the first segment.
    public static let start = Position(sequence: 0, hash: [UInt8](repeating: 0, count: 32))
}

/// A lane and a place in it: what one device says of what it has from another.
public struct Observation: Sendable, Hashable {
    /// Whose segments.
    public let lane: Lane
    /// How many of them.
    public let position: Position

    /// What was seen of a lane.
    public init(lane: Lane, position: Position) {
        self.lane = lane
        self.position = position
    }
}
