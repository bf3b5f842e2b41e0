internal import FileSystem
package import KeyRing

/// A state as a machine without keys finds it in a spool: its offer, verified, and its pages, open. Whoever
/// wrote the spool is not trusted with anything: what the statement does not cover is refused.
package struct OfferedState {
    package let offer: Offer
    /// The roster that the offer brought.
    package let roster: Roster
    private let directory: String

    /// - Throws: `.notFound` without an offer, `.integrity` for one that does not hold.
    package init(in directory: String) throws {
        self.directory = directory
        let path = directory + "/" + Offer.fileName
        guard let status = try Files.status(path), status.kind == .regular else {
            throw BackupError(
                .notFound, "nothing is offered in \(directory)",
                hint: "`ai-team backup offer DIR` on the machine that has the keys writes it")
        }
        let bytes = try Files.readAll(path, limit: Offer.sizeLimit)
        offer = try Offer(whole: bytes, "the offer", object: path)
        roster = try offer.verified()
    }

    /// The database's pages.
    ///
    /// - Throws: `.integrity` when the file is missing or of another length.
    package func pages() throws -> some PageSource { try SpoolPages(offer, directory) }

    /// The files of `data/`, in the order of their paths.
    ///
    /// - Throws: `.integrity` for one that is missing or of another length.
    package func files<Keys: BackupKeys>() throws -> [DocumentUnits<Keys>.Source] {
        let folders = Set(offer.files.map { String($0.path.prefix { $0 != "/" }) })
            .union(offer.files.map { Path.parent($0.path) ?? "" })
        for folder in folders.sorted() {
            guard try Files.status(directory + "/" + folder)?.kind == .directory else {
                throw BackupError.integrity(folder, "it is no directory in the spool")
            }
        }
        return try offer.files.map { file in
            let location = directory + "/" + file.path
            guard let status = try Files.status(location), status.kind == .regular,
                UInt64(status.size) == file.length
            else { throw BackupError.integrity(file.path, "it is not in the spool as it was offered") }
            return DocumentUnits<Keys>.Source(path: file.path, location: location)
        }
    }
}

/// The pages in a spool: ciphertext, told apart by their trailers.
private final class SpoolPages: PageSource {
    private static let pageCount = 4096
    private static let trailerCount = 48
    private static let lockPage: UInt32 = 262_145

    let databaseID: [UInt8]
    let pageCount: UInt32
    let counter: UInt64
    let isSealed = true
    private let file: File

    init(_ offer: Offer, _ directory: String) throws {
        databaseID = offer.statement.databaseID
        pageCount = offer.statement.pageCount
        counter = offer.statement.counter
        let path = directory + "/" + offer.pagesName
        guard let status = try Files.status(path), status.kind == .regular,
            status.size == Int64(pageCount) * Int64(Self.pageCount)
        else {
            throw BackupError.integrity(
                offer.pagesName, "it is missing or has another length than was offered")
        }
        file = try File.open(path, .read)
    }

    func versions(_ body: (UInt32, PageVersion) throws -> Void) throws {
        let batch = 256
        var number: UInt32 = 1
        while number <= pageCount {
            let count = min(batch, Int(pageCount - number) + 1)
            let bytes = try read(number, count)
            for index in 0..<count {
                let page = bytes[index * Self.pageCount..<(index + 1) * Self.pageCount]
                try body(number, number == Self.lockPage ? .none : Self.version(page))
                number += 1
            }
        }
    }

    func page(_ number: UInt32) throws -> PlainPage? {
        guard number != Self.lockPage else { return nil }
        let page = try read(number, 1)
        return PlainPage(
            number: number, version: Self.version(page[...]), plain: Array(page[..<PlainPage.count]))
    }

    private func read(_ number: UInt32, _ count: Int) throws -> [UInt8] {
        let bytes = try file.read(
            count: count * Self.pageCount, at: Int64(number - 1) * Int64(Self.pageCount))
        guard bytes.count == count * Self.pageCount else {
            throw BackupError.integrity("page \(number)", "the pages in the spool were cut")
        }
        return bytes
    }

    /// nonce 24 ‖ tag 16 ‖ epoch 4 ‖ zeros 4, at the end of a page.
    private static func version(_ page: ArraySlice<UInt8>) -> PageVersion {
        let trailer = page.suffix(trailerCount)
        let start = trailer.startIndex
        let tag = Array(trailer[start + 40..<start + 44]) + Array(trailer[start..<start + 40])
        return tag.withUnsafeBytes { PageVersion($0) }
    }
}
