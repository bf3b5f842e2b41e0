import Synchronization

/// The tags of all pages as a root proves them, from the list beside the database.
///
/// The list is a cache. Its hashes count once their root is the seal's, the tags of a leaf once their hash is
/// the leaf's; no more than the hashes and one leaf are ever in memory. It is changed only after the seal has
/// the new root: whatever a crash leaves of that, the seal then stands for the pages as they are on disk, and
/// a list that does not fit is made anew from them. While a checkpoint is under way nobody changes it, and it
/// was synced before.
final class PageTags: Sendable {
    /// What is known of the list since it was last compared with a root.
    fileprivate struct Known {
        var root: [UInt8]
        var pageCount: UInt32
        /// The hashes of all leaves, 32 bytes each.
        var leaves: [UInt8]
        /// Leaves whose tags were compared with their hash.
        var proven: Set<Int> = []

        func hash(_ leaf: Int) -> ArraySlice<UInt8> {
            leaves[leaf * PageTree.hash..<(leaf + 1) * PageTree.hash]
        }

        var leafCount: Int { leaves.count / PageTree.hash }
    }

    /// A root to come: what `replace` will write to the list.
    struct Replacement {
        /// The root that the seal gets.
        let root: [UInt8]
        fileprivate let changes: PageChanges
        fileprivate let known: Known
        fileprivate let touched: [Int]
        fileprivate let oldPageCount: UInt32
    }

    private let path: String
    private let databaseID: [UInt8]
    private let known = Mutex<Known?>(nil)

    init(path: String, databaseID: [UInt8]) {
        self.path = path
        self.databaseID = databaseID
    }

    /// Whether the list is that of `root`, and the leaves of these pages are whole.
    func fit(
        _ root: [UInt8], counter: UInt64, touching pages: [UInt32] = []
    ) throws(EncryptedDatabaseError) -> Bool {
        try known.withLock { known throws(EncryptedDatabaseError) in
            guard let file = try PageTagFile.open(path) else { return false }
            if known?.root != root { known = try load(file, root, counter) }
            guard var found = known else { return false }
            known = nil
            for leaf in Self.leaves(of: pages)
            where leaf < found.leafCount && !found.proven.contains(leaf) {
                guard try tags(leaf, file, found) != nil else { return false }
                found.proven.insert(leaf)
            }
            known = found
            return true
        }
    }

    private func load(
        _ file: PageTagFile, _ root: [UInt8], _ counter: UInt64
    ) throws(EncryptedDatabaseError) -> Known? {
        guard let count = try file.pageCount() else { return nil }
        let wanted = PageTree.leafCount(count)
        // An absurd count must not cost memory: the file has at least the tags of all leaves but the last.
        guard let size = try Paths.size(path), size / Int64(PageTree.leaf) >= Int64(wanted - 1) else {
            return nil
        }
        let leaves = try file.hashes(wanted)
        guard leaves.count == wanted * PageTree.hash,
            PageTree.root(leaves, databaseID: databaseID, pageCount: count, counter: counter) == root
        else { return nil }
        return Known(root: root, pageCount: count, leaves: leaves)
    }

    /// Makes the list anew from the trailers of all pages. Whether its root is the one that it should be is
    /// for the caller to see.
    /// - Returns: the root.
    func rebuild(from trailers: PageTrailers, counter: UInt64) throws -> [UInt8] {
        try known.withLock { known in
            known = nil
            let file = try PageTagFile.make(path)
            var leaves: [UInt8] = []
            var tags: [UInt8] = []
            func close() throws {
                let index = leaves.count / PageTree.hash
                tags += [UInt8](repeating: 0, count: PageTree.leaf - tags.count)
                let hash = PageTree.hash(index, tags)
                try file.write(tags, hash: hash, leaf: index)
                leaves += hash
                tags.removeAll(keepingCapacity: true)
            }
            try trailers.each { _, tag in
                tags.append(contentsOf: tag)
                if tags.count == PageTree.leaf { try close() }
            }
            if !tags.isEmpty || leaves.isEmpty { try close() }
            try file.write(pageCount: trailers.pageCount)
            try file.sync()
            let root = PageTree.root(
                leaves, databaseID: databaseID, pageCount: trailers.pageCount, counter: counter)
            known = Known(
                root: root, pageCount: trailers.pageCount, leaves: leaves,
                proven: Set(0..<leaves.count / PageTree.hash))
            return root
        }
    }

    /// What the list's changes since it was last synced need before a seal may lean on it.
    func sync() throws(EncryptedDatabaseError) { try PageTagFile.open(path)?.sync() }

    /// The pages that the proven list is of; nil when `fit` did not prove one.
    var pageCount: UInt32? { known.withLock { $0?.pageCount } }

    /// The proven tags of a leaf, 256 of 44 bytes; nil when the list has it no more.
    func tags(_ leaf: Int) throws(EncryptedDatabaseError) -> [UInt8]? {
        try known.withLock { known throws(EncryptedDatabaseError) in
            guard let known, leaf < known.leafCount, let file = try PageTagFile.open(path) else { return nil }
            return try tags(leaf, file, known)
        }
    }

    private func tags(
        _ leaf: Int, _ file: PageTagFile, _ known: Known
    ) throws(EncryptedDatabaseError) -> [UInt8]? {
        let tags = try file.tags(leaf)
        guard tags.count == PageTree.leaf, PageTree.hash(leaf, tags)[...] == known.hash(leaf) else {
            return nil
        }
        return tags
    }

    /// The root that the proven list has with these tags and so many pages. Changes nothing; nil when the
    /// list does not fit any more.
    func replacement(
        of changes: PageChanges, pageCount: UInt32, counter: UInt64
    ) throws(EncryptedDatabaseError) -> Replacement? {
        try known.withLock { known throws(EncryptedDatabaseError) in
            guard let old = known, let file = try PageTagFile.open(path) else { return nil }
            var new = old
            let count = PageTree.leafCount(pageCount)
            let missing = max(0, count * PageTree.hash - old.leaves.count)
            new.leaves = Array(old.leaves.prefix(count * PageTree.hash))
            new.leaves += [UInt8](repeating: 0, count: missing)
            new.pageCount = pageCount
            new.proven = old.proven.filter { $0 < count }
            var touched = Set(Self.leaves(of: changes.numbers).filter { $0 < count })
            touched.formUnion(min(old.leafCount, count)..<count)
            // Behind the last page are zeros.
            if pageCount < old.pageCount { touched.insert(count - 1) }
            let order = touched.sorted()
            for leaf in order {
                guard let tags = try changed(leaf, file, old, changes, pageCount) else { return nil }
                let place = leaf * PageTree.hash
                new.leaves.replaceSubrange(
                    place..<place + PageTree.hash, with: PageTree.hash(leaf, tags))
            }
            new.root = PageTree.root(
                new.leaves, databaseID: databaseID, pageCount: pageCount, counter: counter)
            return Replacement(
                root: new.root, changes: changes, known: new, touched: order,
                oldPageCount: old.pageCount)
        }
    }

    /// Writes a replacement to the list, after the seal has its root.
    func replace(_ replacement: Replacement) throws(EncryptedDatabaseError) {
        try known.withLock { known throws(EncryptedDatabaseError) in
            guard let old = known, let file = try PageTagFile.open(path) else { return }
            known = nil
            var new = replacement.known
            for leaf in replacement.touched {
                guard let tags = try changed(leaf, file, old, replacement.changes, new.pageCount) else {
                    return
                }
                try file.write(tags, hash: Array(new.hash(leaf)), leaf: leaf)
                new.proven.insert(leaf)
            }
            if new.pageCount != replacement.oldPageCount { try file.write(pageCount: new.pageCount) }
            try file.sync()
            known = new
        }
    }

    /// The tags of a leaf with the changes in it; nil when the old ones are not proven.
    private func changed(
        _ leaf: Int, _ file: PageTagFile, _ old: Known, _ changes: PageChanges, _ pageCount: UInt32
    ) throws(EncryptedDatabaseError) -> [UInt8]? {
        var tags = [UInt8](repeating: 0, count: PageTree.leaf)
        if leaf < old.leafCount {
            guard let found = try self.tags(leaf, file, old) else { return nil }
            tags = found
        }
        let first = UInt32(leaf * PageMap.leafCount) + 1
        var index = changes.place(of: first)
        while index < changes.numbers.count {
            let (place, offset) = PageTree.place(of: changes.numbers[index])
            guard place == leaf else { break }
            tags.replaceSubrange(offset..<offset + PageTag.count, with: changes.tag(at: index))
            index += 1
        }
        let end = max(0, (Int(pageCount) - leaf * PageMap.leafCount) * PageTag.count)
        if end < tags.count {
            tags.replaceSubrange(end..., with: [UInt8](repeating: 0, count: tags.count - end))
        }
        return tags
    }

    private static func leaves(of pages: [UInt32]) -> Set<Int> {
        Set(pages.lazy.map { PageTree.place(of: $0).leaf })
    }
}
