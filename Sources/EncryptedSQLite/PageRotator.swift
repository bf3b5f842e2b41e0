/// Encrypts pages of one main file anew, a batch at a time. Whoever calls holds the snapshot lock.
final class PageRotator {
    private let database: RegisteredDatabase
    private let sealer: PageSealer
    private var batch: [UInt8]
    private let pages: Int
    /// The epoch of the last batch.
    private(set) var epoch: UInt32 = 0

    /// - Parameter pages: how many there are in a batch, `RotationJournal.limit` at most.
    init(_ database: RegisteredDatabase, pages: Int = RotationJournal.limit) {
        self.database = database
        self.pages = min(max(1, pages), RotationJournal.limit)
        batch = [UInt8](repeating: 0, count: self.pages * Layout.page)
        sealer = PageSealer(keys: database.source, databaseID: database.databaseID)
    }

    /// Takes a batch of pages behind those that were looked at, and encrypts those of another epoch.
    func rotateBatch(_ state: inout PageRotation) throws(EncryptedDatabaseError) {
        let file = try RawFiles.writable(database.path)
        guard let size = try Paths.size(database.path) else {
            throw EncryptedDatabaseError(.tampered, "\(database.path) is gone")
        }
        try database.source.reload()
        epoch = database.source.currentEpoch
        state.pageCount = UInt32(size / Int64(Layout.page))
        let first = state.looked + 1
        guard first <= state.pageCount else {
            state.looked = state.pageCount
            return
        }
        let count = min(pages, Int(state.pageCount - first) + 1)
        try read(file, count, from: first)
        let old = numbersUnderOtherEpochs(count, from: first)
        if !old.isEmpty {
            try requireNewest(old, from: first)
            try write(try sealAnew(old, from: first), first: first, to: file)
        }
        state.looked += UInt32(count)
        state.rotated += UInt32(old.count)
    }

    private func read(
        _ file: Descriptor, _ count: Int, from first: UInt32
    ) throws(EncryptedDatabaseError) {
        let got = try batch.withBytes { start throws(EncryptedDatabaseError) in
            try file.read(
                into: UnsafeMutableRawBufferPointer(start: start, count: count * Layout.page),
                at: Int64(first - 1) * Int64(Layout.page))
        }
        guard got == count * Layout.page else { throw EncryptedDatabaseError.tampered(page: first) }
    }

    private func numbersUnderOtherEpochs(_ count: Int, from first: UInt32) -> [UInt32] {
        let epoch = epoch
        return batch.withBytes { start in
            (0..<count).compactMap { index in
                let number = first + UInt32(index)
                let trailer = UnsafeRawPointer(start + index * Layout.page + Layout.body)
                return number == Layout.lockPage || trailer.big32(40) == epoch ? nil : number
            }
        } ?? []
    }

    /// Pages that somebody put back are authentic: encrypted anew they would become the newest. So each has
    /// to be the one that the list of tags proves.
    private func requireNewest(_ numbers: [UInt32], from first: UInt32) throws(EncryptedDatabaseError) {
        // What is written from here on can be proven only by a list that was there before.
        try database.requireRoot()
        try database.prepareTags(try database.seal.read(), touching: numbers)
        try database.tags.sync()
        var leaf: (index: Int, tags: [UInt8])?
        for number in numbers {
            let (index, offset) = PageTree.place(of: number)
            if leaf?.index != index {
                guard let tags = try database.tags.tags(index) else {
                    throw EncryptedDatabaseError.otherState(database.path)
                }
                leaf = (index, tags)
            }
            let start = Int(number - first) * Layout.page
            let found = PageTag(ciphertext: Array(batch[start..<start + Layout.page]))
            guard leaf?.tags[offset..<offset + PageTag.count] == found.bytes[...] else {
                throw EncryptedDatabaseError.otherState(database.path, pages: [number])
            }
        }
    }

    /// A page that does not authenticate is an error: it must not get a new tag.
    private func sealAnew(
        _ numbers: [UInt32], from first: UInt32
    ) throws(EncryptedDatabaseError) -> RotationJournal {
        var journal = RotationJournal(databaseID: database.databaseID, capacity: numbers.count)
        let (epoch, sealer) = (epoch, sealer)
        try batch.withBytes { start throws(EncryptedDatabaseError) in
            for number in numbers {
                let page = start + Int(number - first) * Layout.page
                try sealer.seal(anew: page, number: number, epoch: epoch)
                journal.append(UnsafeRawBufferPointer(start: page, count: Layout.page), number: number)
            }
        }
        sealer.endBatch()
        return journal
    }

    /// Journal, seal, pages, seal: RegisteredDatabase+Rotation.swift says why in this order.
    private func write(
        _ journal: RotationJournal, first: UInt32, to file: Descriptor
    ) throws(EncryptedDatabaseError) {
        try putJournal(journal)
        let hash = journal.hash()
        try database.seal.update { seal in
            seal.rotationJournal = hash
            return true
        }
        try writeRuns(of: journal, first: first, to: file)
        try file.sync()
        try database.forget(journal)
    }

    /// Pages that follow each other are one write. Those that the journal does not have are not touched.
    private func writeRuns(
        of journal: RotationJournal, first: UInt32, to file: Descriptor
    ) throws(EncryptedDatabaseError) {
        try batch.withBytes { start throws(EncryptedDatabaseError) in
            var index = 0
            while index < journal.count {
                let number = journal.number(index)
                var end = index + 1
                while end < journal.count, journal.number(end) == journal.number(end - 1) + 1 { end += 1 }
                try file.write(
                    UnsafeRawBufferPointer(
                        start: start + Int(number - first) * Layout.page, count: (end - index) * Layout.page),
                    at: Int64(number - 1) * Int64(Layout.page))
                index = end
            }
        }
    }

    /// Its name has to be on disk before the seal says it.
    private func putJournal(_ journal: RotationJournal) throws(EncryptedDatabaseError) {
        let path = database.journalPath
        let isNew = try Paths.size(path) == nil
        let file = try Descriptor(path, create: true)
        try file.write(journal.bytes, at: 0)
        try file.sync()
        if isNew { try Paths.syncDirectory(of: path) }
    }

    /// Nothing names the journal any more.
    func removeJournal() throws(EncryptedDatabaseError) {
        if try Paths.size(database.journalPath) != nil { try Paths.remove(database.journalPath) }
    }
}
