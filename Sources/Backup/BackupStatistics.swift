package import Cryptography

/// Numbers for `backup list` and `show`: what a backup holds, what it added and why.
package struct BackupStatistics: Sendable, Equatable, Canonical {
    /// One kind of content.
    package struct Part: Sendable, Equatable, Canonical {
        /// Pages, documents' versions, or regular files.
        package var items: UInt64 = 0
        /// Their bytes.
        package var bytes: UInt64 = 0
        /// Those that the backup before did not have, or had otherwise.
        package var added: UInt64 = 0
        /// Bytes that they took in packs, with their lists, before padding and encryption.
        package var bytesAdded: UInt64 = 0

        package init() {}

        package init(from reader: inout CanonicalReader) throws(CryptoError) {
            items = try reader.u64()
            bytes = try reader.u64()
            added = try reader.u64()
            bytesAdded = try reader.u64()
        }

        package func write(to writer: inout CanonicalWriter) {
            writer.u64(items)
            writer.u64(bytes)
            writer.u64(added)
            writer.u64(bytesAdded)
        }
    }

    /// Files of the vault and outside it.
    package var files: UInt64 = 0
    package var bytesLogical: UInt64 = 0
    /// Bytes of the packs of this run.
    package var bytesAdded: UInt64 = 0
    package var durationMilliseconds: UInt64 = 0
    package var database = Part()
    package var documents = Part()
    package var outside = Part()

    package init() {}

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        files = try reader.u64()
        bytesLogical = try reader.u64()
        bytesAdded = try reader.u64()
        durationMilliseconds = try reader.u64()
        database = try Part(from: &reader)
        documents = try Part(from: &reader)
        outside = try Part(from: &reader)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u64(files)
        writer.u64(bytesLogical)
        writer.u64(bytesAdded)
        writer.u64(durationMilliseconds)
        database.write(to: &writer)
        documents.write(to: &writer)
        outside.write(to: &writer)
    }
}
