internal import Dispatch
internal import Synchronization

/// What bringing the index up to date did.
public struct IndexReport: Sendable, Equatable {
    /// Documents that were read.
    public internal(set) var documents = 0
    /// Those that could not be read.
    public internal(set) var unreadable: [String] = []
    /// False when time was up: the rest comes with the next search or `kb reindex`.
    public internal(set) var isComplete = true
}

extension Vault {
    /// Brings documents into the index whose newest content is here and not in it: after a sync, after an
    /// update of the program, after a crash. What was done stays done, batch by batch.
    ///
    /// - Parameters:
    ///   - patience: when to stop; nil for not before the end.
    ///   - progress: called after each batch with the number of documents so far.
    @discardableResult
    public func indexDocuments(
        _ indexer: any DocumentIndexer, patience: Duration? = nil,
        progress: (_ documents: Int) throws -> Void = { _ in }
    ) throws -> IndexReport {
        var report = IndexReport()
        guard try !read({ try $0.isIndexComplete(version: indexer.version) }) else { return report }
        let deadline = patience.map { ContinuousClock.now + $0 }
        while true {
            let batch = try read {
                try $0.unindexedDocuments(version: indexer.version, limit: Self.batchDocuments)
            }
            guard !batch.isEmpty else { break }
            if let deadline, ContinuousClock.now >= deadline {
                report.isComplete = false
                return report
            }
            try index(batch, indexer, &report)
            try progress(report.documents)
        }
        try write { tx in
            guard try tx.unindexedDocuments(version: indexer.version, limit: 1).isEmpty else { return }
            try tx.noteIndexComplete(version: indexer.version)
        }
        return report
    }

    /// Cuts every document anew and brings it into the index. Called again after a crash it goes on.
    @discardableResult
    public func reindexDocuments(
        _ indexer: any DocumentIndexer, progress: (_ documents: Int) throws -> Void = { _ in }
    ) throws -> IndexReport {
        if try !textIndexFits() { try write { try $0.rebuildTextIndexes() } }
        try write { _ = try $0.markAllForIndexing() }
        return try indexDocuments(indexer, progress: progress)
    }

    /// Brings one document into the index, if its content is here.
    func index(_ id: String, _ indexer: any DocumentIndexer) throws {
        var report = IndexReport()
        let found = try read { try $0.unindexedDocuments(version: indexer.version, id: id, limit: 1) }
        try index(found, indexer, &report)
    }

    /// Documents that are read between two transactions.
    static let batchDocuments = 64

    /// Reads and cuts documents on all cores, then writes what came of it in one transaction.
    private func index(
        _ batch: [IndexableDocument], _ indexer: any DocumentIndexer, _ report: inout IndexReport
    ) throws {
        let slots = Mutex([Result<[DocumentPiece], any Error>?](repeating: nil, count: batch.count))
        DispatchQueue.concurrentPerform(iterations: batch.count) { index in
            let result = Result { try self.pieces(of: batch[index], indexer) }
            slots.withLock { $0[index] = result }
        }
        var outcomes: [(document: IndexableDocument, state: IndexState, pieces: [DocumentPiece])] = []
        for (document, slot) in zip(batch, slots.withLock({ $0 })) {
            switch slot {
            case .success(let pieces):
                outcomes.append((document, document.text == nil ? .textless : .indexed, pieces))
            case .failure(let error):
                guard let reason = error as? VaultError, Self.isDamage(reason) else { throw error }
                outcomes.append((document, .unreadable, []))
                report.unreadable.append(document.id)
            case nil: continue
            }
        }
        try write { tx in
            for (document, state, pieces) in outcomes {
                // Another process may have been faster, or the document has gone or changed.
                let isStill = try tx.unindexedDocuments(version: indexer.version, id: document.id, limit: 1)
                    .contains { $0.row == document.row && $0.sha256 == document.sha256 }
                guard isStill else { continue }
                try tx.setIndex(
                    ofDocument: document.row, sha256: document.sha256, version: indexer.version, state, pieces
                )
            }
        }
        report.documents += batch.count
    }

    /// Whether a content is damaged or gone, rather than that reading it failed.
    static func isDamage(_ error: VaultError) -> Bool {
        error.code == .integrityFailure || error.code == .notFound
    }

    /// Reads and cuts a document.
    func pieces(
        of document: IndexableDocument, _ indexer: any DocumentIndexer
    ) throws -> [DocumentPiece] {
        guard let text = document.text else { return [] }
        let bytes = try naming(document.id) {
            try blobs.read(text, range: 0..<min(text.size, SearchableText.most))
        }
        return indexer.pieces(of: bytes, contentType: document.contentType)
    }
}
