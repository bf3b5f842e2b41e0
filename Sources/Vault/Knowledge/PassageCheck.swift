internal import Dispatch
internal import Synchronization

extension Vault {
    /// Cuts the texts of documents that are in the index anew, and compares what comes of it with their
    /// passages. Documents whose contents can't be read are left to the check of documents.
    ///
    /// - Returns: the ids of documents whose passages are not what their texts make.
    public func documentsThatMisfit(_ indexer: any DocumentIndexer) throws -> [String] {
        var misfits: [String] = []
        var last: Int64 = 0
        while true {
            let batch = try read {
                try $0.indexedDocuments(version: indexer.version, after: last, limit: Self.batchDocuments)
            }
            guard let end = batch.last else { return misfits }
            let slots = Mutex([Result<Bool, any Error>?](repeating: nil, count: batch.count))
            DispatchQueue.concurrentPerform(iterations: batch.count) { index in
                let result = Result { try self.fits(batch[index], indexer) }
                slots.withLock { $0[index] = result }
            }
            for (document, slot) in zip(batch, slots.withLock({ $0 })) {
                if try slot?.get() == false { misfits.append(document.id) }
            }
            last = end.row
        }
    }

    private func fits(_ document: IndexableDocument, _ indexer: any DocumentIndexer) throws -> Bool {
        let pieces: [DocumentPiece]
        do {
            pieces = try self.pieces(of: document, indexer)
        } catch let error as VaultError {
            guard Self.isDamage(error) else { throw error }
            return true
        }
        return try read { tx in
            // It may have changed since it was read.
            let isStill = try tx.indexedDocuments(
                version: indexer.version, after: document.row - 1, limit: 1
            ).contains { $0.row == document.row && $0.sha256 == document.sha256 }
            guard isStill else { return true }
            return try tx.storedPassages(ofDocument: document.row)
                == pieces.enumerated().map { StoredPassage($0.offset, $0.element) }
        }
    }
}

/// What the index keeps of a passage, and how it is told from others.
struct StoredPassage: Equatable {
    let ordinal: Int
    /// In bytes of the text.
    let start: Int
    let heading: String
    let text: String
    let hash: [UInt8]
}

extension StoredPassage {
    init(_ ordinal: Int, _ piece: DocumentPiece) {
        self.init(
            ordinal: ordinal, start: piece.range.lowerBound, heading: piece.heading, text: piece.text,
            hash: ChunkIndex.hash(of: piece))
    }
}
