internal import Cryptography

/// What is different between two backups in files outside the vault. Both lists are read side by side, as
/// often as somebody asks; nothing of them is held.
public struct OutsideDiff {
    /// One file, directory or link that is not the same in both.
    public struct Change: Sendable {
        /// The absolute path as bytes.
        public let path: [UInt8]
        public let kind: BackupDiff.Kind
        /// `file`, `directory`, `link`: what it is in the later backup that has it.
        public let type: String
        /// Of what was changed: `type`, `content`, `target`, `permissions`; `modified` where the two backups
        /// name content in different ways, so that nobody knows whether it is the same.
        public let fields: [String]
        /// Bytes of a file; nil where there is none.
        public let sizeBefore: UInt64?
        public let sizeAfter: UInt64?
    }

    /// How many there are of each kind.
    public struct Counts: Sendable, Equatable {
        public private(set) var created = 0
        public private(set) var changed = 0
        public private(set) var removed = 0

        /// None.
        public init() {}

        mutating func add(_ kind: BackupDiff.Kind) {
            switch kind {
            case .created: created += 1
            case .changed: changed += 1
            case .removed: removed += 1
            }
        }
    }

    private let old: OutsideListing
    private let new: OutsideListing
    /// Whether equal content has equal chunks: one device under one epoch made both lists.
    private let sharesKey: Bool
    public private(set) var counts = Counts()
    /// What of the lists does not hold: files that it names are not compared.
    public private(set) var problems: [VaultBackups.Problem] = []

    init(from old: OpenBackup, to new: OpenBackup) throws {
        sharesKey =
            old.manifest.head.deviceID == new.manifest.head.deviceID && old.isRelayed == new.isRelayed
            && old.manifest.clear.bodyEpoch == new.manifest.clear.bodyEpoch
        (self.old, self.new) = (old.outsideListing, new.outsideListing)
        var counts = Counts()
        problems = try compare { counts.add($0.kind) }.map { error, isOld in
            VaultBackups.Problem(error, in: isOld ? old.id : new.id)
        }
        self.counts = counts
    }

    /// Hands out every difference, in the order of paths.
    public func forEach(_ body: (Change) throws -> Void) throws { _ = try compare(body) }

    private func compare(
        _ body: (Change) throws -> Void
    ) throws -> [(error: BackupError, isOld: Bool)] {
        var (before, after) = (Side(old), Side(new))
        var (left, right) = (try before.next(), try after.next())
        while true {
            switch (left, right) {
            case (nil, nil): return before.broken.map { ($0, true) } + after.broken.map { ($0, false) }
            case (let item?, nil):
                try body(Self.change(item, .removed))
                left = try before.next()
            case (nil, let item?):
                try body(Self.change(item, .created))
                right = try after.next()
            case (let one?, let other?):
                if one.entry.path == other.entry.path {
                    if let change = try compare(one, other) { try body(change) }
                    (left, right) = (try before.next(), try after.next())
                } else if one.entry.path.precedesAsPath(other.entry.path) {
                    try body(Self.change(one, .removed))
                    left = try before.next()
                } else {
                    try body(Self.change(other, .created))
                    right = try after.next()
                }
            }
        }
    }

    /// One of the lists, item by item.
    private struct Side {
        private var cursor: OutsideCursor
        private(set) var broken: [BackupError] = []

        init(_ listing: OutsideListing) { cursor = OutsideCursor(listing) }

        mutating func next() throws -> OutsideListing.Item? {
            while let step = try cursor.next() {
                switch step {
                case .segment: break
                case .item(let item): return item
                case .broken(let error): broken.append(error)
                }
            }
            return nil
        }
    }

    private static func change(_ item: OutsideListing.Item, _ kind: BackupDiff.Kind) -> Change {
        let size = item.isFile ? item.entry.size : nil
        return Change(
            path: item.entry.path, kind: kind, type: item.entry.kind.word, fields: [],
            sizeBefore: kind == .removed ? size : nil, sizeAfter: kind == .created ? size : nil)
    }

    private func compare(_ old: OutsideListing.Item, _ new: OutsideListing.Item) throws -> Change? {
        var fields: [String] = []
        let (before, after) = (old.entry, new.entry)
        if before.kind.word != after.kind.word {
            fields.append("type")
        } else if before.kind != after.kind {
            fields.append("target")
        } else if old.isFile {
            if before.size != after.size {
                fields.append("content")
            } else if sharesKey {
                if try !hasSameChunks(old, new) { fields.append("content") }
            } else if before.modified != after.modified {
                fields.append("modified")
            }
        }
        if before.permissions != after.permissions { fields.append("permissions") }
        guard !fields.isEmpty else { return nil }
        return Change(
            path: after.path, kind: .changed, type: after.kind.word, fields: fields,
            sizeBefore: old.isFile ? before.size : nil, sizeAfter: new.isFile ? after.size : nil)
    }

    private func hasSameChunks(_ old: OutsideListing.Item, _ new: OutsideListing.Item) throws -> Bool {
        // What was taken over from the older backup is the same without a look at it.
        let (before, after) = (old.entry, new.entry)
        let isTaken =
            before.inode != 0 && before.inode == after.inode && before.changed == after.changed
            && before.modified == after.modified
        if isTaken { return true }
        do {
            return try digest(of: old, in: self.old) == digest(of: new, in: self.new)
        } catch is BackupError {
            return false  // a part is missing, which is named where the list is read
        }
    }

    private func digest(of item: OutsideListing.Item, in listing: OutsideListing) throws -> [UInt8] {
        var hasher = Hasher(.sha256)
        try listing.forEachPart(of: item) { entry, segment in
            var writer = CanonicalWriter()
            for row in entry.chunks { segment.content.chunks[Int(row)].id.write(to: &writer) }
            hasher.update(writer.bytes)
        }
        return hasher.finalize()
    }
}

extension MemberKind {
    /// The kind in one word.
    fileprivate var word: String {
        switch self {
        case .file: "file"
        case .directory: "directory"
        case .symbolicLink: "link"
        case .other: "other"
        }
    }
}
