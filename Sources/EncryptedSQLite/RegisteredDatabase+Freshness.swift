import Glibc

/// The root of the freshness of a database: which pages make up the state that the seal stands for.
///
/// The order that makes it safe. A checkpoint: the list of tags fits the seal and is synced; the seal gets
/// the floor and the intent (the root before, the counter one up); pages are written and synced; the seal
/// closes the intent with the new root; the list follows, and is synced. While the intent stands, pages that
/// frames below the floor name may hold anything, and all others are those of the root before. A list that a
/// crash left behind is made anew from the pages, which counts only when that gives the seal's root; while an
/// intent stands it could not, but then the list on disk is still the one from before.
extension RegisteredDatabase {
    /// Has the list of tags fit `seal`; under the snapshot lock or the gate, so that nobody writes pages
    /// meanwhile.
    ///
    /// - Parameter pages: those whose tags are about to be replaced.
    /// - Returns: the root that the list has; that of the pages as they are where the seal has none yet.
    /// - Throws: `rollback` when the pages are not those that the seal stands for, or nothing can prove that.
    @discardableResult
    func prepareTags(
        _ seal: Seal, touching pages: [UInt32] = []
    ) throws(EncryptedDatabaseError) -> [UInt8] {
        guard let base = seal.base else { return try rebuildTags(counter: seal.counter) }
        if try tags.fit(base.root, counter: base.counter, touching: pages) { return base.root }
        guard !seal.hasIntent else { throw unproven }
        guard try rebuildTags(counter: base.counter) == base.root else {
            throw EncryptedDatabaseError.otherState(path)
        }
        return base.root
    }

    private func rebuildTags(counter: UInt64) throws(EncryptedDatabaseError) -> [UInt8] {
        do {
            let file = try RawFiles.descriptor(of: path)
            let count = UInt32((try Paths.size(path) ?? 0) / Int64(Layout.page))
            return try tags.rebuild(from: PageTrailers(file: file, pageCount: count), counter: counter)
        } catch {
            throw error as? EncryptedDatabaseError ?? EncryptedDatabaseError(.io, "\(error)")
        }
    }

    /// A checkpoint may write from here on.
    ///
    /// - Parameters:
    ///   - frames: how many frames of the log it may copy.
    ///   - pages: those that these frames name.
    func beginCheckpoint(frames: UInt32, pages: [UInt32]) throws(EncryptedDatabaseError) {
        let before = try seal.read()
        let root = try prepareTags(before, touching: pages)
        try tags.sync()
        try raiseAnchor(before, root)
        try seal.update { (seal) throws(EncryptedDatabaseError) in
            guard seal.state == .open else {
                throw EncryptedDatabaseError(.tampered, "a checkpoint found a drained seal")
            }
            seal.floor = max(seal.floor, frames)
            seal.isAnchored = anchor != nil
            // A checkpoint that was not closed goes on: the root before is still that one's.
            if !seal.hasIntent {
                seal.intentRoot = root
                seal.root = Seal.noHash
                seal.counter += 1
            }
            return true
        }
    }

    /// A checkpoint has copied all of the log, and the main file is synced.
    func closeCheckpoint(_ changes: PageChanges, pageCount: UInt32) throws(EncryptedDatabaseError) {
        let counter = try seal.read().counter
        guard let new = try tags.replacement(of: changes, pageCount: pageCount, counter: counter) else {
            throw unproven
        }
        try seal.update { (seal) throws(EncryptedDatabaseError) in
            guard seal.hasIntent, seal.counter == counter else {
                throw EncryptedDatabaseError(.tampered, "the seal of \(path) changed during a checkpoint")
            }
            seal.root = new.root
            seal.intentRoot = Seal.noHash
            return true
        }
        try tags.replace(new)
    }

    /// Some pages were replaced by others with the same content, which are synced; the list fitted the seal
    /// before. The caller holds the snapshot lock.
    ///
    /// - Parameter change: what else the same write of the seal changes.
    func replaceTags(
        _ changes: PageChanges, _ change: (inout Seal) -> Void
    ) throws(EncryptedDatabaseError) {
        let before = try seal.read()
        var new: PageTags.Replacement?
        if let base = before.base {
            try raiseAnchor(before, base.root)
            guard try tags.fit(base.root, counter: base.counter, touching: changes.numbers),
                let count = tags.pageCount
            else { throw unproven }
            new = try tags.replacement(of: changes, pageCount: count, counter: base.counter + 1)
            if new == nil { throw unproven }
        }
        try seal.update { (seal) throws(EncryptedDatabaseError) in
            guard seal.counter == before.counter else {
                throw EncryptedDatabaseError(.tampered, "the seal of \(path) changed during a rotation")
            }
            if let new {
                if seal.hasIntent { seal.intentRoot = new.root } else { seal.root = new.root }
            }
            seal.counter += 1
            seal.isAnchored = seal.isAnchored || new != nil && anchor != nil
            change(&seal)
            return true
        }
        if let new { try tags.replace(new) }
    }

    /// Brings the anchor up to what the last checkpoint made, for who goes: so it need not wait for the next
    /// one. Not while another process is at that, which then does it.
    func raiseAnchor() throws(EncryptedDatabaseError) {
        guard anchor != nil else { return }
        let lock = try ConnectionLocks.snapshot(base: lockBase)
        guard try lock.lock(LOCK_EX | LOCK_NB) else { return }
        defer { lock.unlock() }
        let seal = try self.seal.read()
        guard seal.isAnchored, !seal.hasIntent, let base = seal.base else { return }
        try raiseAnchor(seal, base.root)
    }

    /// Before the seal goes on to another state the anchor has seen this one.
    private func raiseAnchor(_ seal: Seal, _ root: [UInt8]) throws(EncryptedDatabaseError) {
        guard let anchor else {
            // Its anchor would stay behind, and the next one to open it would be told of a rollback.
            guard seal.isAnchored else { return }
            throw EncryptedDatabaseError(.refused, "\(path) was opened without its anchor")
        }
        try anchor.raise(to: seal, root: root, counter: seal.base?.counter ?? seal.counter)
    }

    /// Gives a database whose last checkpoint an older program made the root of its pages as they are. Under
    /// the snapshot lock.
    func requireRoot() throws(EncryptedDatabaseError) {
        let before = try seal.read()
        guard before.base == nil else { return }
        let root = try prepareTags(before)
        try seal.update { seal in
            guard seal.base == nil, seal.counter == before.counter else { return false }
            seal.root = root
            return true
        }
    }

    private var unproven: EncryptedDatabaseError {
        let list = path + EncryptedDatabase.tagsSuffix
        return EncryptedDatabaseError(
            .rollback,
            "a checkpoint of \(path) was interrupted, and \(list) is not the one from before it: "
                + "nothing shows that the other pages are the newest",
            hint: "put that file back, or restore from a backup")
    }
}

extension Seal {
    /// Where no hash is.
    static let noHash = [UInt8](repeating: 0, count: PageTree.hash)

    /// Whether a checkpoint has begun to write pages and is not closed.
    var hasIntent: Bool { intentRoot != Seal.noHash }

    /// The newest root and the counter that it belongs to: that before a checkpoint that is not closed, else
    /// that of the pages as they are. Nil when an older program made the last checkpoint of all.
    var base: (root: [UInt8], counter: UInt64)? {
        if hasIntent { return (intentRoot, counter - 1) }
        return root == Seal.noHash ? nil : (root, counter)
    }
}

extension EncryptedDatabaseError {
    /// Pages are authentic, but not those of the state that the seal stands for.
    static func otherState(_ path: String, pages: [UInt32] = []) -> EncryptedDatabaseError {
        let hint = "older pages or an older file were put back: restore from a backup"
        guard let first = pages.first else {
            return EncryptedDatabaseError(
                .rollback, "the pages of \(path) are not those of its newest state", hint: hint)
        }
        let named = pages.prefix(10).map { "\($0)" }.joined(separator: ", ")
        let more = pages.count > 10 ? " and \(pages.count - 10) more" : ""
        return EncryptedDatabaseError(
            .rollback,
            pages.count == 1
                ? "page \(first) of \(path) is not that of its newest state: it was put back"
                : "pages \(named)\(more) of \(path) are not those of its newest state: they were put back",
            page: first, hint: hint)
    }
}
