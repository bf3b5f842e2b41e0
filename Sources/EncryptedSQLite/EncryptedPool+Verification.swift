import GRDB

/// What a look at every page and every record of the log found.
public struct DatabaseVerification: Sendable, Hashable {
    /// Pages looked at, free ones too.
    public let pageCount: UInt32
    /// Records of the log looked at.
    public let frameCount: UInt32
    /// Numbers of the pages that do not authenticate; without a key for its epoch a page can't.
    public let damagedPages: [UInt32]
    /// Numbers of the frames of the log that do not authenticate.
    public let damagedFrames: [UInt32]
    /// Numbers of the pages that authenticate, but are not those of the newest state: older ones were put
    /// back.
    public let replacedPages: [UInt32]
    /// Whether the pages as a whole are not those of the newest state, and nothing tells which.
    public let isOtherState: Bool

    /// Whether nothing was found.
    public var isIntact: Bool {
        damagedPages.isEmpty && damagedFrames.isEmpty && replacedPages.isEmpty && !isOtherState
    }
}

extension EncryptedPool {
    /// Authenticates every page of the main file and every record of the log that counts, and compares the
    /// pages with the state that the seal stands for.
    public func verify(milliseconds: Int = 10_000) throws -> DatabaseVerification {
        let deadline = Clock.deadline(milliseconds: UInt64(max(0, milliseconds)))
        let lock = try ConnectionLocks.snapshot(base: database.lockBase)
        guard try lock.lockExclusive(until: deadline) else { throw EncryptedPool.busy }
        defer { lock.unlock() }
        try database.settleRotation()
        let log = try pool.writeWithoutTransaction { try $0.verifyLog(until: deadline) }
        let image = try DatabaseImage(database)
        var state = try PageState(database, inTransit: log.inTransit)
        var damaged: [UInt32] = []
        for index in 0..<image.pageCount {
            let page = try image.read(index + 1)
            let isIntact = try image.isIntact(page, number: index + 1)
            // A power cut may have torn what a checkpoint wrote; the log has it.
            if !isIntact, !log.inTransit.contains(index + 1) { damaged.append(index + 1) }
            let hasTag = index + 1 != Layout.lockPage && page.count == Layout.page
            try state.add(index + 1, hasTag ? PageTag(ciphertext: page) : .none, isIntact: isIntact)
        }
        let found = try state.finish()
        return DatabaseVerification(
            pageCount: image.pageCount, frameCount: log.count, damagedPages: damaged,
            damagedFrames: log.damaged, replacedPages: found.replaced,
            isOtherState: found.isOther && damaged.isEmpty)
    }
}

/// Compares pages with the state that the seal stands for: each by its number where the list of tags is
/// there, else all together.
struct PageState {
    private let database: RegisteredDatabase
    private let seal: Seal
    private let hasList: Bool
    /// Pages that a checkpoint which is not closed may have written.
    private let inTransit: Set<UInt32>
    private var hasher: PageRootHasher
    private var leaf: (index: Int, tags: [UInt8])?
    private var count: UInt32 = 0
    private var replaced: [UInt32] = []
    private var isListWhole = true

    init(_ database: RegisteredDatabase, inTransit: Set<UInt32> = []) throws(EncryptedDatabaseError) {
        self.database = database
        self.inTransit = inTransit
        seal = try database.seal.read()
        hasher = PageRootHasher(databaseID: database.databaseID, counter: seal.counter)
        guard let base = seal.base else {
            hasList = false
            return
        }
        hasList = try database.tags.fit(base.root, counter: base.counter)
    }

    /// Looks at page `number`; all of them in order.
    mutating func add(_ number: UInt32, _ tag: PageTag, isIntact: Bool) throws(EncryptedDatabaseError) {
        count = number
        tag.bytes.withUnsafeBytes { hasher.add($0) }
        guard hasList, isIntact, !inTransit.contains(number) else { return }
        let (index, offset) = PageTree.place(of: number)
        if leaf?.index != index {
            let tags = try database.tags.tags(index)
            if tags == nil, Int(number) <= Int(database.tags.pageCount ?? 0) { isListWhole = false }
            leaf = (index, tags ?? [])
        }
        guard let tags = leaf?.tags, isListWhole else { return }
        if tags.isEmpty || tags[offset..<offset + PageTag.count] != tag.bytes[...] { replaced.append(number) }
    }

    /// The pages that are not those of the newest state, and whether nothing but that can be said.
    consuming func finish() throws(EncryptedDatabaseError) -> (replaced: [UInt32], isOther: Bool) {
        guard let base = seal.base else { return ([], false) }
        if hasList, isListWhole {
            // A checkpoint that is not closed may have cut the file.
            let known = database.tags.pageCount ?? 0
            if !seal.hasIntent, count < known { replaced += (count + 1)...known }
            return (replaced, false)
        }
        return ([], seal.hasIntent || hasher.finalize() != base.root)
    }
}
