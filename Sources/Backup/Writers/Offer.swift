package import Cryptography
package import KeyRing

/// The file `offer` of a spool: what is offered, where its pages stand, and the roster that says who may.
///
///     "ATOF" ‖ version u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ pages id 16 ‖ statement 272
///     ‖ list of blob(roster record) ‖ list of (string path ‖ u64 length), the files
///
/// It is replaced as a whole after everything that it names is there, so a spool is at one state at any time.
package struct Offer: Sendable, Equatable, Canonical {
    static let fileName = "offer"
    static let sizeLimit = 1 << 28
    private static let opening = Array("ATOF".utf8) + [1, 1, 0, 0]

    /// 16 random bytes; the pages stand in `pages-` and their base32.
    package var pagesID: [UInt8]
    package var statement: FreshnessStatement
    package var roster: [[UInt8]]
    /// In the order of their paths' bytes.
    package var files: [OfferedFile]

    package var pagesName: String { "pages-" + Crockford32.encode(pagesID) }

    package init(
        pagesID: [UInt8], statement: FreshnessStatement, roster: [[UInt8]], files: [OfferedFile]
    ) {
        self.pagesID = pagesID
        self.statement = statement
        self.roster = roster
        self.files = files
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard try reader.raw(8) == Self.opening else {
            throw CryptoError(.malformed, "an offer of a newer format")
        }
        pagesID = try reader.raw(16)
        statement = try FreshnessStatement(from: &reader)
        roster = try reader.blobs(limit: 1 << 20, length: 1 << 24)
        files = try reader.list(of: OfferedFile.self, limit: 1 << 24, size: 12)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(Self.opening)
        writer.raw(pagesID)
        statement.write(to: &writer)
        writer.blobs(roster)
        writer.list(files)
    }

    /// The roster that it brings, if it and the statement hold.
    ///
    /// - Throws: `.integrity`.
    package func verified() throws(BackupError) -> Roster {
        let verified: Roster
        do throws(KeyError) { verified = try Roster(verifying: roster) } catch {
            throw .integrity(Self.fileName, "its roster does not hold: \(error.message)")
        }
        try statement.verify(chain: roster, under: verified, object: Self.fileName)
        guard OfferedFile.hash(files) == statement.filesHash else {
            throw .integrity(Self.fileName, "its list of files is not the one that the statement names")
        }
        var last: String?
        for file in files {
            guard file.isInPlace, last.map({ $0.utf8.lexicographicallyPrecedes(file.path.utf8) }) ?? true
            else { throw .integrity(Self.fileName, "a file where none belongs: \(file.path)") }
            last = file.path
        }
        return verified
    }
}
